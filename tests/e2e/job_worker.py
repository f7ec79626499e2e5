"""A worker to be killed: `python -m tests.e2e.job_worker URL SESSION JOB JOURNAL`.

It claims the job as soon as nobody has it, and notes its attempt in JOURNAL each time it has told of its
progress, until there is a file JOURNAL.end. Then it completes the job.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from turnlog import Turnlog
from turnlog.errors import LeaseHeld

LEASE = 2  # seconds


def main() -> None:
    """Work on the job."""
    url, session, job_id, journal = sys.argv[1:]
    with Turnlog(url=url, token="alice") as turnlog:  # noqa: S106 (the local server's word for a user)
        while True:
            try:
                return _work(turnlog, session, job_id, Path(journal))
            except LeaseHeld:
                time.sleep(0.1)


def _work(turnlog: Turnlog, session: str, job_id: str, journal: Path) -> None:
    with turnlog.jobs.claimed(session, job_id, lease_seconds=LEASE) as work:
        done = 0
        while not journal.with_suffix(".end").exists():
            work.progress(done)
            with journal.open("a", encoding="utf-8") as notes:
                notes.write(f"{work.attempt}\n")
            done += 1
            time.sleep(0.05)
        work.complete(f"by attempt {work.attempt}")


if __name__ == "__main__":
    main()
