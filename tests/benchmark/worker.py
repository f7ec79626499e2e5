"""A store in a process of its own: a line of JSON comes in, an operation is run and timed, a line goes out.

    python -m tests.benchmark.worker STORE

Times are taken here, around the store's own call, so that neither the pipe nor the harness is in them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import traceback
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.benchmark import writers
from tests.benchmark.conversation import conversation
from tests.benchmark.stores import STORES, Unsupported, load
from tests.benchmark.texts import MESSAGE_SIZE, message

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.benchmark.stores import Store

STATUS = Path("/proc/self/status")


class Worker:
    """What the harness may ask for. Every method is a command, its arguments are the line's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._store: Store = load(name)

    async def set_up(self) -> dict[str, Any]:
        await self._store.set_up()
        return {}

    async def fill(self, session: str, count: int) -> dict[str, Any]:
        await self._store.fill(session, [message(f"m{at}") for at in range(count)])
        return {}

    async def append(
        self, sessions: list[str], count: int = 1, size: int = MESSAGE_SIZE, tag: str = "a"
    ) -> dict[str, Any]:
        """Append `count` messages at once to each of the sessions in turn."""
        seconds = []
        for run, session in enumerate(sessions):
            batch = [message(f"{tag}{run}-{at}", size) for at in range(count)]
            prepared = self._store.prepared(session, batch)
            start = perf_counter()
            await self._store.append(session, prepared)
            seconds.append(perf_counter() - start)
        return {"seconds": seconds}

    async def read(
        self, session: str, runs: int, newest: int | None = None, *, cold: bool = False
    ) -> dict[str, Any]:
        seconds, found = [], 0
        for _ in range(runs):
            if cold:
                await self._store.forget(session)
            start = perf_counter()
            answer = await self._store.read(session, newest)
            seconds.append(perf_counter() - start)
            found = len(self._store.contents(answer))
            del answer
        return {"seconds": seconds, "messages": found}

    async def unchanged(self, session: str, runs: int) -> dict[str, Any]:
        return {"seconds": [await self._timed(self._store.unchanged(session)) for _ in range(runs)]}

    async def begin(self, user: str, count: int) -> dict[str, Any]:
        for at in range(count):
            await self._store.begin(user, f"listed-{at}")
        return {}

    async def sessions(self, user: str, runs: int) -> dict[str, Any]:
        return {"seconds": [await self._timed(self._store.sessions(user)) for _ in range(runs)]}

    async def contents(self, session: str) -> dict[str, Any]:
        """The first word of each message, which is its tag."""
        answer = await self._store.read(session)
        return {"tags": [content.split(" ", 1)[0] for content in self._store.contents(answer)]}

    async def converse(self, session: str) -> dict[str, Any]:
        """An agent's conversation, an append for each of its turns; how much JSON it is."""
        turns = conversation()
        for turn in turns:
            await self._store.append(session, self._store.prepared(session, turn))
        messages = [message for turn in turns for message in turn]
        return {"json": sum(len(json.dumps(one)) for one in messages), "messages": len(messages)}

    async def weigh(self, session: str, small: str, *, cold: bool) -> dict[str, Any]:
        """How much the process grows at most while it reads a session, beside what it gets."""
        await self._store.get(small)  # what is made and imported once is there
        if cold:
            await self._store.forget(session)
        before = _peak()
        answer = await self._store.get(session)
        return {"grown": _peak() - before, "answer": self._store.weight(answer)}

    async def close(self) -> dict[str, Any]:
        await self._store.close()
        return {}

    async def _timed(self, operation: Coroutine[Any, Any, Any]) -> float:
        start = perf_counter()
        await operation
        return perf_counter() - start


def _peak() -> int:
    """Bytes of memory that this process has had at the most."""
    if STATUS.exists():  # Linux counts in rusage what the parent had when it started us
        (line,) = (one for one in STATUS.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Serve until the input ends."""
    name = sys.argv[1]
    # What a store prints (Powertools its log) goes nowhere: standard output is the protocol's.
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    assert name in STORES
    with asyncio.Runner() as runner:

        async def start() -> Worker:
            return Worker(name)

        worker = runner.run(start())
        # What is imported stays; without it, looking for garbage before each run takes 40 ms.
        gc.collect()
        gc.freeze()
        answers.write("{}\n")
        for line in sys.stdin:
            command: dict[str, Any] = json.loads(line)
            gc.collect()
            do = command.pop("do")
            try:
                if do == "write_together":
                    answer = writers.write_together(name, **command)
                else:
                    answer = runner.run(getattr(worker, do)(**command))
            except Unsupported:
                answer = {"unsupported": True}
            except Exception as error:  # what a store cannot do is a result
                traceback.print_exc()
                answer = {"error": f"{type(error).__name__}: {error}"[:300]}
            answers.write(json.dumps(answer) + "\n")
        runner.run(worker.close())


if __name__ == "__main__":
    main()
