"""A writer to be killed: `python -m tests.e2e.writer WAY SESSION NAME COUNT JOURNAL`.

It appends COUNT messages, NAME-0 to NAME-(COUNT-1), and notes in JOURNAL each that was acknowledged, with its
sequence. Started again after a kill, it goes on behind the last one noted: the one under way when it was
killed is sent again with the same id. WAY is `store`, for the store's own operations in this process, or the
URL of the HTTP API.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tests.http_client import request

USER = "alice"
SECONDS = 60.0


def main() -> None:
    """Append what is not noted yet."""
    way, session, name, total, journal = sys.argv[1:]
    noted = Path(journal).read_text(encoding="utf-8").splitlines() if Path(journal).exists() else []
    with Path(journal).open("a", encoding="utf-8") as notes:
        for number in range(len(noted), int(total)):
            message_id = f"{name}-{number}"
            message = {"role": "user", "content": f"message {message_id}", "message_id": message_id}
            sequence = by_store(session, message) if way == "store" else by_http(way, session, message)
            notes.write(f"{message_id} {sequence}\n")
            notes.flush()


def by_store(session: str, message: dict[str, Any]) -> int:
    """Append through the store; the sequence that it says."""
    from turnlog.coroutines import run  # noqa: PLC0415
    from turnlog.drivers.blocking import lambda_store  # noqa: PLC0415
    from turnlog.operations.append_messages import append_messages  # noqa: PLC0415
    from turnlog.records.keys import session_key  # noqa: PLC0415 (not for those who come by HTTP)

    store = lambda_store(time.monotonic() + SECONDS)
    return run(append_messages(store, session_key(USER, session), [message])).sequences[0]


def by_http(url: str, session: str, message: dict[str, Any]) -> int:
    """Append over HTTP; the sequence that the answer says."""
    body = {"messages": [message]}
    reply = request(url, "POST", f"/sessions/{session}/messages", body, user=USER, timeout=SECONDS)
    assert reply.status in {200, 201}, reply.raw
    first: int = reply.body["first_sequence"]
    return first


if __name__ == "__main__":
    main()
