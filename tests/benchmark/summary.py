"""What the README of this folder says of a run: the table, between two marks, and the plots."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.benchmark.remote import PEERS, ROOT
from tests.benchmark.report import ratio
from tests.benchmark.stores import STORES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.benchmark.bench import Cell
    from tests.benchmark.targets import Target

README = ROOT / "tests" / "benchmark" / "README.md"
PLOTS = ROOT / "tests" / "benchmark" / "plots"
BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
COLUMNS = (
    "append at 100: requests, units",
    "at 10,000",
    "its time at 1,000",
    "read 1,000, again: units",
    "its time",
    "16 writers: a second",
    "lost",
    "stored",
)


def draw(results: Path) -> None:
    """Draw the plots."""
    command = [str(PEERS), "-m", "tests.benchmark.plots", str(results), str(PLOTS)]
    subprocess.run(command, cwd=ROOT, check=True)


def write_readme(cells: Sequence[Cell], targets: Sequence[Target]) -> None:
    """Put the run's figures between the README's marks."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    body = "\n".join([*rows(cells), "", *(_line(one) for one in targets)])
    README.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", encoding="utf-8")


def _line(target: Target) -> str:
    return f"- {target.what}: {target.found}{'' if target.reached else ' (**missed**)'}"


def rows(cells: Sequence[Cell]) -> list[str]:
    """The table, in Markdown."""
    by_key = {(cell.workload, cell.at, cell.store): cell for cell in cells}
    names = [name for name in STORES if any(cell.store == name for cell in cells)]
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name in names:

        def told(form: Callable[..., str], *keys: tuple[str, int, str], name: str = name) -> str:
            asked = [by_key.get((workload, at, store or name)) for workload, at, store in keys]
            if None in asked:
                return "-"
            failed = any(one.failed for one in asked if one)
            return "refused: too large" if failed else form(*asked)

        columns = (
            told(_cost, ("append", 100, "")),
            told(_cost, ("append", 10_000, "")),
            told(_times, ("append", 1_000, ""), ("append", 1_000, "transaction")),
            told(lambda cell: f"{cell.counts['reads']:g}", ("read, warm", 1_000, "")),
            told(_times, ("read, warm", 1_000, ""), ("read, warm", 1_000, "put")),
            told(_through, ("writers on one session", 16, ""), ("writers on one session", 1, "transaction")),
            told(_lost, ("writers on one session", 16, "")),
            told(_stored, ("conversation", 1, "")),
        )
        lines.append(f"| {STORES[name].title} | " + " | ".join(columns) + " |")
    return lines


def _cost(cell: Cell) -> str:
    return f"{cell.counts['requests']:g}, {cell.counts['writes'] + cell.counts['reads']:g}"


def _times(cell: Cell, floor: Cell) -> str:
    return f"{ratio(cell, floor):.2f} x"


def _through(cell: Cell, floor: Cell) -> str:
    return f"{cell.more['throughput'] / floor.more['throughput']:.2f} x"


def _lost(cell: Cell) -> str:
    refused = f" ({cell.more['refused'] / _asked(cell):.0%} refused)" if cell.more["refused"] else ""
    return f"{cell.more['lost'] / len(cell.seconds):.0%}{refused}"


def _asked(cell: Cell) -> int:
    refused: int = cell.more["refused"]
    return refused + len(cell.seconds)


def _stored(cell: Cell) -> str:
    return f"{cell.counts['stored'] / cell.more['json']:.2f} x" if cell.counts["stored"] else "in memory"
