"""Rewinds that are refused: nothing is changed by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.test_rewind import talk

if TYPE_CHECKING:
    from tests.functional.api import Api


@pytest.mark.parametrize(("to", "expected"), [(0, 4), (4, 4), (2, 6), (6, 6), (0, 0)])
def test_where_it_does_not_end(api: Api, to: int, expected: int) -> None:
    session_id = talk(api)
    before = api.get(session_id).body
    assert api.rewind(session_id, to, expected).problem(409, "sequence_mismatch")["message_count"] == 5
    assert api.get(session_id).body == before


def test_of_another_version(api: Api) -> None:
    """Also where nothing would go."""
    session_id = talk(api)
    before = api.get(session_id).body
    for to in (4, 5):
        stale = {"If-Match": f'"{before["version"] + 1}"'}
        api.rewind(session_id, to, 5, stale).problem(412, "precondition_failed")
    assert api.get(session_id).body == before


@pytest.mark.thorough
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"to_sequence": 1},
        {"expected_sequence": 5},
        {"to_sequence": 3, "expected_sequence": 2},
        {"to_sequence": -1, "expected_sequence": 5},
        {"to_sequence": 1.0, "expected_sequence": 5},
        {"to_sequence": "1", "expected_sequence": 5},
        {"to_sequence": 1, "expected_sequence": None},
        {"to_sequence": 1, "expected_sequence": 5, "force": True},
        {"to_sequence": 1, "expected_sequence": 5, "rewind_id": ""},
        [1, 5],
    ],
)
def test_what_is_no_rewind(api: Api, body: Any) -> None:
    session_id = talk(api)
    before = api.get(session_id).body
    api.call("POST", f"/sessions/{session_id}/rewind", body).problem(422, "invalid")
    assert api.get(session_id).body == before


def test_of_what_is_not_there(api: Api, other: Api) -> None:
    session_id = talk(api, 2)
    api.rewind("nothing", 0, 2).problem(404, "not_found")
    other.rewind(session_id, 0, 2).problem(404, "not_found")
    assert api.contents(session_id) == ["0", "1"]
    api.delete(session_id)
    api.rewind(session_id, 0, 2).problem(404, "not_found")
