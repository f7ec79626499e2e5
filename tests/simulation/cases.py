"""Small cases: a few requests that meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.simulation.faults import CRASH
from tests.simulation.limits import limited
from tests.simulation.requests import Request
from turnlog.records.ring import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USER, SESSION = "ann", "s0"
FAULTS = (CRASH, "reply lost", "request lost", "re-sent", "re-sent bare")
PURGE_FAULTS = (*FAULTS, "unprocessed items", "short page")
SILENCE = ("request lost", "reply lost")
_TORN_READS = ("torn page", "short page")
_ONE_BYTE = {"_WIDTH": 1}
with limited(**_ONE_BYTE):
    # Two ids with one fingerprint.
    ALIKE = ("x", next(name for name in map("y{}".format, count()) if fingerprint(name) == fingerprint("x")))
# A message takes several items, which the purge removes one by one.
MANY_PARTS = {"MESSAGE_PART_SIZE": 60, "DELETE_BATCH": 1}
# A message with a call in it takes two, and two with another call as well.
_TWO_PARTS = {"MESSAGE_PART_SIZE": 210}


def append(*marks: str, expected: int | None = None) -> Request:
    """Append messages that have ids."""
    body = {"messages": [_message(mark) for mark in marks], "usage": {"prompt_tokens": 1}}
    given = {} if expected is None else {"expected_sequence": expected}
    return Request("append", USER, SESSION, body | given)


def append_counted(mark: str) -> Request:
    """Append a message with tokens of which there are details."""
    usage = {"input_tokens": 1, "cache_read_input_tokens": 1}
    return Request("append", USER, SESSION, {"messages": [_message(mark)], "usage": usage})


def append_setting(mark: str) -> Request:
    """Append a message, and set the title and an object with it."""
    given = {"title": mark, "metadata": {"set": mark}}
    return Request("append", USER, SESSION, {"messages": [_message(mark)], "set": given})


def tool_call(mark: str | None = None) -> Request:
    """Add a tool call; one without an id is not sent again."""
    call = {"type": "function", "function": {"name": "f", "arguments": mark or "once"}}
    given = {"id": mark} if mark else {}
    return Request("tool_call", USER, SESSION, {"tool_call": call | given}, again=mark is not None)


def title(mark: str, *, only_if_unset: bool = False, **headers: str) -> Request:
    """Set the title."""
    body = {"title": mark, "only_if_unset": only_if_unset}
    return Request("title", USER, SESSION, body, headers=_headers(headers))


def patch(mark: str, **headers: str) -> Request:
    """Set one member of an object."""
    return Request("patch", USER, SESSION, {"metadata": {mark: mark}}, headers=_headers(headers))


def create(*marks: str) -> Request:
    """Create the session with these messages."""
    messages = [_message(mark) for mark in marks]
    return Request("create", USER, body={"session_id": SESSION, "messages": messages})


def recreate(*marks: str) -> Request:
    """Begin another session with these messages where the one of before was deleted."""
    body = {**create(*marks).body, "recreate": True}
    return Request("create", USER, body=body, again=False)


def create_calling(mark: str) -> Request:
    """Create the session with a message of which a tool call changes the middle."""
    body = tool_call("c").body
    message = _message(mark) | {"tool_calls": [body["tool_call"]], "function_call": {"name": "f" * 20}}
    return Request("create", USER, body={"session_id": SESSION, "messages": [message]})


def create_asking(mark: str, size: int) -> Request:
    """Create the session with a user's message of so many characters."""
    message = _message(mark) | {"role": "user", "content": f"{mark} of {USER}.".ljust(size, "-")}
    return Request("create", USER, body={"session_id": SESSION, "messages": [message]})


def put(*marks: str, start: int = 0, **headers: str) -> Request:
    """Make the session hold these messages from `start` on."""
    body = {"messages": [_message(mark) for mark in marks], "title": marks[-1], "start_sequence": start}
    return Request("put", USER, SESSION, body, headers=_headers(headers))


