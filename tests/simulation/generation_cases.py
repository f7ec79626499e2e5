"""Small cases of sessions that are begun anew under their id, while others still mean the one of before."""

from __future__ import annotations

from tests.simulation.cases import (
    MANY_PARTS,
    PURGE_FAULTS,
    SESSION,
    SILENCE,
    USER,
    Case,
    append,
    create,
    delete,
    get,
    get_draft,
    patch,
    put,
    put_draft,
    put_messages,
    recreate,
    rewind,
    title,
    tool_call,
)
from tests.simulation.requests import Request
from tests.simulation.transcript_cases import IN_OBJECTS, bury, names, read
from tests.simulation.transcript_cases import append as append_entries
from tests.simulation.transcript_cases import put as import_entries

_ANEW = (delete(), recreate("m0"))  # with as many messages, so that the counts fit
_GONE = (create("m0"), delete())
_THIRD = (*_GONE, recreate("m0"), delete())
_BEGUN = (create("m0"), append_entries("e0"))
_BEGUN_ANEW = (*_ANEW, append_entries("n0"))
_CACHE_FAULTS = ("cache down", "cache late")
_OBJECT_FAULTS = ("crash", "reply lost", "applied late")


def drop() -> Request:
    """Drop what the cache holds of it."""
    return Request("drop_cache", USER, SESSION)


def delete_draft() -> Request:
    """Delete the draft."""
    return Request("delete_draft", USER, SESSION)


