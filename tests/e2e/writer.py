"""A writer in a process of its own, to be killed: `python -m tests.e2e.writer SESSION NAME COUNT JOURNAL`.

It appends COUNT messages, NAME-0 to NAME-(COUNT-1), through the store itself, and notes in JOURNAL each that
was acknowledged, with its sequence. Started again after a kill, it goes on behind the last one noted: the one
under way when it was killed is sent again with the same id.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from shared.keys import session_key
from shared.operations.append_messages import append_messages
from shared.sync_driver import lambda_store, run

USER = "alice"


def main() -> None:
    """Append what is not noted yet."""
    session, name, total, journal = sys.argv[1:]
    noted = Path(journal).read_text(encoding="utf-8").splitlines() if Path(journal).exists() else []
    with Path(journal).open("a", encoding="utf-8") as notes:
        for number in range(len(noted), int(total)):
            message_id = f"{name}-{number}"
            message = {"role": "user", "content": f"message {message_id}", "message_id": message_id}
            store = lambda_store(time.monotonic() + 25)
            appended = run(append_messages(store, session_key(USER, session), [message]))
            notes.write(f"{message_id} {appended.sequences[0]}\n")
            notes.flush()


if __name__ == "__main__":
    main()
