"""Small cases of messages that lie in the bucket: every message of these does."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.cases import (
    FAULTS,
    Case,
    append,
    create,
    create_asking,
    delete,
    export,
    get,
    put,
    rewind,
    tool_call,
)
from tests.simulation.edit_cases import rated, removed
from tests.simulation.faults import CRASH

_IN_OBJECTS = {"PART_SIZE": 10, "DELETE_BATCH": 1}
_IN_STEPS = {**_IN_OBJECTS, "MAX_DELETES": 1}
# Of two messages one has to go to the bucket.
_TOO_MANY = {"REQUEST_LIMIT": 150}
_OBJECT_FAULTS = (CRASH, "reply lost", "request lost", "applied late")
_TWO = (create("m0"), append("m1"))
_THREE = (create("m0", "m1", "m2"),)

LARGE_CASES = (
    Case(
        "export of a large message & rewind",
        [[export(9), export(9)], [rewind(1, 2), append("y" * 60)]],
        (create("m0"), append("x" * 60)),
        limits={"PAYLOAD_LIMIT": 200},
        kinds=_OBJECT_FAULTS,
    ),
    Case("append & append, in objects", [[append("a")], [append("b")]], limits=_IN_OBJECTS),
    Case(
        "append & the same append, in objects",
        [[append("a")], [append("a")]],
        limits=_IN_OBJECTS,
        kinds=(*_OBJECT_FAULTS, "re-sent bare"),
    ),
    Case(
        "append of what is partly there, in objects",
        [[append("a", "b")], [append("c")]],
        before=(create("m0"), append("a")),
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "append, silence, in objects",
        [[append("a")], [append("b")]],
        limits=_IN_OBJECTS,
        kinds=("reply lost", "applied late"),
        faults=2,
    ),
    Case(
        "append without the time for another try, in objects",
        [[append("a")]],
        limits=_IN_OBJECTS,
        allowed=1.0,
        kinds=("applied late", "reply lost"),
    ),
    Case(
        "append & rewind, in objects",
        [[append("b", expected=2)], [rewind(1, 2)]],
        before=_TWO,
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "append & rewind, sent twice, in objects",
        [[append("a")], [rewind(1, 2)]],
        limits=_IN_OBJECTS,
        kinds=("re-sent bare",),
    ),
    Case(
        "put & rewind, sent twice, in objects",
        [[put("m0", "a")], [rewind(1, 2)]],
        limits=_IN_OBJECTS,
        kinds=("re-sent bare",),
    ),
    Case(
        "append & remove, sent twice and forgotten, in objects",
        [[append("a")], [removed("e", 1), append("x"), append("y")]],
        limits={**_IN_OBJECTS, "CAPACITY": 1},
        kinds=("re-sent bare",),
    ),
    Case(
        "append & rate, sent twice and forgotten, in objects",
        [[append("a")], [rated("e", 1, 1), append("x"), append("y")]],
        limits={**_IN_OBJECTS, "CAPACITY": 1},
        kinds=("re-sent bare",),
    ),
    Case(
        "append & delete & the purge, in objects",
        [[append("a")], [delete()]],
        stream=True,
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case("create & create, in objects", [[create("a")], [create("b")]], before=(), limits=_IN_OBJECTS),
    Case(
        "create that goes, in objects",
        [[replace(create("a"), again=False)], [replace(create("b"), again=False)]],
        before=(),
        stream=True,
        days=40,
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case("put & append, in objects", [[put("m0", "p")], [append("a")]], limits=_IN_OBJECTS),
    Case(
        "put in steps & append, in objects",
        [[put("m0", "p", "q")], [append("a")]],
        limits={**_IN_OBJECTS, "MAX_BATCH": 1},
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "put in steps, silence, in objects",
        [[put("m0", "p", "q")]],
        limits={**_IN_OBJECTS, "MAX_BATCH": 1},
        kinds=("reply lost", "re-sent bare"),
    ),
    Case(
        "tool call & tool call, in objects",
        [[tool_call("t")], [tool_call("u")]],
        before=(create(), tool_call("s")),
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "tool call, append & tool call, in objects",
        [[tool_call("t")], [append("a"), tool_call("u")]],
        before=(create(), tool_call("s")),
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "tool calls that no answer holds together",
        [[tool_call("t")], [tool_call("u")]],
        before=(create(), tool_call("s")),
        limits={"PAYLOAD_LIMIT": 300},
    ),
    Case(
        "export of a turn whose beginning does not fit & rewind, in objects",
        [[export(1)], [rewind(1, 3), append("x")]],
        before=(create_asking("m0", 300), append("a"), append("b")),
        limits={**_IN_OBJECTS, "PAYLOAD_LIMIT": 400},
    ),
    Case(
        "tool call & rewind, in objects",
        [[tool_call("t")], [rewind(0, 1)]],
        before=(create(), tool_call("s")),
        limits=_IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "get & tool call, in objects, warm cache",
        [[get()], [tool_call("t")]],
        before=(create(), tool_call("s")),
        cache="warm",
        limits=_IN_OBJECTS,
    ),
    Case(
        "get & rewind & append, in objects, warm cache",
        [[get()], [rewind(1, 2), append("b")]],
        before=_TWO,
        cache="warm",
        limits=_IN_OBJECTS,
    ),
    Case(
        "get & tool call, in objects, the cache behind",
        [[get()], [tool_call("u")]],
        before=(create(), tool_call("s"), tool_call("t")),
        cache="behind",
        limits=_IN_OBJECTS,
    ),
    Case(
        "get & delete & the purge, in objects",
        [[get()], [delete()]],
        before=_TWO,
        stream=True,
        limits=_IN_OBJECTS,
    ),
    Case(
        "rewind in steps & append, in objects",
        [[rewind(0, 3)], [append("a")]],
        before=_THREE,
        limits=_IN_STEPS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "left over & append, in objects",
        [[append("a")], [append("b")]],
        before=(*_THREE, rewind(0, 3)),
        seconds=1.0,
        limits=_IN_STEPS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "append of more than a request stores",
        [[append("a", "b")], [append("a", "b")]],
        limits=_TOO_MANY,
        kinds=(*FAULTS, "applied late"),
    ),
)
