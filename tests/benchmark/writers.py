"""Writers at once, each in a process of its own: how many appends a second, how many lost or repeated."""

from __future__ import annotations

import asyncio
import multiprocessing
import traceback
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.benchmark.stores import STORES, load
from tests.benchmark.texts import message

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier


def write_together(name: str, sessions: list[str], each: int) -> dict[str, Any]:
    """One writer for each entry of `sessions`, who appends `each` messages there, one after the other.

    Returns:
        `seconds` from the first append to the last answer, each append's `latencies`, the tags that were
        `acknowledged` by session, how often an append `failed`, and how many `retries` there were.
    """
    # A server that has imported the store and nothing more is forked: no writer waits for imports, and none
    # inherits a connection.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"tests.benchmark.stores.{STORES[name].place.partition(':')[0]}"])
    barrier = context.Barrier(len(sessions))
    processes, ends = [], []
    for number, session in enumerate(sessions):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_tell, args=(theirs, name, session, number, each, barrier))
        process.start()
        theirs.close()
        processes.append(process)
        ends.append(ours)
    told = [end.recv() for end in ends]
    for process in processes:
        process.join()
    acknowledged: dict[str, list[str]] = {}
    for one, session in zip(told, sessions, strict=True):
        acknowledged.setdefault(session, []).extend(one["acknowledged"])
    return {
        "seconds": max(one["end"] for one in told) - min(one["start"] for one in told),
        "latencies": [seconds for one in told for seconds in one["latencies"]],
        "acknowledged": acknowledged,
        "failed": sum(one["failed"] for one in told),
        "retries": sum(one["retries"] for one in told),
        "errors": sorted({error for one in told for error in one["errors"]}),
    }


def judged(acknowledged: list[str], tags: list[str]) -> dict[str, int]:
    """How many of the acknowledged messages are not among the stored ones, and how many are there twice."""
    stored = Counter(tags)
    return {
        "lost": sum(stored[tag] == 0 for tag in acknowledged),
        "repeated": sum(count - 1 for count in stored.values() if count > 1),
    }


def _tell(end: Connection, *writer: Any) -> None:
    end.send(asyncio.run(_write(*writer)))


async def _write(name: str, session: str, number: int, each: int, barrier: Barrier) -> dict[str, Any]:
    store = load(name)
    messages = [message(f"w{number}-{at}") for at in range(each)]
    # Its connections are open, and what is made once is made, before it counts.
    await store.fill(f"{session}-warm-{number}", [message("x")])
    await store.append(f"{session}-warm-{number}", store.prepared(f"{session}-warm-{number}", [message("y")]))
    before = store.retries()
    latencies, acknowledged, errors = [], [], []
    barrier.wait()
    start = perf_counter()
    for one in messages:
        begun = perf_counter()
        try:
            await store.append(session, store.prepared(session, [one]))
        except Exception as error:  # what a store cannot do is a result
            traceback.print_exc()
            errors.append(type(error).__name__)
        else:
            latencies.append(perf_counter() - begun)
            acknowledged.append(one["content"].split(" ", 1)[0])
    finish = perf_counter()
    told = {
        "start": start,
        "end": finish,
        "latencies": latencies,
        "acknowledged": acknowledged,
        "failed": len(errors),
        "errors": errors,
        "retries": store.retries() - before,
    }
    await store.close()
    return told
