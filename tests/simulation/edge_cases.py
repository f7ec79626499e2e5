"""Small cases at the ring's edge: a batch comes again, of which the ring knows all, a part, or nothing."""

from __future__ import annotations

from tests.simulation.cases import SESSION, USER, Case, append, create, put_messages, rewind
from tests.simulation.faults import CRASH
from tests.simulation.requests import Request
from tests.simulation.transcript_cases import NAME
from tests.simulation.transcript_cases import append as append_entries
from tests.simulation.transcript_cases import append_batch as append_entry_batch

# A batch is at most three messages; the ring knows two. So of a full batch and one message behind it,
# it knows the batch's last one alone; the first is as far from that as one looks.
_EDGE = {"CAPACITY": 2, "MAX_BATCH": 3}
_ENTRIES_EDGE = {"TRANSCRIPT_RING": 2}
_AGAIN = (CRASH, "reply lost", "answer lost")

_BATCH = append("a", "b", "c")
_PARTLY = (create("m0"), _BATCH, append("d"))
_FORGOTTEN = (*_PARTLY, append("e"))


def append_unnamed(batch: str, *marks: str) -> Request:
    """Append entries without uuids, which the batch's id makes known."""
    body = {"entries": [{"text": f"{mark} of {USER}."} for mark in marks], "batch_id": batch}
    return Request("append_entries", USER, SESSION, body, name=NAME)


_CHANGED = Request(
    "append",
    USER,
    SESSION,
    {
        "messages": [
            {"role": "assistant", "content": "changed", "message_id": "a"},
            _BATCH.body["messages"][2],
        ]
    },
)
_CHANGED_A = Request("append", USER, SESSION, {"messages": _CHANGED.body["messages"][:1]})
_ENTRIES = append_entries("a", "b", "c")
_NAMED_BATCH = append_entry_batch("a", "b", "c")
_UNNAMED = append_unnamed("batch", "u", "v", "w")
_OTHER = append_entries("d")

EDGE_CASES = (
    Case("a batch again & append", [[_BATCH], [append("e")]], _PARTLY, limits=_EDGE),
    Case("a batch again, backwards", [[append("c", "b", "a")]], _PARTLY, limits=_EDGE),
    Case("a batch again, one changed", [[_CHANGED]], _PARTLY, limits=_EDGE),
    Case("a batch again, with more", [[append("b", "c", "f")]], _PARTLY, limits=_EDGE),
    Case("a batch again, warm cache", [[_BATCH]], _PARTLY, cache="warm", limits=_EDGE),
    Case("a forgotten batch & the same", [[_BATCH], [_BATCH]], _FORGOTTEN, limits=_EDGE),
    Case("a forgotten batch, twice", [[_BATCH, append("f"), _BATCH]], _FORGOTTEN, limits=_EDGE),
    Case("a batch & appends", [[_BATCH], [append("d")]], limits=_EDGE, kinds=_AGAIN, faults=2),
    Case("a batch in two parts again", [[_BATCH]], (create("m0"), append("a"), _BATCH), limits=_EDGE),
    Case("a batch again & rewind", [[_BATCH], [rewind(4, 5)]], _PARTLY, limits=_EDGE),
    # The ring forgets `a` with `c`. Before `c` is sent again, another stores something else as `a`.
    Case(
        "a batch again, with more, & another's id",
        [[append("a", "b", "c")], [_CHANGED_A]],
        (create(), append("a", "b")),
        limits=_EDGE,
        kinds=("re-sent bare",),
    ),
    Case("a batch that was cut", [[rewind(3, 5), _BATCH]], _PARTLY, limits=_EDGE),
    Case("put of a forgotten id", [[put_messages("a", start=6)]], _FORGOTTEN, limits=_EDGE),
    Case("entries again", [[_ENTRIES]], (create(), _ENTRIES, _OTHER), limits=_ENTRIES_EDGE),
    Case(
        "entries again, with more",
        [[append_entries("b", "c", "f")]],
        (create(), _ENTRIES, _OTHER),
        limits=_ENTRIES_EDGE,
    ),
    Case(
        "entries of a batch again & entries",
        [[_NAMED_BATCH], [append_entries("e")]],
        (create(), _NAMED_BATCH, _OTHER),
        limits=_ENTRIES_EDGE,
    ),
    Case("entries without uuids again", [[_UNNAMED]], (create(), _UNNAMED, _OTHER), limits=_ENTRIES_EDGE),
    Case(
        "forgotten entries & the same",
        [[_UNNAMED], [_UNNAMED]],
        (create(), _UNNAMED, _OTHER, append_entries("e")),
        limits=_ENTRIES_EDGE,
    ),
    Case(
        "entries & others", [[_UNNAMED], [_OTHER]], (create(),), limits=_ENTRIES_EDGE, kinds=_AGAIN, faults=2
    ),
)