GENERATION_CASES = (
    Case("begin anew & append", [[append("a")], _ANEW]),
    Case("begin anew & append & append", [[append("a")], [append("b"), *_ANEW]], cache="warm"),
    Case("begin anew by a slow clock", [[recreate("m0")]], _GONE, skew=-3_600.0),
    Case("begin anew & append, warm cache", [[append("a")], _ANEW], cache="warm"),
    Case(
        "begin anew & append, the cache failing", [[*_ANEW, append("a")]], cache="warm", kinds=_CACHE_FAULTS
    ),
    Case("begin anew & append, silence", [[append("a")], _ANEW], cache="warm", kinds=("reply lost",)),
    Case("begin anew & append of an old id", [[append("m0")], [delete(), recreate()]]),
    Case("begin anew & append after a rewind", [[append("a")], _ANEW], (create("m0", "m1"), rewind(1, 2))),
    Case("begin anew & put", [[put("m0", "p")], _ANEW]),
    Case("begin anew & put in steps", [[put_messages("m0", "p", "q")], _ANEW], limits={"MAX_BATCH": 1}),
    Case(
        "begin anew & put that creates",
        [[put("p", "q")], [delete(), recreate()]],
        (),
        limits={"MAX_BATCH": 1},
    ),
    Case("begin anew & rewind", [[rewind(0, 1)], _ANEW]),
    Case(
        "begin anew & rewind in steps",
        [[rewind(0, 2)], [delete(), recreate("m0", "m1"), append("a")]],
        (create("m0", "m1"),),
        limits={"MAX_DELETES": 1},
    ),
    Case("begin anew & tool call", [[tool_call("t")], _ANEW]),
    Case("begin anew & tool call, silence", [[tool_call("t")], _ANEW], kinds=SILENCE, faults=2),
    Case("begin anew & patch", [[patch("x")], _ANEW]),
    Case("begin anew & title", [[title("x")], _ANEW]),
    Case("begin anew & title, silence", [[title("x")], _ANEW], kinds=SILENCE, faults=2),
    Case(
        "begin anew & title if unset, silence",
        [[title("x", only_if_unset=True)], _ANEW],
        kinds=SILENCE,
        faults=2,
    ),
    Case("begin anew & an old ETag", [[title("x", if_match='"1"'), patch("y", if_match='"1"')], _ANEW]),
    Case("begin anew & delete", [[delete()], _ANEW]),
    Case("begin anew & delete, silence", [[delete()], _ANEW], kinds=SILENCE, faults=2),
    Case("begun anew, deleted & begun anew", [[delete()], _ANEW], (*_GONE, recreate("m0"))),
    Case("begun anew & title & delete", [[title("x"), delete()], [append("a")]], (*_GONE, recreate("m0"))),
    Case("begin anew & create", [[create("c")], _ANEW]),
    Case("begin anew & get, warm cache", [[get()], [*_ANEW, append("a")]], cache="warm"),
    Case("begin anew & get, cold cache", [[get()], [*_ANEW, tool_call("t")]], cache="cold"),
    Case("begin anew & drop the cache", [[drop()], _ANEW], cache="warm"),
    Case("begin anew & drafts", [[put_draft()], [*_ANEW, get_draft()]], cache="cold"),
    Case(
        "begin anew after a draft",
        [[delete(), recreate(), get_draft()]],
        (create(), put_draft()),
        cache="warm",
    ),
    Case(
        "begin anew & delete the draft", [[delete_draft()], [*_ANEW, put_draft(), get_draft()]], cache="cold"
    ),
    Case("begin anew & begin anew", [[recreate("a")], [recreate("b")]], _GONE),
    Case("begin anew twice & delete", [[recreate("a"), delete()], [recreate("b")]], _GONE),
    Case(
        "begin anew, silence, & delete",
        [[recreate("a")], [delete(), delete()]],
        _GONE,
        kinds=SILENCE,
        faults=2,
    ),
    Case(
        "begin the third anew & append", [[append("a")], [delete(), recreate("m0")]], (*_GONE, recreate("m0"))
    ),
    Case("begin anew what was never there", [[recreate("a")], [recreate("b"), delete()]], ()),
    Case(
        "begin anew & the purge",
        [[recreate("n0"), append("a")]],
        _GONE,
        stream=True,
        limits=MANY_PARTS,
        kinds=PURGE_FAULTS,
    ),
    Case(
        "begin the third anew & the purge",
        [[recreate("n0")]],
        _THIRD,
        stream=True,
        limits=MANY_PARTS,
        kinds=PURGE_FAULTS,
    ),
    Case(
        "begin anew, delete & the purge", [[recreate("n0"), delete()]], _GONE, stream=True, kinds=PURGE_FAULTS
    ),
    Case("begin anew & retention", [[recreate("n0")], [append("a")]], _GONE, stream=True, days=40),
    Case("begin anew, append & retention", [[delete(), recreate("n0"), append("a")]], stream=True, days=40),
    Case("begin anew & entries", [[append_entries("a")], _ANEW], _BEGUN),
    Case("begin anew & first entries", [[append_entries("a")], _BEGUN_ANEW]),
    Case("begin anew & first entries, warm cache", [[append_entries("a")], _BEGUN_ANEW], cache="warm"),
    Case("begin anew & entries of before", [[append_entries("e0")], _BEGUN_ANEW], _BEGUN),
    Case("begin anew & entries, silence", [[append_entries("a")], _ANEW], _BEGUN, kinds=("reply lost",)),
    Case("begin anew & import", [[import_entries("e0", "a")], _ANEW], _BEGUN),
    Case("begin anew & delete the transcript", [[bury()], _BEGUN_ANEW], _BEGUN),
    Case("begin anew & read entries", [[read()], _BEGUN_ANEW], _BEGUN),
    Case("begin anew & list transcripts", [[names()], [*_ANEW, names()]], _BEGUN),
    Case(
        "begin anew & the purge of transcripts",
        [[recreate("m0"), append_entries("e0")]],
        (*_BEGUN, delete()),
        stream=True,
        limits=IN_OBJECTS,
        kinds=(*_OBJECT_FAULTS, "unprocessed items"),
    ),
    Case(
        "begin anew & entries & the purge, in objects",
        [[append_entries("a")], _ANEW],
        _BEGUN,
        stream=True,
        limits=IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
)
