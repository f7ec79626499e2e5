"""G1, G2, G6, G7 with real processes: many writers on one session, and writers and the cache killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.valkey import Valkey

pytestmark = pytest.mark.real

WRITERS = 8
EACH = 50

# Appends message NAME-0, NAME-1, … over HTTP, one after the other's answer; prints the sequences.
HTTP_WRITER = """
import json, sys, urllib.request
url, name, count = sys.argv[1:]
for number in range(int(count)):
    body = {"messages": [{"role": "user", "content": f"message {name}-{number}"}]}
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Authorization": "Bearer alice", "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        print(json.load(answer)["first_sequence"], flush=True)
"""


def test_eight_processes_append_to_one_session_over_http(api: str) -> None:
    session = _created(api)
    processes = [
        _started([sys.executable, "-c", HTTP_WRITER, f"{session}/messages", f"w{writer}", str(EACH)])
        for writer in range(WRITERS)
    ]
    acknowledged = [[int(line) for line in process.communicate()[0].split()] for process in processes]
    assert [process.returncode for process in processes] == [0] * WRITERS
    stored = _get(session)
    assert stored["message_count"] == WRITERS * EACH
    assert [message["sequence"] for message in stored["messages"]] == list(range(WRITERS * EACH))
    for writer, sequences in enumerate(acknowledged):
        assert [stored["messages"][sequence]["content"] for sequence in sequences] == [
            f"message w{writer}-{number}" for number in range(EACH)
        ]
        assert sequences == sorted(sequences)
    assert sorted(chain.from_iterable(acknowledged)) == list(range(WRITERS * EACH))


def test_writers_killed_in_the_middle_lose_and_repeat_nothing(
    api: str, process_environment: dict[str, str], tmp_path: Path
) -> None:
    session = _created(api)
    name = session.rpartition("/")[2]

    def writer(number: int) -> list[str]:
        """What it noted."""
        command = ["tests.e2e.writer", name, f"w{number}"]
        return killed_twice(command, EACH, tmp_path / str(number), process_environment)

    with ThreadPoolExecutor(4) as pool:
        noted = list(pool.map(writer, range(4)))
    stored = _get(session)["messages"]
    assert [message["sequence"] for message in stored] == list(range(4 * EACH))
    for number, lines in enumerate(noted):
        pairs = [line.split() for line in lines]
        assert [message_id for message_id, _ in pairs] == [f"w{number}-{at}" for at in range(EACH)]
        assert [stored[int(sequence)]["message_id"] for _, sequence in pairs] == [
            message_id for message_id, _ in pairs
        ]


def test_valkey_killed_and_started_again_under_traffic(api: str, valkey: Valkey) -> None:
    session = _created(api)
    known: list[str] = []

    def turn() -> None:
        content = f"message {len(known)}"
        body = {"messages": [{"role": "user", "content": content}]}
        assert _post(f"{session}/messages", body)["first_sequence"] == len(known)
        known.append(content)
        assert [message["content"] for message in _get(session)["messages"]] == known

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


def killed_twice(arguments: list[str], each: int, journal: Path, variables: dict[str, str]) -> list[str]:
    """What a writer noted that was killed twice in mid-work, and started again each time."""
    command = [sys.executable, "-m", *arguments, str(each), str(journal)]
    for kill_at in (each // 4, each // 2):
        process = _started(command, variables)
        _until(lambda at=kill_at: _lines(journal) >= at)  # type: ignore[misc]
        process.kill()
        process.communicate()
    process = _started(command, variables)
    process.communicate()
    assert process.returncode == 0
    return journal.read_text(encoding="utf-8").splitlines()


def _created(api: str) -> str:
    session_id = f"e2e-{uuid4()}"
    _post(f"{api}/sessions", {"session_id": session_id})
    return f"{api}/sessions/{session_id}"


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    return _ask(urllib.request.Request(url, json.dumps(body).encode(), method="POST"))


def _get(url: str) -> dict[str, Any]:
    return _ask(urllib.request.Request(url))


def _ask(request: urllib.request.Request) -> dict[str, Any]:
    request.add_header("Authorization", "Bearer alice")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def _started(command: list[str], variables: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)


def _lines(journal: Path) -> int:
    return len(journal.read_text(encoding="utf-8").splitlines()) if journal.exists() else 0


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
