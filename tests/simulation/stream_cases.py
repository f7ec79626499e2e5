"""Small cases of streams."""

from __future__ import annotations

from typing import Any

from tests.simulation.cases import SESSION, USER, Case, append, create, delete, recreate, rewind
from tests.simulation.faults import CRASH
from tests.simulation.requests import Request
from tests.simulation.stream_clients import event

# A stream's first epoch is the second at which it was opened, and cases begin with this one.
EPOCH = 1_800_000_000
_ANEW = EPOCH + 10**10  # of one that is opened in the session that is begun anew
_FAULTS = (CRASH, "reply lost", "request lost", "applied late", "re-sent", "re-sent bare")
_STREAM = "a"


def open_stream(
    stream_id: str = _STREAM, *, interrupt: bool = False, lease: int = 30, open_id: str = ""
) -> Request:
    """Open a stream."""
    body = {
        "stream_id": stream_id,
        "message_id": f"of {stream_id}",
        "on_active": "interrupt" if interrupt else "reject",
        "lease_seconds": lease,
        **({"open_id": open_id} if open_id else {}),
    }
    return Request("open_stream", USER, SESSION, body)


def _of(kind: str, body: dict[str, Any] | None = None, *, again: bool = True, **query: Any) -> Request:
    return Request(kind, USER, SESSION, body or {}, query, stream_id=_STREAM, again=again)


def append_events(first: int, count: int = 1, *, epoch: int = EPOCH, flush: bool = False) -> Request:
    """Append events."""
    events = [event(USER, _STREAM, epoch, first + at) for at in range(count)]
    return _of("append_events", {"epoch": epoch, "first_seq": first, "events": events, "flush": flush})


def finish(*marks: str, epoch: int = EPOCH, first: int = 0, state: str = "completed") -> Request:
    """End the stream with these messages, and with an event."""
    messages = append(*marks).body["messages"] if marks else []
    body: dict[str, Any] = {"epoch": epoch, "state": state, "messages": messages}
    if first:
        body |= {"first_seq": first, "events": [event(USER, _STREAM, epoch, first)]}
    return _of("finish_stream", body)


def step(mark: str) -> Request:
    """Put a message while the stream runs."""
    request = append(mark)
    request.body["stream"] = {"stream_id": _STREAM, "epoch": EPOCH}
    return request


def follow(after: int | None = None, *, epoch: int = EPOCH, wait: int = 0) -> Request:
    """Read what comes behind an event."""
    cursor: dict[str, Any] = {} if after is None else {"after": f"{_STREAM}.{epoch}.{after}"}
    return _of("read_events", wait=wait, **cursor)


GET, SNAPSHOT, CANCEL = _of("get_stream"), _of("read_snapshot"), _of("cancel_stream")
TAKE_OVER = _of("take_over_stream", {"lease_seconds": 1}, again=False)
HEARTBEAT = _of("heartbeat_stream", {"epoch": EPOCH, "lease_seconds": 30})
_OPEN = (create("a"), open_stream())
_SOME = (*_OPEN, append_events(1, 2))
# Its lease ends at once: those who look have clocks that are far ahead.
_FREE = (create("a"), open_stream(lease=1), append_events(1, 2))

_NAMED = open_stream(open_id="o")
_NAMED_FREE = (create("a"), open_stream(lease=1, open_id="o"))
_INTERRUPT = open_stream("b", interrupt=True)
_APPENDS = [append_events(3), append_events(4)]
_FLUSHED = [append_events(at, flush=True) for at in (1, 2, 3, 4)]
_LOST = [append_events(1, 3), append_events(4, flush=True)]
_BEGUN_ANEW = [delete(), recreate("a"), open_stream(), append_events(1, epoch=_ANEW)]
_OF_BEFORE = [append_events(1), step("z"), finish("z", first=2)]
_PART = (*_OPEN, append_events(1, 2, flush=True), append_events(3, 2))
_TORN = ("torn page", "short page")


def _case(name: str, clients: list[list[Request]], before: tuple[Request, ...], **given: Any) -> Case:
    return Case(f"stream: {name}", clients, before=before, **{"kinds": _FAULTS, **given})


