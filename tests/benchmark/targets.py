"""What Turnlog is to reach, as ratios and counts of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.benchmark.report import ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.benchmark.bench import Cell

    Look = Callable[[str, int, str], Cell]


class Target(NamedTuple):
    """What is to be reached, what was found, and whether that is it."""

    what: str
    found: str
    reached: bool


def targets(cells: Sequence[Cell]) -> list[Target]:
    """All targets of which the run had the workloads."""
    by_key = {(cell.workload, cell.at, cell.store): cell for cell in cells if not cell.failed}
    found = []
    for judge in (_flat, _append, _get, _unchanged, _writers, _stored, _memory):
        try:
            found += list(judge(lambda *key: by_key[key]))
        except KeyError:  # the workload or the store did not take part
            continue
    return found


def _flat(cell: Look) -> Iterator[Target]:
    costs = [cell("append", at, "handlers").counts for at in (1, 10, 100, 1_000, 10_000)]
    for what, names in (("requests", ("requests",)), ("units", ("writes", "reads"))):
        sums = [sum(cost[name] for name in names) for cost in costs]
        yield Target(
            f"an append's {what}: the same from 1 to 10,000 messages",
            " ".join(f"{one:g}" for one in sums),
            len(set(sums)) == 1,
        )
    sums = [sum(cost[name] for name in ("up", "down", "cache_up", "cache_down")) for cost in costs]
    # Until it holds 128 ids, the head's ring grows with the session.
    yield Target(
        "an append's bytes: the same at 10,000 messages as at 1,000, to 5 %",
        " ".join(f"{one:,}" for one in sums),
        abs(sums[-1] / sums[-2] - 1) <= 0.05,
    )


def _append(cell: Look) -> Iterator[Target]:
    for at in (100, 1_000, 10_000):
        times = ratio(cell("append", at, "handlers"), cell("append", at, "transaction"))
        yield Target(
            f"an append through the handler, at {at:,}: at most 1.3 x the bare transaction",
            f"{times:.2f} x",
            times <= 1.3,
        )


def _get(cell: Look) -> Iterator[Target]:
    for store, title in (("handlers", "through the handler"), ("turnlog", "in process, parsed")):
        times = ratio(cell("read, warm", 1_000, "put"), cell("read, warm", 1_000, store))
        yield Target(
            f"a warm get of 1,000 messages, {title}: at least 3 x faster than the bare Query",
            f"{times:.1f} x",
            times >= 3,
        )


def _unchanged(cell: Look) -> Iterator[Target]:
    times = ratio(cell("read, warm", 1_000, "put"), cell("read unchanged", 1_000, "handlers"))
    yield Target("… of one that is unchanged (If-None-Match): at least 10 x", f"{times:.1f} x", times >= 10)


def _writers(cell: Look) -> Iterator[Target]:
    what = "writers on one session"
    sixteen = cell(what, 16, "turnlog").more
    yield Target(
        "16 writers on one session: nothing lost, repeated or refused",
        f"{sixteen['lost']}, {sixteen['repeated']}, {sixteen['refused']}",
        not (sixteen["lost"] or sixteen["repeated"] or sixteen["refused"]),
    )
    share = sixteen["throughput"] / cell(what, 1, "transaction").more["throughput"]
    yield Target(
        "16 writers on one session: at least 0.5 x one writer's bare transactions a second",
        f"{share:.2f} x",
        share >= 0.5,
    )


def _stored(cell: Look) -> Iterator[Target]:
    talk = cell("conversation", 1, "turnlog")
    share = talk.counts["stored"] / talk.more["json"]
    yield Target("a conversation's stored bytes: at most half of its JSON", f"{share:.2f} x", share <= 0.5)


def _memory(cell: Look) -> Iterator[Target]:
    for state in ("warm", "cold"):
        more = cell(f"memory, {state}", 10_000, "handlers").more
        share = more["grown"] / more["answer"]
        yield Target(f"peak memory of a get, {state}: under 3 x the answer", f"{share:.2f} x", share < 3)
