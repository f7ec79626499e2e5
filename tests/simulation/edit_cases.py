"""Small cases: an edit of a stored message, and what it meets."""

from __future__ import annotations

from typing import Any

from tests.simulation.cases import (
    FAULTS,
    SESSION,
    SILENCE,
    USER,
    Case,
    append,
    create,
    create_calling,
    delete,
    export,
    get,
    patch,
    put,
    rewind,
    title,
    tool_call,
)
from tests.simulation.faults import CRASH
from tests.simulation.requests import Request


def edit(sequence: int, edit_id: str | None = None, *, if_match: str | None = None, **body: Any) -> Request:
    """Edit a message; without an id of its own, or that of the message, it is not sent again."""
    given = body | ({"edit_id": edit_id} if edit_id else {})
    headers = {"if-match": if_match} if if_match else {}
    again = "edit_id" in given and "message_id" in given
    return Request("edit", USER, SESSION, given, headers=headers, again=again, sequence=sequence)


def replaced(mark: str, sequence: int = 0, **given: Any) -> Request:
    """Replace what a message says; the mark is the edit's id, too."""
    message = {"role": "assistant", "content": f"{mark} of {USER}."}
    return edit(sequence, mark, replace=message, **given)


def removed(edit_id: str, sequence: int = 0, **given: Any) -> Request:
    """Remove a message."""
    return edit(sequence, edit_id, removed=True, **given)


def rated(edit_id: str | None, rating: int | None, sequence: int = 0, **given: Any) -> Request:
    """Patch a message's metadata."""
    return edit(sequence, edit_id, metadata={"rating": rating}, **given)


def get_message(sequence: int = 0) -> Request:
    """Read one message."""
    return Request("get_message", USER, SESSION, sequence=sequence)


def _said(*marks: str) -> Request:
    """Create the session with messages of a user."""
    messages = [{"role": "user", "content": f"{mark} of {USER}.", "message_id": mark} for mark in marks]
    return Request("create", USER, body={"session_id": SESSION, "messages": messages})


_M0: dict[str, Any] = {"message_id": "m0"}
_M1: dict[str, Any] = {"message_id": "m1"}
_TWO = (create("m0"), append("m1"))
_AGAIN = (CRASH, "reply lost", "answer lost", "applied late")
_PARTS = {"PART_SIZE": 60}
# More than an answer holds, so that an export begins in the middle of the turn.
_ANSWERED = append(*(mark * 60 for mark in "abcd"))
_IN_OBJECTS = {"PART_SIZE": 10, "DELETE_BATCH": 1}
_OBJECT_FAULTS = (CRASH, "reply lost", "request lost", "applied late")
_TORN = ("torn page", "short page")

