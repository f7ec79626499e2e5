from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from turnlog.limits import MAX_BATCH
from turnlog.records import ring


@given(st.lists(st.lists(st.text(max_size=8), max_size=40), max_size=12))
def test_it_names_the_sequences_of_the_newest_ids(batches: list[list[str]]) -> None:
    log: list[str] = []
    marks = b""
    for batch in batches:
        log += batch
        marks = ring.extended(marks, batch)
    found = ring.find(marks, len(log), log)
    for sequence, message_id in list(enumerate(log))[-ring.CAPACITY :]:
        assert sequence in found[message_id]
    assert all(0 <= at < len(log) for places in found.values() for at in places)


def test_an_old_id_is_forgotten_and_an_unknown_one_not_found() -> None:
    ids = [f"m{number}" for number in range(ring.CAPACITY + 1)]
    marks = ring.extended(b"", ids)
    assert len(marks) == 512
    assert set(ring.find(marks, len(ids), [*ids, "unknown"])) == set(ids[1:])


def test_a_whole_batch_fits_with_room_for_what_came_between() -> None:
    assert ring.CAPACITY >= MAX_BATCH + 1


def test_two_ids_of_one_fingerprint_are_both_looked_at() -> None:
    mark = ring.fingerprint("m")
    assert ring.find(mark + b"\x00" * 4 + mark, 10, ["m"]) == {"m": [7, 9]}
