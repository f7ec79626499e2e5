"""Files that are made of the template and the code: written by `make generate`, compared by `make check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent


def write_or_check(rendered: Mapping[Path, str]) -> int:
    """Write the files; with `--check` on the command line, name those that are out of date.

    Returns:
        The exit code.
    """
    due = {
        file: text
        for file, text in rendered.items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    }
    if "--check" in sys.argv[1:]:
        for file in due:
            sys.stderr.write(f"{file.relative_to(ROOT)} is out of date: run `make generate`.\n")
        return int(bool(due))
    for file, text in due.items():
        file.write_text(text, encoding="utf-8")
    return 0
