"""Writers at once, each in a process of its own: how many appends a second, how many lost or repeated."""

from __future__ import annotations

import asyncio
import multiprocessing
import traceback
from collections import Counter
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.benchmark.stores import STORES, load
from tests.benchmark.texts import message

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier


def write_together(name: str, sessions: list[str], seconds: float) -> dict[str, Any]:
    """One writer for each entry of `sessions`, who appends there for so long, one message after the other.

    All of them write until the time is over, so that what is measured is never the work of fewer.

    Returns:
        `throughput`, appends a second that were answered within the time, each append's `latencies`, the tags
        that were `acknowledged` by session, how often an append `failed`, how many `retries` there were, if
        that is told, and how many appends the `slowest` writer made, of the mean.
    """
    # A server that has imported the store and nothing more is forked: no writer waits for imports, and none
    # inherits a connection.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"tests.benchmark.stores.{STORES[name].place.partition(':')[0]}"])
    barrier = context.Barrier(len(sessions))
    processes, ends = [], []
    for number, session in enumerate(sessions):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_tell, args=(theirs, name, session, number, seconds, barrier))
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
    made = [one["in_time"] for one in told]
    return {
        "throughput": sum(made) / seconds,
        "slowest": min(made) / max(1, sum(made) / len(made)),
        "latencies": [latency for one in told for latency in one["latencies"]],
        "acknowledged": acknowledged,
        "failed": sum(one["failed"] for one in told),
        "retries": None if told[0]["retries"] is None else sum(one["retries"] for one in told),
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


async def _write(name: str, session: str, number: int, seconds: float, barrier: Barrier) -> dict[str, Any]:
    store = load(name)
    # Its connections are open, and what is made once is made, before it counts.
    await store.fill(f"{session}-warm-{number}", [message("x")])
    await store.append(f"{session}-warm-{number}", store.prepared(f"{session}-warm-{number}", [message("y")]))
    before, in_time = store.retries(), 0
    latencies: list[float] = []
    acknowledged: list[str] = []
    errors: list[Exception] = []
    barrier.wait()
    end = perf_counter() + seconds
    for at in count():
        new = [message(f"w{number}-{at}")]
        begun = perf_counter()
        if begun > end:
            break
        try:
            await store.append(session, store.prepared(session, new))
        except Exception as error:  # what a store cannot do is a result
            errors.append(error)
        else:
            answered = perf_counter()
            latencies.append(answered - begun)
            in_time += answered <= end
            acknowledged.append(new[0]["content"].split(" ", 1)[0])
    for failure in errors:  # now that no time is taken
        traceback.print_exception(failure)
    told = {
        "in_time": in_time,
        "latencies": latencies,
        "acknowledged": acknowledged,
        "failed": len(errors),
        "errors": [type(error).__name__ for error in errors],
        "retries": None if before is None else (store.retries() or 0) - before,
    }
    await store.close()
    return told
