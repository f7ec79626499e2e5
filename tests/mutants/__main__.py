"""The mutation table: each sabotage of `catalogue` is put into a copy of the code, and must be noticed.

    python -m tests.mutants [--seconds 60] [--jobs 2] [--only TEXT] [--share N]

A sabotage names the text that it replaces, and no file: it is found wherever it stands.

By the simulation, in so many seconds, or else by the tests that the sabotage names. A row says which promise
was seen broken, by which rule of the checker, and in which case or with which seed; or which test failed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.catalogue import MUTANTS
from tests.share import turn

if TYPE_CHECKING:
    from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parent.parent.parent
_CODE = ("functions", "shared")
_NEEDED = (".venv", "infra", "pyproject.toml", "template.yaml", "tests")
# The agent SDKs have an environment of their own; a plugin that it has is not for these tests.
_SDKS = [str(ROOT / ".cache/sdks-venv/bin/python"), "-m", "pytest", "-p", "no:asyncio"]


class NotAMutant(Exception):
    """The text to replace is not there exactly once, or what replaces it does not run."""


def main() -> int:
    """Run them; how many survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="for one of them, after the first schedules"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--share", type=int, default=1, help="one in so many: which, the commit decides")
    given = parser.parse_args()
    for mutant in MUTANTS:
        sabotaged(mutant)  # before the first one runs
    chosen = turn([mutant for mutant in MUTANTS if given.only in mutant.name], given.share)
    width = max(len(mutant.name) for mutant in chosen)
    promises: Counter[str] = Counter()
    with ThreadPoolExecutor(given.jobs) as pool:
        for mutant, (caught, seconds) in zip(
            chosen, pool.map(lambda mutant: _timed(mutant, given.seconds), chosen), strict=True
        ):
            promise, rule, where = caught.split("\t") if caught else ("", "SURVIVES", "")
            promises[promise] += 1
            sys.stdout.write(
                f"{mutant.name:<{width}}  {promise:<8} {rule:<26} {where:<50} {seconds:3.0f} s\n"
            )
            sys.stdout.flush()
    survivors = promises.pop("", 0)
    by_promise = ", ".join(f"{promise} {count}" for promise, count in sorted(promises.items()))
    sys.stdout.write(f"\n{len(chosen) - survivors} of {len(chosen)} sabotages were noticed: {by_promise}\n")
    return survivors


@cache
def _code() -> dict[str, str]:
    """The text of each file that can be sabotaged, by its path in the repository."""
    files = (file for part in _CODE for file in sorted((ROOT / part).rglob("*.py")))
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


def sabotaged(mutant: Mutant) -> tuple[str, str]:
    """The file's path in the repository, and its text with the sabotage in it.

    Raises:
        NotAMutant: the text that it replaces is not there exactly once.
    """
    places = [path for path, text in _code().items() for _ in range(text.count(mutant.old))]
    if len(places) != 1:
        raise NotAMutant(
            f"{mutant.name!r}: its text must be there once, and is {len(places)} times: {', '.join(places)}. "
            "Change the row in tests/mutants/catalogue; lines around it make a text the only one."
        )
    return places[0], _code()[places[0]].replace(mutant.old, mutant.new)


def _timed(mutant: Mutant, seconds: float) -> tuple[str, float]:
    begin = time.monotonic()
    return _caught(mutant, seconds), time.monotonic() - begin


def _caught(mutant: Mutant, seconds: float) -> str:
    """What notices the sabotage; empty if nothing does."""
    with tempfile.TemporaryDirectory() as folder:
        # The copy comes first, and the rest from where it is.
        copy = Path(folder)
        for part in _CODE:
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        path, text = sabotaged(mutant)
        (copy / path).write_text(text)
        for other in _NEEDED:
            (copy / other).symlink_to(ROOT / other)
        environment = {
            **os.environ,
            "PYTHONPATH": f"{folder}{os.pathsep}{folder}/shared",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if mutant.test:
            of_sdks = mutant.test.startswith("tests/integrations")
            pytest = _SDKS if of_sdks else [sys.executable, "-m", "pytest"]
            command = [*pytest, "-x", "--rootdir", folder, mutant.test]
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            failed = re.search(r"^FAILED \S+/(\S+)::(\w+)", done.stdout, re.MULTILINE)
            return f"test\t{failed[1]}\t{failed[2]}" if failed else ""
        command = [sys.executable, "-W", "ignore", "-m", "tests.mutants.hunt", str(seconds), mutant.case]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotAMutant(f"{mutant.name!r} does not run:\n{done.stderr}")
        return done.stdout


if __name__ == "__main__":
    sys.exit(main())
