"""The results as a table."""

from __future__ import annotations

from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmark.stores import STORES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.benchmark.bench import Cell

FLOOR = {"append": "transaction", "append 12": "transaction", "append 1 MB": "turnlog", "list": "put"}
"""Beside which store's runs those of a workload are set; for the others it is the bare Query."""


def ratio(one: Cell, other: Cell) -> float:
    """How much longer one took than the other: the median over pairs of runs of the same round."""
    # A slow store stops early.
    return median(a / b for a, b in zip(one.seconds, other.seconds, strict=False))


def table(cells: Sequence[Cell]) -> str:
    """All cells, a line each, by workload."""
    lines = []
    for (workload, at), group in groupby(cells, key=lambda cell: (cell.workload, cell.at)):
        found = list(group)
        lines.append(f"\n{workload}, {at:,}")
        if not any(cell.seconds for cell in found):
            lines += _told(found)
            continue
        if workload.startswith("writers"):
            lines += _writers(found)
            continue
        floor = next((one for one in found if one.store == FLOOR.get(workload, "put") and one.seconds), None)
        lines.append(
            f"  {'':38}{'median':>9}{'p99':>9}{'ratio':>7}{'req':>5}{'up':>10}{'down':>10}"
            f"{'WU':>7}{'RU':>7}{'stored':>8}{'cmds':>6}{'up':>10}{'down':>10}"
        )
        for cell in found:
            title = f"  {STORES[cell.store].title:38}"
            if cell.failed or not cell.seconds:
                lines.append(f"{title}  {cell.failed[:100]}")
                continue
            beside = f"{ratio(cell, floor):7.2f}" if floor else f"{'':7}"
            count = cell.counts
            lines.append(
                f"{title}{cell.median * 1000:9.2f}{cell.p99 * 1000:9.2f}{beside}"
                f"{count['requests']:5g}{count['up']:10,.0f}{count['down']:10,.0f}"
                f"{count['writes']:7g}{count['reads']:7g}{count['stored']:8,.0f}"
                f"{count['commands']:6g}{count['cache_up']:10,.0f}{count['cache_down']:10,.0f}"
            )
    return "\n".join(lines) + "\n"


def _told(cells: Iterable[Cell]) -> list[str]:
    return [
        f"  {STORES[cell.store].title:38}  "
        + (cell.failed[:100] or ", ".join(f"{name} {value:,}" for name, value in cell.more.items()))
        + (f", stored {cell.counts['stored']:,}, requests {cell.counts['requests']}" if cell.counts else "")
        for cell in cells
    ]


def _writers(cells: Iterable[Cell]) -> list[str]:
    told = "".join(f"{one:>8}" for one in ("slowest", "retries", "refused", "lost", "twice"))
    lines = [f"  {'':38}{'a second':>9}{'median':>9}{'p99':>9}{told}"]
    for cell in cells:
        title = f"  {STORES[cell.store].title:38}"
        if cell.failed or not cell.seconds:
            lines.append(f"{title}  {cell.failed[:100]}")
            continue
        more = cell.more
        retries = "-" if more["retries"] is None else more["retries"]
        lines.append(
            f"{title}{more['throughput']:9.1f}{cell.median * 1000:9.2f}{cell.p99 * 1000:9.2f}"
            f"{more['slowest']:8.2f}{retries:>8}{more['refused']:8}{more['lost']:8}{more['repeated']:8}"
        )
    return lines
