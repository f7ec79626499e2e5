"""G1, G2, G7 of transcripts with real processes: writers of one transcript, killed in mid-work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e.entry_writer import BATCH
from tests.e2e.test_processes import _created, _get, killed_twice

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

EACH = 30


def test_writers_killed_in_the_middle_lose_and_repeat_nothing(
    api: str, process_environment: dict[str, str], tmp_path: Path
) -> None:
    session = _created(api)
    name = session.rpartition("/")[2]

    def writer(number: int) -> list[str]:
        """What it noted."""
        command = ["tests.e2e.entry_writer", name, f"w{number}"]
        return killed_twice(command, EACH, tmp_path / str(number), process_environment)

    with ThreadPoolExecutor(4) as pool:
        noted = list(pool.map(writer, range(4)))
    read = _get(f"{session}/transcripts/main")
    assert (read["entry_count"], read["has_more"]) == (4 * EACH * BATCH, False)
    uuids = [entry["uuid"] for entry in read["entries"]]
    assert len(set(uuids)) == len(uuids) == 4 * EACH * BATCH
    for number, lines in enumerate(noted):
        assert [line.split()[0] for line in lines] == [f"w{number}-{at}" for at in range(EACH)]
        for line in lines:
            batch, *positions = line.split()
            assert [uuids[int(at)] for at in positions] == [f"{batch}-{at}" for at in range(BATCH)]
            assert [int(at) for at in positions] == list(range(int(positions[0]), int(positions[0]) + BATCH))
