"""A writer of a transcript, to be killed: `python -m tests.e2e.entry_writer SESSION NAME COUNT JOURNAL`.

It appends COUNT batches of three entries, and notes in JOURNAL each that was acknowledged, with its
positions. Started again after a kill, it goes on behind the last one noted: the one under way is sent again.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.e2e.writer import USER
from turnlog.coroutines import run
from turnlog.drivers.blocking import lambda_store
from turnlog.operations.append_entries import append_entries
from turnlog.records.keys import session_key, transcript_name

BATCH = 3


def main() -> None:
    """Append what is not noted yet."""
    session, name, total, journal = sys.argv[1:]
    key = transcript_name(session_key(USER, session), "main")
    noted = Path(journal).read_text(encoding="utf-8").splitlines() if Path(journal).exists() else []
    with Path(journal).open("a", encoding="utf-8") as notes:
        for number in range(len(noted), int(total)):
            entries = [{"uuid": f"{name}-{number}-{at}"} for at in range(BATCH)]
            appended = run(append_entries(lambda_store(time.monotonic() + 25), key, entries))
            notes.write(f"{name}-{number} {' '.join(map(str, appended.positions))}\n")
            notes.flush()


if __name__ == "__main__":
    main()
