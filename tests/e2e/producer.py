"""A producer to be killed: `python -m tests.e2e.producer WAY CLIENT PAUSE SESSION`.

It writes the stream `turn` of the session, step by step, and ends it with its message. Started again after a
kill, it waits until the lease of the one before is over, takes the stream over, and makes what is not there
yet, beginning with the step that was not done. WAY is `table`, or the URL of the HTTP API; CLIENT is
`blocking` or `loop`; PAUSE is how many seconds it takes for an event.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from turnlog import AsyncTurnlog, Turnlog
from turnlog.errors import LeaseHeld

USER = "alice"
STREAM = "turn"
STEPS = 4
DELTAS = 80
LEASE = 2


def step(number: int) -> list[dict[str, Any]]:
    """The events of a step."""
    name = f"s{number}"
    deltas = [{"type": "text-delta", "id": name, "delta": f"{number}.{at} "} for at in range(DELTAS)]
    begins = [{"type": "start-step"}, {"type": "text-start", "id": name}]
    return [*begins, *deltas, {"type": "text-end", "id": name}, {"type": "finish-step"}]


def turn() -> list[dict[str, Any]]:
    """All that the stream says in the end."""
    return [event for number in range(STEPS) for event in step(number)]


def message() -> dict[str, Any]:
    """What it ends with."""
    text = "".join(event.get("delta", "") for event in turn())
    return {"role": "assistant", "content": text, "message_id": "said"}


def done(events: list[Any]) -> int:
    """How many steps there are already."""
    return sum(event["type"] == "finish-step" for event in events)


def blocking(to: dict[str, Any], session: str, pause: float) -> None:
    """Write with the client that blocks."""
    with Turnlog(**to) as turnlog:
        while True:
            try:
                with turnlog.write_stream(session, stream_id=STREAM, lease_seconds=LEASE) as stream:
                    for number in range(done(turnlog.read_snapshot(session, STREAM).events), STEPS):
                        for event in step(number):
                            stream.write(event)
                            time.sleep(pause)
                    stream.finish([message()])
                    return
            except LeaseHeld:
                time.sleep(0.2)


async def on_loop(to: dict[str, Any], session: str, pause: float) -> None:
    """Write with the client for event loops."""
    async with AsyncTurnlog(**to) as turnlog:
        while True:
            try:
                async with turnlog.write_stream(session, stream_id=STREAM, lease_seconds=LEASE) as stream:
                    there = (await turnlog.read_snapshot(session, STREAM)).events
                    for number in range(done(there), STEPS):
                        for event in step(number):
                            await stream.write(event)
                            await asyncio.sleep(pause)
                    await stream.finish([message()])
                    return
            except LeaseHeld:
                await asyncio.sleep(0.2)


def main() -> None:
    """Write what is not there yet."""
    way, client, pause, session = sys.argv[1:]
    to = {"user_id": USER} if way == "table" else {"url": way, "token": USER}
    if client == "loop":
        asyncio.run(on_loop(to, session, float(pause)))
    else:
        blocking(to, session, float(pause))


if __name__ == "__main__":
    main()
