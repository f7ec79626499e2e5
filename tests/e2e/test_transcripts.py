"""G1, G2, G7 of transcripts with real processes: writers of one transcript, killed in mid-work."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.entry_writer import BATCH
from tests.e2e.test_processes import Writer, _ask, _created, _until
from tests.http_client import request

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

EACH = 30


def test_writers_killed_in_the_middle_lose_and_repeat_nothing(
    api: str, process_environment: dict[str, str], tmp_path: Path
) -> None:
    session = _created(api)
    name = session.rpartition("/")[2]
    command = [sys.executable, "-m", "tests.e2e.entry_writer"]
    writers = [
        Writer(
            [*command, name, f"w{number}", str(EACH), str(tmp_path / str(number))],
            process_environment,
            tmp_path / str(number),
        )
        for number in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        killed = sum(pool.map(lambda writer: writer.run([EACH // 4, EACH // 2]), writers))
    assert killed > len(writers)
    noted = [writer.lines() for writer in writers]
    read = _ask(session, "GET", "/transcripts/main")
    assert (read["entry_count"], read["has_more"]) == (4 * EACH * BATCH, False)
    uuids = [entry["uuid"] for entry in read["entries"]]
    assert len(set(uuids)) == len(uuids) == 4 * EACH * BATCH
    for number, lines in enumerate(noted):
        assert [line.split()[0] for line in lines] == [f"w{number}-{at}" for at in range(EACH)]
        for line in lines:
            batch, *positions = line.split()
            assert [uuids[int(at)] for at in positions] == [f"{batch}-{at}" for at in range(BATCH)]
            assert [int(at) for at in positions] == list(range(int(positions[0]), int(positions[0]) + BATCH))


def test_an_import_that_is_killed_is_finished_by_another(
    api: str, process_environment: dict[str, str], tmp_path: Path
) -> None:
    """Killed twice in mid-work, while another appends: each line is stored once, in the file's order.

    What another appends of the file is another line each time. The same one would come again about 500
    entries later: an append knows its entries among the newest 512 alone.
    """
    session = _created(api)
    lines = [{"uuid": f"u{at}"} if at % 3 else {"mode": "plan"} for at in range(2_000)]
    file = tmp_path / "session.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "tests.e2e.importer", api, session.rpartition("/")[2], str(file)]

    def stored() -> list[dict[str, Any]]:
        reply = request(session, "GET", "/transcripts/main", user="alice")
        return reply.body["entries"] if reply.status == 200 else []

    killed = 0
    for count, ahead in ((100, 1_999), (600, 1_997)):
        process = subprocess.Popen(command, env=process_environment)
        _until(lambda at=count: len(stored()) >= at)  # type: ignore[misc]
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        _ask(session, "POST", "/transcripts/main", {"entries": [{"uuid": f"other{count}"}, lines[ahead]]})
    assert killed == 2
    assert len(stored()) < 2_000
    for _ in range(2):
        subprocess.run(command, env=process_environment, check=True)
        read = stored()
        assert len(read) == 2_002
        in_order = [*lines[:1_997], lines[1_998]]
        assert [entry for entry in read if entry in in_order] == in_order
        assert [read.count(lines[at]) for at in (1_997, 1_999)] == [1, 1]
    # What was exported is imported.
    text = request(session, "GET", "/transcripts/main?format=jsonl", user="alice").raw
    reply = request(session, "PUT", "/transcripts/copy?format=jsonl", text, user="alice")
    assert reply.body["added"] == 2_002
