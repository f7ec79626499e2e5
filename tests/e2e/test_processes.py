"""G1, G2, G6, G7 with real processes: many writers on one session, and writers and the cache killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest

from tests.http_client import request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.e2e.valkey import Valkey

pytestmark = pytest.mark.real

WAYS = pytest.mark.parametrize("way", ["http", "store"])
EACH = 50


class Writer(NamedTuple):
    """A process that appends, see `tests.e2e.writer`."""

    command: list[str]
    variables: dict[str, str]
    journal: Path

    def run(self, kills: Sequence[int] = ()) -> int:
        """Run it to its end, killed each time when it has noted so many, then started again; the kills."""
        killed = 0
        for noted in kills:
            process = subprocess.Popen(self.command, env=self.variables)
            _until(lambda at=noted: len(self.lines()) >= at)  # type: ignore[misc]
            process.kill()
            killed += process.wait() == -signal.SIGKILL
        subprocess.run(self.command, env=self.variables, check=True)
        return killed

    def lines(self) -> list[str]:
        """What it has noted, line by line."""
        return self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []


class Crew(NamedTuple):
    """Writers on one session."""

    session: str
    writers: list[Writer]

    def run(self, kills: Sequence[int] = ()) -> int:
        """Run all of them at once; how many were killed in mid-work."""
        with ThreadPoolExecutor(len(self.writers)) as pool:
            return sum(pool.map(lambda writer: writer.run(kills), self.writers))

    def check(self) -> None:
        """What was acknowledged is stored, once, where the answer said, in its writer's order; no more is."""
        stored = _ask(self.session, "GET")
        total = len(self.writers) * EACH
        assert stored["message_count"] == total
        assert [message["sequence"] for message in stored["messages"]] == list(range(total))
        for number, writer in enumerate(self.writers):
            pairs = [line.split() for line in writer.lines()]
            sequences = [int(sequence) for _, sequence in pairs]
            assert sequences == sorted(sequences)
            assert [message_id for message_id, _ in pairs] == [f"w{number}-{at}" for at in range(EACH)]
            assert [stored["messages"][sequence]["content"] for sequence in sequences] == [
                f"message w{number}-{at}" for at in range(EACH)
            ]


def _crew(way: str, api: str, variables: dict[str, str], folder: Path, size: int) -> Crew:
    session = _created(api)
    command = [sys.executable, "-m", "tests.e2e.writer", api if way == "http" else way]
    return Crew(
        session,
        [
            Writer(
                [*command, Path(session).name, f"w{number}", str(EACH), str(folder / str(number))],
                variables,
                folder / str(number),
            )
            for number in range(size)
        ],
    )


@WAYS
def test_eight_processes_append_to_one_session(
    way: str, api: str, process_environment: dict[str, str], tmp_path: Path
) -> None:
    crew = _crew(way, api, process_environment, tmp_path, 8)
    crew.run()
    crew.check()


@WAYS
def test_writers_and_the_cache_killed_in_the_middle_lose_and_repeat_nothing(
    way: str, api: str, process_environment: dict[str, str], valkey: Valkey, tmp_path: Path
) -> None:
    """Each writer is killed twice while it writes, and Valkey in between."""
    crew = _crew(way, api, process_environment, tmp_path, 4)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(crew.run, [EACH // 4, EACH // 2])
        for share in (3, 2):
            _until(lambda at=share: sum(len(one.lines()) for one in crew.writers) >= 4 * EACH // at)  # type: ignore[misc]
            valkey.kill()
            valkey.start()
        assert running.result() > len(crew.writers)
    crew.check()


def test_valkey_killed_and_started_again_under_traffic(api: str, valkey: Valkey) -> None:
    session = _created(api)
    known: list[str] = []

    def turn() -> None:
        content = f"message {len(known)}"
        body = {"messages": [{"role": "user", "content": content}]}
        assert _ask(session, "POST", "/messages", body)["first_sequence"] == len(known)
        known.append(content)
        assert [message["content"] for message in _ask(session, "GET")["messages"]] == known

    for _ in range(10):
        turn()
    valkey.kill()
    for _ in range(10):
        turn()
    valkey.start()
    idle = valkey.commands()

    def used_again() -> bool:
        turn()
        return valkey.commands() > idle + 20

    _until(used_again)
    turn()


def _created(api: str) -> str:
    session_id = f"e2e-{uuid4()}"
    _ask(api, "POST", "/sessions", {"session_id": session_id})
    return f"{api}/sessions/{session_id}"


def _ask(session: str, method: str, path: str = "", body: Any = None) -> Any:
    reply = request(session, method, path, body, user="alice")
    assert reply.status in {200, 201}, reply.raw
    return reply.body


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