def put_usage() -> Request:
    """Make the sum of tokens another one."""
    return Request("put", USER, SESSION, {"messages": [], "usage": {"prompt_tokens": 5}})


def put_messages(*marks: str, start: int = 0, **headers: str) -> Request:
    """Make the session hold these messages, and leave its fields as they are."""
    body = {"messages": [_message(mark) for mark in marks], "start_sequence": start}
    return Request("put", USER, SESSION, body, headers=_headers(headers))


def rewind(to: int, expected: int, *, if_match: str | None = None, **given: str) -> Request:
    """Take away the messages from `to` on."""
    body = {"to_sequence": to, "expected_sequence": expected, **given}
    headers = {} if if_match is None else {"if-match": if_match}
    return Request("rewind", USER, SESSION, body, headers=headers)


def get() -> Request:
    """Read it all."""
    return Request("get", USER, SESSION)


def export(limit: int) -> Request:
    """Read a window in Anthropic's words: it grows back to a user's message."""
    return Request("export_session", USER, SESSION, query={"format": "anthropic", "limit": limit})


def delete() -> Request:
    """Delete the session."""
    return Request("delete", USER, SESSION)


def put_draft() -> Request:
    """Keep a draft."""
    message = {"role": "assistant", "content": f"draft of {USER}."}
    return Request("put_draft", USER, SESSION, {"messages": [message]})


def get_draft() -> Request:
    """Read the draft."""
    return Request("get_draft", USER, SESSION)


