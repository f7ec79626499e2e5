"""Small cases in which a write gets no answer, and the request fails after that: with another error."""

from __future__ import annotations

from tests.simulation.cases import (
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
from tests.simulation.transcript_cases import append as append_entries
from tests.simulation.transcript_cases import bury
from tests.simulation.transcript_cases import put as import_entries
from turnlog.store.retry import RESERVE

_BEGUN = (create("m0"), append_entries("e0"))
_ONE_BY_ONE = {"MAX_BATCH": 1}
_REQUESTS = {
    "append": append("a"),
    "tool call": tool_call("t"),
    "title": title("x"),
    "title, If-Match": title("x", if_match='"2"'),
    "patch": patch("x"),
    "put": put("m0", "p"),
    "rewind": rewind(0, 1),
    "rewind, If-Match": rewind(0, 1, if_match='"2"'),
    "entries": append_entries("a"),
    "import": import_entries("e0", "i"),
    "delete the transcript": bury(),
}

# The table did what it was asked to, and takes nothing any more until the time is over.
_REFUSED = tuple(
    Case(
        f"{name}, in doubt & refused",
        [[request]],
        _BEGUN,
        allowed=RESERVE + 0.02,
        kinds=("reply lost", "throttled"),
        faults=4,
    )
    for name, request in (_REQUESTS | {"delete": delete()}).items()
)
# What was written goes together with its session.
_DELETED = tuple(
    Case(f"{name}, in doubt & deleted", [[request], [delete()]], _BEGUN, kinds=("reply lost",))
    for name, request in _REQUESTS.items()
)

DOUBT_CASES = (
    *_REFUSED,
    *_DELETED,
    Case(
        "create, in doubt & refused",
        [[create("c")]],
        (),
        allowed=RESERVE + 0.02,
        kinds=("reply lost", "throttled"),
        faults=4,
    ),
    Case("create, in doubt & deleted", [[create("c")], [delete()]], (), kinds=("reply lost",)),
    Case(
        "put in steps & refused",
        [[put_messages("m0", "p", "q")]],
        limits=_ONE_BY_ONE,
        allowed=RESERVE + 0.02,
        kinds=("throttled",),
        faults=4,
    ),
)
