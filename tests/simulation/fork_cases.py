"""Small cases of forks that meet what others do to the session, to the fork, and to its id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.simulation.cases import (
    FAULTS,
    SESSION,
    SILENCE,
    USER,
    Case,
    append,
    append_counted,
    append_setting,
    create,
    delete,
    put_messages,
    recreate,
    rewind,
    title,
    tool_call,
)
from tests.simulation.edit_cases import rated, removed, replaced
from tests.simulation.faults import CRASH
from tests.simulation.requests import Request

_FORK = "f0"
_STEPS = {"FORK_ITEMS": 1}
_IN_OBJECTS = {"PART_SIZE": 10, "DELETE_BATCH": 1, "FORK_ITEMS": 1}
_IN_PARTS = {"MESSAGE_PART_SIZE": 210, "FORK_ITEMS": 1}
_OBJECT_FAULTS = (CRASH, "reply lost", "request lost", "applied late")
_TWO = (create("m0", "m1"),)
_THREE = (create("m0", "m1", "m2"),)


def fork(to: int | None = None, *, session: str = SESSION, into: str = _FORK, **given: Any) -> Request:
    """Fork a session."""
    body = {"session_id": into, **({} if to is None else {"to_sequence": to}), **given}
    return Request("fork", USER, session, body)


def of_fork(request: Request) -> Request:
    """The same request about the fork."""
    body = request.body | ({"session_id": _FORK} if request.kind == "create" else {})
    session = "" if request.kind == "create" else _FORK
    return replace(request, session=session, body=body)


FORK_CASES = (
    Case("fork & append", [[fork()], [append("a")]], _TWO, limits=_STEPS),
    Case("fork & tool call", [[fork()], [tool_call("t")]], _TWO, limits=_STEPS),
    Case("fork & removed", [[fork()], [removed("r")]], _TWO, limits=_STEPS),
    Case("fork & replaced & append", [[fork()], [replaced("r", 1), append("a")]], _TWO, limits=_STEPS),
    Case("fork & an edit of it", [[fork()], [of_fork(removed("r")), of_fork(append("m0"))]], _TWO),
    Case(
        "fork & the same edit in both",
        [[fork(), of_fork(rated("r", 2))]],
        (create("m0"), rated("r", 1)),
    ),
    Case("fork & tool call, in one step", [[fork()], [tool_call("t")]], _TWO),
    Case("fork & tool call, in parts", [[fork()], [tool_call("t")]], _TWO, limits=_IN_PARTS, bucket=False),
    Case("fork & rewind", [[fork()], [rewind(1, 2)]], _TWO, limits=_STEPS),
    Case("fork & rewind & append", [[fork()], [rewind(1, 3), append("a")]], _THREE, limits=_STEPS),
    Case("fork of a part & rewind", [[fork(2)], [rewind(1, 3)]], _THREE, limits=_STEPS),
    Case("fork of a part & tool call behind it", [[fork(1)], [tool_call("t")]], _TWO, limits=_STEPS),
    Case("fork of more than there is & append", [[fork(3)], [append("a")]], _TWO),
    Case("fork & title", [[fork()], [title("x")]], _TWO),
    Case("fork & append that sets", [[fork()], [append_setting("a")]], _TWO),
    Case("fork & delete", [[fork()], [delete()]], _TWO, limits=_STEPS),
    Case("fork & begin anew", [[fork()], [delete(), recreate("m0", "n1")]], _TWO, limits=_STEPS),
    Case("fork, silence", [[fork()], [append("a")]], _TWO, limits=_STEPS, kinds=SILENCE, faults=2),
    Case(
        "fork, applied late",
        [[fork()], [tool_call("t")]],
        _TWO,
        limits=_STEPS,
        kinds=("applied late",),
        faults=2,
    ),
    Case("fork & the same fork", [[fork()], [fork()]], _TWO, limits=_STEPS),
    Case("fork & the same fork & tool call", [[fork()], [fork()], [tool_call("t")]], (create("m0"),)),
    Case("fork & another under the id", [[fork(1)], [fork(2)]], _TWO),
    Case("fork & another's title", [[fork(title="x")], [fork(title="y")]]),
    Case("fork & create under the id", [[fork()], [of_fork(create("c"))]]),
    Case("fork & begin anew under the id", [[fork()], [of_fork(recreate("c"))]]),
    Case("fork & put under the id", [[fork()], [of_fork(put_messages("p"))]]),
    Case("fork, append & the same fork", [[fork(), of_fork(append("a"))], [fork()]]),
    Case("fork, delete it & the same fork", [[fork(), of_fork(delete())], [fork()]]),
    Case(
        "fork, begun anew under the id & the same fork",
        [[of_fork(delete()), of_fork(recreate("c"))], [fork()]],
        (create("m0"), fork()),
    ),
    Case(
        "fork of a fork",
        [[fork(session=_FORK, into="f1")], [of_fork(tool_call("t"))]],
        (create("m0"), fork()),
    ),
    Case("fork of one that is not whole", [[fork()], [fork(session=_FORK, into="f1")]], _TWO, limits=_STEPS),
    Case(
        "fork, and a rewind of it",
        [[of_fork(rewind(0, 2)), of_fork(append("m1"))], [append("b")]],
        (create("m0"), append_counted("m1"), fork()),
    ),
    Case("fork & what is written to it", [[fork()], [of_fork(append("a")), of_fork(title("x"))]], _TWO),
    Case("fork, repeat in the fork", [[fork(), of_fork(append("m1"))]], (create("m0"), append("m1"))),
    Case(
        "fork & the purge of the source",
        [[fork()], [delete()]],
        _TWO,
        stream=True,
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case("fork & tool call, in objects", [[fork()], [tool_call("t")]], _TWO, limits=_IN_OBJECTS),
    Case("fork & replaced, in objects", [[fork()], [replaced("r")]], _TWO, limits=_IN_OBJECTS),
    Case("fork & rewind, in objects", [[fork()], [rewind(1, 2)]], _TWO, limits=_IN_OBJECTS),
    Case("fork & the same fork, in objects", [[fork()], [fork()]], limits=_IN_OBJECTS, kinds=_OBJECT_FAULTS),
    Case("fork that goes", [[fork()]], _TWO, stream=True, days=40, limits=_STEPS, kinds=FAULTS),
    Case(
        "fork that goes, in objects",
        [[fork()]],
        _TWO,
        stream=True,
        days=40,
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
)