STREAM_CASES = (
    _case("open & open", [[open_stream()], [open_stream("b")]], (create("a"),)),
    _case("open & open of one id", [[open_stream(), append_events(1)], [open_stream()]], (create("a"),)),
    _case("open & open again", [[_NAMED], [_NAMED, open_stream(open_id="p")]], (create("a"),)),
    _case("open again & take over", [[_NAMED], [TAKE_OVER, _NAMED]], _NAMED_FREE, skew=40.0),
    _case("open & interrupt", [[append_events(3)], [open_stream("b", interrupt=True)]], _SOME),
    _case("interrupt & finish", [[finish("m")], [open_stream("b", interrupt=True)]], _SOME),
    _case("append & append again", [[append_events(3, 2)], [append_events(2, 2)]], _SOME),
    _case("append & finish", [_APPENDS, [finish("m", first=3)]], _SOME),
    _case("append & follow", [[append_events(3), append_events(4)], [follow(1), follow(3)]], _SOME),
    _case("finish & follow", [[finish("m", first=3)], [follow(2, wait=3), follow(3)]], _SOME),
    _case("finish & append of a message", [[finish("m", "n")], [append("b")]], _SOME),
    _case("finish & finish", [[finish("m")], [finish("n", state="failed")]], _SOME),
    _case("step & finish with it", [[step("m"), finish("m", "n")], [append("b")]], _SOME),
    _case("step & cancel", [[step("m"), append_events(3)], [CANCEL]], _SOME),
    _case("finish & cancel", [[finish("m")], [CANCEL, GET]], _SOME),
    _case("delete & finish", [[finish("m")], [delete()]], _SOME, stream=True),
    _case("delete & append", [[append_events(3)], [delete()]], _SOME, stream=True),
    _case("delete & open", [[open_stream(), append_events(1)], [delete()]], (create("a"),), stream=True),
    _case("delete, begin anew & append", [[append_events(3)], [delete(), recreate(), open_stream()]], _SOME),
    _case("begin anew & a producer of before", [_OF_BEFORE, _BEGUN_ANEW], _OPEN),
    _case("begin anew & a producer of before, cached", [_OF_BEFORE, _BEGUN_ANEW], _OPEN, cache="warm"),
    _case("begin anew & a reader of before", [[follow(1), follow(1)], _BEGUN_ANEW], _SOME),
    _case("rewind & open", [[rewind(0, 1)], [open_stream(), finish("m")]], (create("a"),)),
    _case("rewind & finish", [[rewind(0, 1)], [finish("m")]], _SOME),
    _case("take over & append", [_APPENDS, [TAKE_OVER]], _FREE, skew=40.0),
    _case("take over & finish", [[finish("m")], [TAKE_OVER]], _FREE, skew=40.0),
    _case("take over & heartbeat", [[HEARTBEAT], [TAKE_OVER, follow(1)]], _FREE, skew=40.0),
    _case("take over & take over", [[TAKE_OVER, SNAPSHOT], [TAKE_OVER]], _FREE, skew=40.0),
    _case("step & take over", [[step("m")], [TAKE_OVER]], _FREE, skew=40.0),
    _case("dead & looked at", [[GET], [follow(1), SNAPSHOT]], _FREE, skew=150.0),
    _case("dead & alive", [[HEARTBEAT, append_events(3)], [GET]], _FREE, skew=150.0),
    _case("dead & alive, another opened", [[HEARTBEAT], [open_stream("b")]], _FREE, skew=150.0),
    # The cache has the newest events alone, has lost them, or is of before.
    _case(
        "append & append again, cached", [[append_events(3, 2)], [append_events(2, 2)]], _SOME, cache="warm"
    ),
    _case("append & finish, cached", [_APPENDS, [finish("m", first=3)]], _SOME, cache="warm"),
    _case("append & follow, cached", [_APPENDS, [follow(1), follow(3)]], _SOME, cache="warm"),
    _case(
        "append & flush, lost",
        [[append_events(1, 3), append_events(4, flush=True)], [follow(0)]],
        _SOME,
        cache="cold",
    ),
    _case("delete & append, cached", [_APPENDS, [delete()]], _SOME, cache="warm", stream=True),
    _case("cancel & append, cached", [_APPENDS, [CANCEL]], _SOME, cache="warm"),
    _case(
        "heartbeat & append of what is due",
        [[HEARTBEAT, *_APPENDS], [HEARTBEAT]],
        _SOME,
        cache="warm",
        skew=40.0,
    ),
    _case("heartbeat of what is due & take over", [[HEARTBEAT], [TAKE_OVER]], _FREE, cache="warm", skew=40.0),
    _case(
        "append to a cache that is full",
        [_APPENDS, [follow(1), follow(1)]],
        _SOME,
        cache="warm",
        kinds=("throttled", "cache empty", "cache late"),
        limits={"_MOST_BYTES": 100},
    ),
    _case("finish over what was lost", [[finish("m")], [follow(2), follow(2)]], _SOME, cache="cold"),
    _case(
        "finish & the cache failing",
        [[append_events(3), finish("m")], [follow(3)]],
        _SOME,
        cache="warm",
        kinds=("cache empty", "cache flushed", "cache down", "cache corrupt"),
    ),
    _case("finish that overlaps", [[finish("m", first=2)], [follow(1)]], _PART, cache="warm"),
    _case(
        "finish that overlaps, sent again",
        [[finish("m", first=2)]],
        _PART,
        cache="warm",
        kinds=("reply lost",),
    ),
    _case("finish what is in the cache", [[append_events(3), finish("m")], [follow(1)]], _SOME, cache="warm"),
    _case("take over & append, cached", [_APPENDS, [TAKE_OVER, follow(2)]], _FREE, cache="warm", skew=40.0),
    _case("interrupt & append, cached", [_APPENDS, [_INTERRUPT]], _SOME, cache="warm"),
    _case("take over & follow what was lost", [[TAKE_OVER], [follow(5)]], _FREE, skew=40.0),
    _case("append & follow, torn", [_FLUSHED[2:], [follow(0)]], (*_OPEN, *_FLUSHED[:2]), kinds=_TORN),
    # It is forgotten.
    _case("ended, long after", [[GET], [follow(1)]], (*_SOME, finish("m")), days=30, stream=True),
)
