"""Small cases in which several faults strike one request, and in which it names the version that it means."""

from __future__ import annotations

from tests.simulation.cases import (
    SILENCE,
    Case,
    append,
    create,
    delete,
    patch,
    put,
    put_messages,
    rewind,
    title,
    tool_call,
)
from tests.simulation.faults import CRASH
from tests.simulation.transcript_cases import append as append_entries
from tests.simulation.transcript_cases import append_unnamed, bury

# One of each in a row: done without an answer, not done without an answer, refused.
_BURST = (*SILENCE, "throttled")
# Whoever asked asks again, in a new process.
_AGAIN = (CRASH, "reply lost", "answer lost")
_ONE_BY_ONE = {"MAX_BATCH": 1}
_SLOW = -30.0
_BEGUN = (create("m0"), append_entries("e0"))

BURST_CASES = (
    Case("append, a burst", [[append("a")]], kinds=_BURST, faults=3),
    Case("append twice, a burst", [[append("a"), append("a", "b")]], kinds=_AGAIN, faults=3),
    Case("append & title, a burst", [[append("a")], [title("x")]], kinds=_BURST, faults=2),
    Case("append & append, a burst", [[append("a")], [append("b")]], kinds=SILENCE, faults=3),
    Case("create & title, a burst", [[create("a")], [title("x")]], (), kinds=SILENCE, faults=2),
    Case("title & title, a burst", [[title("x")], [title("y")]], kinds=SILENCE, faults=2),
    Case("patch & title, a burst", [[patch("x")], [title("y")]], kinds=SILENCE, faults=2),
    Case("patch & patch, a burst", [[patch("x")], [patch("y")]], kinds=SILENCE, faults=2),
    Case("put & title, a burst", [[put("m0", "p")], [title("y")]], kinds=SILENCE, faults=2),
    Case("put, none there & title, a burst", [[put("p")], [title("y")]], (), kinds=SILENCE, faults=2),
    Case(
        "put in steps & title, a burst",
        [[put("m0", "p", "q")], [title("y")]],
        limits=_ONE_BY_ONE,
        kinds=("reply lost",),
        faults=2,
    ),
    Case("rewind & append, a burst", [[rewind(0, 1)], [append("a")]], kinds=SILENCE, faults=2),
    Case("tool call & append, a burst", [[tool_call()], [append("a")]], kinds=SILENCE, faults=2),
    Case("delete, a burst", [[delete(), append("a")]], kinds=_BURST, faults=3),
    Case("entries & entries, a burst", [[append_entries("a")], [append_entries("b")]], _BEGUN, kinds=SILENCE),
    Case("entries without uuids, a burst", [[append_unnamed("a")]], _BEGUN, kinds=SILENCE, faults=3),
    Case("delete the transcript, a burst", [[bury(), append_entries("a")]], _BEGUN, kinds=SILENCE, faults=2),
)

_OLD = (create("m0"), title("t"))  # version 2
MATCH_CASES = (
    Case("title & append, If-Match", [[title("x", if_match='"1"')], [append("a")]]),
    Case("title & title, one of two", [[title("x", if_match='"1", "2"')], [title("y")]], kinds=SILENCE),
    Case("title & delete, any", [[title("x", if_match="*")], [delete()]]),
    Case("title of old", [[title("x", if_match='"1"'), title("y", if_match='"2"')]], _OLD),
    Case("a title that stands, of old", [[title("x", only_if_unset=True, if_match='"1"')]], _OLD),
    Case("patch & append, If-Match", [[patch("x", if_match='"1"')], [append("a")]]),
    Case("patch & patch, one of two", [[patch("x", if_match='"1", "2"')], [patch("y")]], kinds=SILENCE),
    Case("patch of what is so, of old", [[patch("x"), patch("x", if_match='"1"')]]),
    Case("put & title, silence", [[put_messages("m0", "p", if_match='"1"')], [title("y")]], kinds=SILENCE),
    Case(
        "put in steps & title, If-Match",
        [[put("m0", "p", "q", if_match='"1"')], [title("y")]],
        limits=_ONE_BY_ONE,
    ),
    Case("put of what is so, of old", [[put_messages("m0", if_match='"1"')]], _OLD),
    Case("put & create, any", [[put("p", if_match="*")], [create("c")]], ()),
    Case("rewind & title, If-Match", [[rewind(0, 1, if_match='"1"')], [title("x")]]),
    Case("rewind & tool call, If-Match", [[rewind(0, 1, if_match='"1"')], [tool_call("t")]]),
    Case("rewind of old", [[rewind(0, 1, if_match='"1"'), rewind(0, 1, if_match='"2"')]], _OLD),
    Case("rewind of nothing, of old", [[rewind(1, 1, if_match='"1"')]], _OLD),
    Case("append & rewind at its version", [[append("a"), rewind(1, 2, if_match='"2"')], [title("x")]]),
)

CLOCK_CASES = (
    Case("append, a slow clock", [[append("a"), tool_call("t")]], skew=_SLOW),
    Case("title & patch, a slow clock", [[title("x")], [patch("y")]], skew=_SLOW),
    Case("put & rewind, a slow clock", [[put("m0", "p"), rewind(0, 2)]], skew=_SLOW),
    Case("entries, a slow clock", [[append_entries("a")]], _BEGUN, skew=_SLOW),
)