def _headers(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _message(mark: str) -> dict[str, Any]:
    return {"role": "assistant", "content": f"{mark} of {USER}.", "message_id": mark}


@dataclass(frozen=True)
class Case:
    """What meets.

    Attributes:
        name: of the case.
        clients: each does its requests in turn, and all begin at once.
        before: what was done before.
        seconds: that a process had for the last of it.
        cache: `none`, `cold`, `warm`, or `behind` by the last request that was done before.
        stream: whether the stream takes part.
        days: that go by then, of a retention of as many.
        limits: those that are other than usual.
        allowed: seconds that each of the clients' requests has.
        skew: seconds by which the clients' clocks are ahead of that by which all was done before.
        kinds: of faults that strike.
        faults: how many of them at once.
        bucket: whether there is one.
    """

    name: str
    clients: Sequence[Sequence[Request]]
    before: Sequence[Request] = field(default_factory=lambda: (create("m0"),))
    seconds: float = 29.0
    cache: str = "none"
    stream: bool = False
    days: int | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    allowed: float = 29.0
    skew: float = 0.0
    kinds: Sequence[str] = FAULTS
    faults: int = 1
    bucket: bool = True


_TWO = (create("m0"), append("m1"))
_THREE = (create("m0", "m1", "m2"),)
_FOUR = (create("m0", "m1", "m2", "m3"),)
_LEFT = (*_THREE, rewind(0, 3))  # where there are seconds for the first step alone
_STEPS = {"MAX_DELETES": 1}
# A message takes two items, of which one step has room for three.
_PARTED = {"MESSAGE_PART_SIZE": 60, "MAX_DELETES": 3}
_TINY = {"CAPACITY": 2}
CASES = (
    Case("append & append", [[append("a")], [append("b")]]),
    Case("tokens & put tokens", [[append_counted("a")], [put_usage()], [append_counted("b")]]),
    Case("tokens & rewind", [[append_counted("a")], [append_counted("b"), rewind(1, 2)]]),
    Case("append that sets & title", [[append_setting("a")], [title("t")]]),
    Case("append that sets & patch", [[append_setting("a")], [patch("p")]]),
    Case("append that sets & append that sets", [[append_setting("a")], [append_setting("b")]]),
    Case("append & append, cold cache", [[append("a")], [append("b")]], cache="cold"),
    Case(
        "append again, the cache behind",
        [[append("a")], [append("b")]],
        before=(create("m0"), append("a")),
        cache="behind",
    ),
    Case(
        "append, append, append again, the cache failing",
        [[append("a"), append("b"), append("a")]],
        cache="warm",
        kinds=("cache down", "cache late"),
    ),
    Case("append & append, warm cache", [[append("a")], [append("b")]], cache="warm"),
    Case("append & the same append", [[append("a")], [append("a")]]),
    Case("append & delete", [[append("a")], [delete()]]),
    Case("append & delete, warm cache", [[append("a")], [delete()]], cache="warm"),
    Case("append & tool call", [[append("a")], [tool_call("t")]]),
    Case("tool call & tool call", [[tool_call("t")], [tool_call("u")]]),
    Case("title & append", [[title("x")], [append("a")]]),
    Case("title & append, warm cache", [[title("x")], [append("a")]], cache="warm"),
    Case("title & create", [[title("x")], [create("c")]], before=()),
    Case("get & append, cold cache", [[get()], [append("a")]], cache="cold"),
    Case("get & append, warm cache", [[get()], [append("a")]], cache="warm"),
    Case("get & tool call, cold cache", [[get()], [tool_call("t")]], cache="cold"),
    Case("get & tool call, warm cache", [[get()], [tool_call("t")]], cache="warm"),
    Case("get & delete, warm cache", [[get()], [delete()]], cache="warm"),
    Case(
        "export of a turn & rewind",
        [[export(1)], [rewind(1, 3), append("x", "y")]],
        before=(create("m0"), append("a"), append("b")),
        limits={"_FIRST_BACK": 1},
    ),
    Case(
        "export of a turn & tool call, cold cache",
        [[export(1)], [tool_call("v")]],
        before=(create("m0"), append("a"), append("b")),
        cache="cold",
        limits={"_FIRST_BACK": 1},
    ),
    Case("export & delete, warm cache", [[export(9)], [delete()]], cache="warm"),
    Case("put & append", [[put("m0", "p")], [append("a")]]),
    Case("put of fields & append", [[put("m0")], [append("a")]]),
    Case("put & put, none there", [[put("p", "q")], [put("p", "r")]], before=()),
    Case("put & append, If-Match", [[put("m0", "p", if_match='"1"')], [append("a")]]),
    Case("title & title", [[title("x")], [title("y")]]),
    Case("title & title, if unset", [[title("x", only_if_unset=True)], [title("y")]]),
    Case("patch & patch", [[patch("x")], [patch("y")]]),
    Case("patch & title, If-Match", [[patch("x", if_match='"1"')], [title("y")]]),
    Case("create & create", [[create("a")], [create("b")]], before=()),
    Case("delete & create", [[delete()], [create("c")]]),
    Case("delete & delete", [[delete()], [delete()]]),
    Case("put & title, If-Match", [[put("m0", "p", if_match='"1"')], [title("y")]]),
    Case("put of a taken id", [[append("a"), append("b"), put("a", start=3)]]),
    Case(
        "tool call without an id, and silence", [[tool_call()]], before=(create(),), kinds=SILENCE, faults=5
    ),
    Case(
        "get & tool call, in parts",
        [[get()], [tool_call("t")]],
        before=(create_calling("m0"),),
        limits=_TWO_PARTS,
        kinds=_TORN_READS,
        bucket=False,
    ),
    Case("append & delete & the purge", [[append("a", expected=1)], [delete()]], stream=True),
    Case("append & retention", [[append("a")]], stream=True, days=40),
    Case("append again after tool calls", [[append("a"), tool_call("t"), tool_call("u"), append("a")]]),
    Case("append, delete & retention", [[append("a"), delete()]], stream=True, days=40),
    Case("append of what is partly there", [[append("a", "b")]], before=(create("m0"), append("a"))),
    Case(
        "append again, read in short pages",
        [[append("a", "b")]],
        before=(create(), append("a", "b")),
        kinds=_TORN_READS,
    ),
    Case("tool call & get, read late", [[tool_call("t"), get()]], kinds=(*_TORN_READS, "stale read")),
    Case("get, the cache damaged", [[get()]], before=_TWO, cache="warm", kinds=("cache corrupt",)),
    Case("a damaged draft", [[put_draft(), get_draft()]], cache="cold", kinds=("cache corrupt",)),
    Case("the purge", [], before=(create("m0"), append("m1"), delete()), stream=True, kinds=PURGE_FAULTS),
    Case("get & delete & the purge", [[get()], [delete()]], stream=True, limits=MANY_PARTS, bucket=False),
    Case(
        "append & append, alike in the ring",
        [[append(ALIKE[0]), append(ALIKE[1]), append(ALIKE[0])]],
        limits=_ONE_BYTE,
    ),
    Case("append & rewind", [[append("a")], [rewind(0, 1)]]),
    Case("append & rewind & append", [[append("a", expected=1)], [rewind(0, 1), append("b")]]),
    Case("append & rewind, warm cache", [[append("a")], [rewind(0, 1)]], cache="warm"),
    Case("append & rewind, silence", [[append("a")], [rewind(1, 2)]], kinds=SILENCE, faults=2),
    Case("rewind & rewind", [[rewind(0, 2)], [rewind(1, 2)]], before=(create("m0", "m1"),)),
    Case("rewind & the same rewind", [[rewind(0, 1)], [rewind(0, 1)]]),
    Case("rewind & another's", [[rewind(0, 1, rewind_id="a")], [rewind(0, 1, rewind_id="b")]]),
    Case("rewind & title", [[rewind(0, 1)], [title("x")]]),
    Case("rewind & delete", [[rewind(0, 1)], [delete()]]),
    Case("rewind & tool call", [[rewind(0, 1)], [tool_call("t")]]),
    Case("rewind & tool call, warm cache", [[rewind(1, 2)], [tool_call()]], before=_TWO, cache="warm"),
    Case("rewind & put", [[rewind(0, 1)], [put("m0", "p")]]),
    Case("rewind & put in steps", [[rewind(1, 2)], [put("m0", "p", "q")]], limits={"MAX_BATCH": 1}),
    Case("rewind & get, no cache", [[rewind(1, 2), append("b"), tool_call("t")], [get()]], before=_TWO),
    Case("rewind & get, cold cache", [[rewind(1, 2), append("b")], [get()]], before=_TWO, cache="cold"),
    Case("rewind & get, warm cache", [[rewind(1, 2), append("b")], [get()]], before=_TWO, cache="warm"),
    Case("rewind of appends", [[rewind(2, 4)], [append("d")]], before=(*_TWO, append("b", "c"))),
    Case("rewind of more than the ring holds", [[rewind(2, 4), append("m0")]], before=_FOUR, limits=_TINY),
    Case("rewind in steps & append", [[rewind(0, 2)], [append("a")]], before=_TWO, limits=_STEPS),
    Case("rewind in steps & rewind", [[rewind(1, 3)], [rewind(1, 3), rewind(0, 1)]], _THREE, limits=_STEPS),
    Case(
        "rewind in steps & append, in parts",
        [[rewind(0, 2)], [append("a")]],
        _TWO,
        limits=_PARTED,
        bucket=False,
    ),
    Case("left over & append", [[append("a")], [append("b")]], _LEFT, 1.0, "behind", limits=_STEPS),
    Case("left over & append, cold cache", [[append("a")]], _LEFT, 1.0, "cold", limits=_STEPS),
    Case("left over & put & tool call", [[put("m0", "p")], [tool_call()]], _LEFT, 1.0, limits=_STEPS),
    Case("left over & the same rewind", [[rewind(0, 3)], [append("a")]], _LEFT, 1.0, limits=_STEPS),
    Case("rewind in steps & the purge", [[rewind(0, 3)], [delete()]], _THREE, stream=True, limits=_STEPS),
    Case("append & append & delete", [[append("a")], [append("b")], [delete()]]),
    Case("append & append & append", [[append("a")], [append("b")], [append("c")]]),
)
