"""What the stores are asked to do. Every workload fills its sessions first, which is not measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.benchmark.bench import Cell
from tests.benchmark.writers import judged

if TYPE_CHECKING:
    from tests.benchmark.bench import Bench
    from tests.benchmark.remote import Remote

LENGTHS = (1, 10, 100, 1_000, 10_000)
READ_LENGTHS = (50, 1_000, 10_000)
LONGEST = "read-10000"
NEWEST = 50
TURN = 12
SESSIONS = 1_000
MEGABYTE = 1_000_000
RUNS, ROUND = 100, 5
WRITERS = ((1, 1), (4, 1), (16, 1), (16, 16))
"""How many writers, on how many sessions."""
WRITERS_SECONDS = 2.0


def reading(bench: Bench) -> None:
    """A session of 50, 1,000 and 10,000 messages, whole and its newest 50, cold and warm."""
    for length in READ_LENGTHS:
        session = f"read-{length}"
        failed = bench.fill(lambda _: [session], length)  # noqa: B023 (called at once)
        rounds = 20 if length < LENGTHS[-1] else 3
        for what, newest in (("read", None), ("read newest 50", NEWEST)):
            for state in ("warm", "cold"):
                arguments = {"session": session, "runs": 1, "newest": newest, "cold": state == "cold"}

                def ask(remote: Remote, _: int, arguments: dict[str, Any] = arguments) -> Any:
                    return remote.ask("read", **arguments)

                names = bench.names if state == "warm" else bench.cached
                bench.timed(f"{what}, {state}", length, ask, names=names, rounds=rounds, failed=failed)
        bench.say(f"read {length:,}")

    def unchanged(remote: Remote, _: int) -> Any:
        return remote.ask("unchanged", session=f"read-{READ_LENGTHS[1]}", runs=1)

    bench.timed("read unchanged", READ_LENGTHS[1], unchanged, names=bench.names, rounds=20)


def appending(bench: Bench) -> None:
    """One message of 1 KB onto 1 to 10,000 others, of which it adds a tenth at the most; a turn of 12."""
    for length in LENGTHS:

        def sessions(name: str, length: int = length) -> list[str]:
            if length == LENGTHS[-1]:
                return [LONGEST]
            each = max(1, length // 10)
            return [f"append-{length}-{at}-{name}" for at in range(RUNS // each + 1)]

        def ask(remote: Remote, number: int, length: int = length) -> Any:
            names = sessions(remote.name, length)
            each = max(1, length // 10)
            if number * ROUND >= RUNS:  # counted, where there is one on a session of its own
                return remote.ask("append", sessions=names[-1:], tag="c")
            runs = range(number * ROUND, (number + 1) * ROUND)
            picked = [names[min(run // each, len(names) - 1)] for run in runs]
            return remote.ask("append", sessions=picked, tag=f"a{number}-")

        failed = bench.fill(sessions, length)
        bench.timed("append", length, ask, names=bench.names, rounds=RUNS // ROUND, failed=failed)
        bench.say(f"append at {length:,}")
        if length == 100:

            def turn(remote: Remote, number: int, length: int = length) -> Any:
                names = sessions(remote.name, length)
                return remote.ask("append", sessions=names[:1], count=TURN, tag=f"t{number}-")

            bench.timed(f"append {TURN}", length, turn, names=bench.names, rounds=30, failed=failed)


def listing(bench: Bench) -> None:
    """All of a user's 1,000 sessions, without their messages."""
    bench.direct["turnlog"].ask("begin", user="lister", count=SESSIONS)

    def ask(remote: Remote, _: int) -> Any:
        return remote.ask("sessions", user="lister", runs=1)

    bench.timed("list", SESSIONS, ask, names=bench.names, rounds=10)
    bench.say("list")


def one_large(bench: Bench) -> None:
    """A message of 1 MB, written and read."""
    failed = bench.fill(lambda name: [f"large-{name}"], 1)

    def append(remote: Remote, number: int) -> Any:
        session = f"large-{remote.name}"
        return remote.ask("append", sessions=[session], size=MEGABYTE, tag=f"l{number}-")

    bench.timed("append 1 MB", 1, append, names=bench.names, rounds=3, failed=failed)
    bench.say("1 MB")


def conversing(bench: Bench) -> None:
    """An agent's conversation, turn by turn: how many bytes of it are stored."""
    for name in bench.names:
        cell = Cell("conversation", 1, name)
        bench.fill(lambda name: [f"talk-{name}"], 1, names=[name])
        answer = bench.measured(name, lambda remote: remote.ask("converse", session=f"talk-{remote.name}"))
        cell.failed = answer.pop("error", "")
        cell.counts, cell.more = answer.pop("counts"), answer
        bench.cells.append(cell)
    bench.say("conversation")


def weighing(bench: Bench) -> None:
    """How much memory reading the session of 10,000 messages takes, in a process of its own each time."""
    bench.fill(lambda _: ["small"], NEWEST)
    failed = bench.fill(lambda _: [LONGEST], LENGTHS[-1])
    for state in ("warm", "cold"):
        for name in bench.names if state == "warm" else bench.cached:
            if name == "http":  # whose server is another process
                continue
            cell = Cell(f"memory, {state}", LENGTHS[-1], name, failed=failed.get(name, ""))
            if not cell.failed:
                with bench.started(name) as remote:
                    remote.ready()
                    cell.more = remote.ask("weigh", session=LONGEST, small="small", cold=state == "cold")
            bench.cells.append(cell)
    bench.say("memory")


def writing_together(bench: Bench) -> None:
    """1, 4 and 16 writers, each a process, on one session; 16 on one each."""
    for writers, sessions in WRITERS:
        for name in bench.names:
            # The server for HTTP is one of a developer's machine, and the bare transaction knows of no other.
            if name == "http" or (name == "transaction" and writers > 1):
                continue
            names = [f"writers-{writers}-{sessions}-{at}-{name}" for at in range(sessions)]
            bench.fill(lambda _: names, 1, names=[name])  # noqa: B023 (called at once)
            remote = bench.direct[name]
            spread = [names[at % sessions] for at in range(writers)]
            answer = remote.ask("write_together", sessions=spread, seconds=WRITERS_SECONDS)
            what = "writers on one session" if sessions == 1 else "writers on a session each"
            cell = Cell(what, writers, name, failed=answer.get("error", ""))
            if not cell.failed:
                cell.seconds = answer["latencies"]
                cell.more = _judged(remote, answer)
            bench.cells.append(cell)
        bench.say(f"{writers} writers on {sessions}")


def _judged(remote: Remote, answer: dict[str, Any]) -> dict[str, Any]:
    kept = [
        judged(tags, remote.ask("contents", session=session)["tags"])
        for session, tags in answer["acknowledged"].items()
    ]
    return {
        "throughput": answer["throughput"],
        "slowest": answer["slowest"],
        "retries": answer["retries"],
        "refused": answer["failed"],
        "errors": answer["errors"],
        **{what: sum(one[what] for one in kept) for what in ("lost", "repeated")},
    }


ALL = (reading, appending, weighing, listing, one_large, conversing, writing_together)
