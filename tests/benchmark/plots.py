"""The plots, as SVG: `python -m tests.benchmark.plots RESULTS FOLDER`, by the peers' Python, with matplotlib.

All that is time is drawn as a multiple of what boto3 does by itself in the same run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullLocator

from tests.benchmark.stores import STORES

WRITE_PRICE, READ_PRICE = 0.625, 0.125
"""Dollars a million units, on demand in us-east-1."""

LOOKS = {
    "turnlog": ("#0b6e4f", "-", "o"),
    "async": ("#3aa17e", "-", "s"),
    "handlers": ("#1a8fe3", "-", "^"),
    "http": ("#7cc6fe", "-", "v"),
    "put": ("#777777", ":", "."),
    "transaction": ("#333333", ":", "x"),
    "langchain": ("#d1495b", "--", "D"),
    "langgraph": ("#edae49", "--", "P"),
    "openai": ("#8f5fbf", "--", "*"),
    "ancestor": ("#a0522d", "--", "X"),
}

Cell = dict[str, Any]


def main() -> None:
    """Draw what the results tell."""
    results, folder = Path(sys.argv[1]), Path(sys.argv[2])
    cells: list[Cell] = json.loads(results.read_text(encoding="utf-8"))
    mpl.rcParams |= {
        "svg.hashsalt": "turnlog",  # the same results, the same file
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    folder.mkdir(exist_ok=True)
    for name, draw in (("append", append), ("read", read), ("writers", writers)):
        figure = draw(cells)
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")


def append(cells: list[Cell]) -> Any:
    """What an append costs, and how long it takes, over the length of the history."""
    figure, (cost, time) = plt.subplots(1, 2, figsize=(10, 3.8))
    _lines(cost, cells, "append", _dollars)
    cost.set(title="Price of a million appends of 1 KB", ylabel="dollars (DynamoDB, on demand)")
    floor = {cell["at"]: median(cell["seconds"]) for cell in _of(cells, "append", "transaction")}
    _lines(time, cells, "append", lambda cell: median(cell["seconds"]) / floor[cell["at"]])
    time.set(title="Time of an append", ylabel="times the bare transaction")
    return _finished(figure, (cost, time), "messages of history")


def read(cells: list[Cell]) -> Any:
    """How long reading takes, over the length of the session."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    (floor,) = (median(cell["seconds"]) for cell in _of(cells, "read, warm", "put") if cell["at"] == 50)
    for axis, what, title in (
        (axes[0], "read, warm", "Reading a session, whole"),
        (axes[1], "read newest 50, warm", "Reading its newest 50 messages"),
    ):
        _lines(axis, cells, what, lambda cell: median(cell["seconds"]) / floor)
        axis.set(title=title, ylabel="times a bare Query of 50 messages")
    return _finished(figure, axes, "messages in the session")


def writers(cells: list[Cell]) -> Any:
    """Writers on one session: how many appends get through, and how many are lost."""
    what = "writers on one session"
    figure, (through, lost) = plt.subplots(1, 2, figsize=(10, 3.8))
    (floor,) = (cell["more"]["throughput"] for cell in _of(cells, what, "transaction"))
    _lines(through, cells, what, lambda cell: cell["more"]["throughput"] / floor)
    through.set(title="Appends a second", ylabel="times one writer's bare transactions")
    _lines(lost, cells, what, _lost)
    lost.set(title="Acknowledged messages that are not there afterwards", ylabel="percent", yscale="linear")
    return _finished(figure, (through, lost), "writers on one session")


def _dollars(cell: Cell) -> float | None:
    price: float = cell["counts"]["writes"] * WRITE_PRICE + cell["counts"]["reads"] * READ_PRICE
    return price or None


def _lost(cell: Cell) -> float:
    lost: float = 100 * cell["more"]["lost"] / len(cell["seconds"])
    return lost


def _of(cells: list[Cell], workload: str, store: str) -> list[Cell]:
    return [
        cell
        for cell in cells
        if (cell["workload"], cell["store"]) == (workload, store) and cell["seconds"] and not cell["failed"]
    ]


def _lines(axis: Any, cells: list[Cell], workload: str, value: Any) -> None:
    axis.set(xscale="log", yscale="log")
    for store, (colour, line, marker) in LOOKS.items():
        points = [(cell["at"], value(cell)) for cell in _of(cells, workload, store)]
        points = [(at, height) for at, height in points if height is not None]
        if points:
            label = STORES[store].title
            axis.plot(
                *zip(*points, strict=True), line, color=colour, marker=marker, label=label, ms=4, lw=1.4
            )


def _finished(figure: Any, axes: Any, below: str) -> Any:
    for axis in axes:
        axis.set_xlabel(below)
        axis.set_xticks(sorted({at for line in axis.lines for at in line.get_xdata()}), minor=False)
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter("{x:,g}")
        if axis.get_yscale() == "log":
            axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
            axis.yaxis.set_major_formatter("{x:,g}")
            axis.yaxis.set_minor_formatter("{x:,g}")
    # What only one of the two shows has to be told too.
    told: dict[str, Any] = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        told |= dict(zip(labels, handles, strict=True))
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0)}
    figure.legend(told.values(), told.keys(), ncol=3, frameon=False, **place)
    figure.tight_layout()
    return figure


if __name__ == "__main__":
    main()
