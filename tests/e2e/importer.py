"""A program that imports a file, to be killed: `python -m tests.e2e.importer URL SESSION FILE`.

Started again after a kill, it makes the same call. Its steps are short, so that a kill comes between two.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.e2e.writer import USER
from turnlog import Turnlog
from turnlog.client import importing


def main() -> None:
    """Import."""
    url, session, file = sys.argv[1:]
    vars(importing)["MAX_IMPORT"] = 50
    with Turnlog(url=url, token=USER) as turnlog:
        turnlog.import_transcript(session, "main", Path(file))


if __name__ == "__main__":
    main()