EDIT_CASES = (
    Case("edit & append", [[rated("e", 1, **_M0)], [append("a")]]),
    Case("edit & append, warm cache", [[replaced("e", **_M0)], [append("a")]], cache="warm"),
    Case("edit & the same edit", [[rated("e", 1, **_M0)], [rated("e", 1, **_M0)]]),
    Case("edit & edit", [[rated("e", 1, **_M0)], [rated("f", 2, **_M0)]]),
    Case("edit again after another", [[rated("e", 1), rated("f", 2), rated("e", 1)]]),
    Case(
        "edit that changes nothing, again after another",
        [[rated("e", None, **_M0), rated("f", 2, **_M0), rated("e", None, **_M0)]],
    ),
    Case(
        "edit that changes nothing & edit, silence",
        [[rated("e", None, **_M0)], [rated("f", 2, **_M0)]],
        kinds=SILENCE,
        faults=2,
    ),
    Case("edits of two messages", [[replaced("e", 0, **_M0)], [removed("f", 1, **_M1)]], _TWO),
    Case("replace & remove", [[replaced("e", **_M0)], [removed("f", **_M0)]]),
    Case("remove & remove", [[removed("e", **_M0)], [removed("f", **_M0)]]),
    Case("remove & remove again", [[removed("e", **_M0), removed("e", **_M0), rated("f", 1)]]),
    Case("edit without an id, and silence", [[rated(None, 1)], [rated("f", 2)]], kinds=SILENCE, faults=2),
    Case("edit, a burst", [[replaced("e", **_M0)]], kinds=(*FAULTS, "applied late"), faults=3),
    Case("edit & edit, sent again", [[replaced("e", **_M0)], [replaced("f", **_M0)]], kinds=_AGAIN, faults=2),
    Case(
        "edit & edit, known by one alone",
        [[rated("e", 1, **_M0)], [rated("f", 2, **_M0)]],
        kinds=SILENCE,
        limits={"EDITS_KEPT": 1},
    ),
    Case("edit & rewind", [[removed("e", 1, **_M1)], [rewind(1, 2)]], _TWO),
    Case("edit & rewind & append", [[replaced("e", 1)], [rewind(1, 2), append("a")]], _TWO),
    Case("edit & rewind & append, meant", [[removed("e", 1, **_M1)], [rewind(1, 2), append("a")]], _TWO),
    Case(
        "edit & rewind & the same message",
        [[rated("e", 1, 1, **_M1)], [rewind(1, 2), append("m1")]],
        _TWO,
        kinds=SILENCE,
        faults=2,
    ),
    Case("rewind of an edited message", [[replaced("e", 1), rewind(1, 2)], [append("a")]], _TWO),
    Case("edit & append again", [[replaced("e", 1, **_M1)], [append("m1")]], _TWO),
    Case("remove & append again", [[removed("e", 1, **_M1)], [append("m1", "a")]], _TWO, cache="warm"),
    Case("edit & tool call", [[replaced("e", **_M0)], [tool_call("t")]]),
    Case("remove & tool call", [[removed("e", **_M0)], [tool_call("t")]]),
    Case(
        "edit & tool call without an id, silence",
        [[replaced("e", **_M0)], [tool_call()]],
        kinds=SILENCE,
        faults=2,
    ),
    Case("tool call, edit & append again", [[tool_call("t"), rated("e", 1, 1), append("m1")]], _TWO),
    Case("edit & put", [[replaced("e", **_M0)], [put("m0", "p")]]),
    Case("edit & delete", [[replaced("e", **_M0)], [delete()]], cache="warm"),
    Case("edit & delete & the purge", [[removed("e", **_M0)], [delete()]], stream=True),
    Case("edit & title, If-Match", [[rated("e", 1, if_match='"1"', **_M0)], [title("t")]]),
    Case("edit & patch, If-Match", [[rated("e", 1, if_match='"1", "2"', **_M0)], [patch("p")]]),
    Case("edit & get, no cache", [[replaced("e", **_M0)], [get()]]),
    Case("edit & get, cold cache", [[replaced("e", **_M0)], [get()]], cache="cold"),
    Case("edit & get, warm cache", [[removed("e", **_M0)], [get(), get_message()]], cache="warm"),
    Case(
        "rewind & get of one, warm cache", [[rewind(0, 2), append("a")], [get_message(1)]], _TWO, cache="warm"
    ),
    Case(
        "remove & export of its turn",
        [[removed("e", 1, **_M1)], [export(1)]],
        (_said("m0", "m1"), append("a"), append("b")),
    ),
    Case(
        "remove & export of a turn above an answer",
        [[removed("e", **_M0)], [export(9)]],
        (_said("m0"), _ANSWERED),
        limits={"PAYLOAD_LIMIT": 700},
    ),
    Case(
        "edit & get, in parts",
        [[replaced("e")], [get()]],
        (create_calling("m0"),),
        limits=_PARTS,
        kinds=_TORN,
    ),
    Case(
        "replace & a call, in parts",
        [[removed("e")], [tool_call("t")]],
        (create_calling("m0"),),
        limits=_PARTS,
    ),
    Case("replace & append, in objects", [[replaced("e", **_M0)], [append("a")]], limits=_IN_OBJECTS),
    Case(
        "replace & remove, in objects",
        [[replaced("e", **_M0)], [removed("f", **_M0)]],
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "replace & metadata, in objects",
        [[replaced("e", **_M0)], [rated("f", 1, **_M0)]],
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "replace, silence, in objects",
        [[replaced("e", **_M0)]],
        limits=_IN_OBJECTS,
        kinds=("reply lost", "applied late", "re-sent bare"),
        faults=2,
    ),
    Case(
        "replace & rewind, in objects",
        [[replaced("e", 1, **_M1)], [rewind(1, 2), append("m1")]],
        _TWO,
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "replace & get, in objects",
        [[replaced("e", **_M0)], [get(), get_message()]],
        limits=_IN_OBJECTS,
        cache="warm",
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "remove & delete & the purge, in objects",
        [[removed("e", **_M0)], [delete()]],
        stream=True,
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
)
