"""G1, G2, G7 of transcripts with real processes: writers of one transcript, killed in mid-work."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e.entry_writer import BATCH
from tests.e2e.test_processes import Writer, _ask, _created

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
