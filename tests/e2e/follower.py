"""A reader to be killed: `python -m tests.e2e.follower WAY SESSION JOURNAL`.

It follows the stream `turn`, and notes in JOURNAL each event with its cursor. Started again after a kill, it
goes on behind the last one noted. WAY is `table`, or the URL of the HTTP API.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.e2e.producer import STREAM, USER
from turnlog import Turnlog


def main() -> None:
    """Note what is not noted yet."""
    way, session, journal = sys.argv[1:]
    noted = Path(journal).read_text(encoding="utf-8").splitlines() if Path(journal).exists() else []
    after = json.loads(noted[-1])["cursor"] if noted else None
    with (
        Turnlog(user_id=USER) if way == "table" else Turnlog(url=way, token=USER) as turnlog,
        Path(journal).open("a", encoding="utf-8") as notes,
    ):
        for one in turnlog.follow(session, STREAM, after=after):
            notes.write(json.dumps({"cursor": one.cursor, "event": one.event}) + "\n")
            notes.flush()


if __name__ == "__main__":
    main()
