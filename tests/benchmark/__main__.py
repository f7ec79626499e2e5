"""`make bench`: what a message costs and how long it takes, in Turnlog and in what else one would take."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from tests.benchmark.bench import Cell, bench
from tests.benchmark.remote import ROOT
from tests.benchmark.report import table
from tests.benchmark.stores import STORES
from tests.benchmark.summary import draw, write_readme
from tests.benchmark.targets import targets
from tests.benchmark.workloads import ALL

RESULTS = ROOT / ".cache" / "bench-results.json"


def main() -> None:
    """Measure, print the table and what is reached; of a whole run, draw the plots and write the README."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("--stores", default=",".join(STORES), help="which, with commas between")
    parser.add_argument("--only", default="", help="workloads, with commas between")
    parser.add_argument("--again", action="store_true", help="measure nothing: show the last run's results")
    arguments = parser.parse_args()
    cells = _last() if arguments.again else _run(arguments.stores.split(","), arguments.only)
    reached = targets(cells)
    sys.stdout.write(table(cells))
    for one in reached:
        sys.stdout.write(f"{'reached' if one.reached else 'MISSED ':8}{one.what}: {one.found}\n")
    if {cell.store for cell in cells} == set(STORES) and len({cell.workload for cell in cells}) > len(ALL):
        draw(RESULTS)
        write_readme(cells, reached)


def _run(names: list[str], only: str) -> list[Cell]:
    wanted = set(filter(None, only.split(",")))
    with bench(names) as one:
        one.say("started")
        for workload in ALL:
            if not wanted or workload.__name__ in wanted:
                workload(one)
        RESULTS.write_text(json.dumps([asdict(cell) for cell in one.cells]), encoding="utf-8")
        return one.cells


def _last() -> list[Cell]:
    return [Cell(**fields) for fields in json.loads(RESULTS.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    main()
