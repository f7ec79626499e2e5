"""Small cases of transcripts: a few requests that meet, with entries in items and in objects."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from tests.simulation.cases import SESSION, USER, Case, create, delete
from tests.simulation.faults import CRASH
from tests.simulation.requests import Request

NAME = "main"
# Every batch is an object, and what is put and deleted takes a step for each.
IN_OBJECTS = {"PART_SIZE": 10, "DELETE_BATCH": 1}
_STEPS = {"MAX_ENTRIES": 1}
_OBJECT_FAULTS = (CRASH, "reply lost", "request lost", "applied late")


def entry(mark: str) -> dict[str, Any]:
    """An entry with a uuid."""
    return {"uuid": mark, "text": f"{mark} of {USER}.{sha256(mark.encode()).hexdigest()[:8]}"}


def append(*marks: str, expected: int | None = None) -> Request:
    """Append entries with uuids."""
    given = {} if expected is None else {"expected_position": expected}
    body = {"entries": [entry(mark) for mark in marks]} | given
    return Request("append_entries", USER, SESSION, body, name=NAME)


def append_batch(*marks: str) -> Request:
    """Append entries with uuids, under a batch's id."""
    body = {"entries": [entry(mark) for mark in marks], "batch_id": marks[0]}
    return Request("append_entries", USER, SESSION, body, name=NAME)


def append_other(mark: str) -> Request:
    """Append an entry without a uuid, under the batch's id that others have too."""
    body = {"entries": [{"text": f"{mark} of {USER}."}], "batch_id": "batch"}
    return Request("append_entries", USER, SESSION, body, name=NAME)


def append_unnamed(mark: str) -> Request:
    """Append an entry without a uuid: the client does not send it again."""
    body = {"entries": [{"text": f"{mark} of {USER}."}]}
    return Request("append_entries", USER, SESSION, body, name=NAME, again=False)


def put(*marks: str, start: int | None = None, generation: int = 0) -> Request:
    """Import a file, or a later step of one; what begins with a dash has no uuid."""
    lines = [entry(mark) for mark in marks]
    text = "".join(
        json.dumps({"text": line["text"]} if line["uuid"].startswith("-") else line) + "\n" for line in lines
    )
    query = {} if start is None else {"start_position": start, "generation": generation}
    return Request("import_transcript", USER, SESSION, {"text": text}, query, name=NAME)


def read(after: int | None = None) -> Request:
    """Read it, all or behind a position."""
    query = {} if after is None else {"after": after}
    return Request("read_entries", USER, SESSION, query=query, name=NAME)


def bury() -> Request:
    """Delete the transcript."""
    return Request("delete_transcript", USER, SESSION, name=NAME)


def names() -> Request:
    """List them."""
    return Request("list_transcripts", USER, SESSION)


_BEGUN = (create(), append("e0"))
_TWO = (create(), append("e0"), append("e1", "e2"))

# An answer holds no more than one short entry: of these, none.
_ALONE = {"ENTRY_PAYLOAD": 40}

TRANSCRIPT_CASES = (
    Case("first entries & first entries", [[append("a")], [append("b")]], before=(create(),)),
    Case("entries & entries", [[append("a")], [append("b")]], before=_BEGUN),
    Case("entries & the same entries", [[append("a", "b")], [append("b", "c")]], before=_BEGUN),
    Case("a batch & the same batch", [[append_batch("a")], [append_batch("a")]], before=_BEGUN),
    Case("a batch & another of its batch_id", [[append_other("a")], [append_other("b")]], before=_BEGUN),
    Case("entries without uuids", [[append_unnamed("a")], [append_unnamed("b")]], before=_BEGUN),
    Case("entries & delete the session", [[append("a")], [delete()]], before=_BEGUN),
    Case(
        "entries & delete the session & the entries again",
        [[append("a"), delete(), append("a")]],
        before=_BEGUN,
    ),
    Case("entries & delete the transcript", [[append("a")], [bury()]], before=_BEGUN),
    Case("entries & delete it & entries", [[append("a")], [bury(), append("b")]], before=_BEGUN),
    Case("delete & delete the transcript", [[bury()], [bury(), append("b")]], before=_BEGUN),
    Case("expected position", [[append("a", expected=1)], [append("b", expected=1)]], before=_BEGUN),
    Case("read & entries", [[read()], [append("a")]], before=_TWO),
    Case("read on & entries", [[read(1)], [append("a")]], before=_TWO),
    Case(
        "read & delete the transcript & the purge",
        [[read()], [bury()]],
        before=_TWO,
        stream=True,
        limits={"DELETE_BATCH": 1},
    ),
    Case(
        "read & delete it & begin anew & the purge",
        [[read()], [bury(), append("a")]],
        before=_TWO,
        stream=True,
        limits=IN_OBJECTS,
    ),
    Case("list & delete the transcript", [[names()], [bury()]], before=_BEGUN),
    Case("import & entries", [[put("e0", "a", "b")], [append("c")]], before=_BEGUN, limits=_STEPS),
    Case("import & import", [[put("a", "b")], [put("a", "c")]], before=(create(),), limits=_STEPS),
    Case("import & the same import", [[put("a", "-b", "c")]] * 2, before=_BEGUN, limits=_STEPS),
    Case("import & a line of it", [[put("a", "b")], [append("b", "c")]], before=_BEGUN, limits=_STEPS),
    Case(
        "a later step & entries",
        [[put("e0", "a"), put("-b", "c", start=2)], [append("c")]],
        before=_BEGUN,
        limits=_STEPS,
    ),
    # The first import was killed while its request was on its way: that one may come at any time.
    Case(
        "a later step & an entry & the import again",
        [[put("b", "-c", start=2)], [append("o"), put("e0", "-a"), put("b", "-c", start=2)]],
        before=(create(), put("e0", "-a")),
    ),
    Case(
        "a later step & a line of it & the import again",
        [[put("-b", "c", start=2)], [append("c"), put("e0", "-a"), put("-b", "c", start=2)]],
        before=(create(), put("e0", "-a")),
        limits=_STEPS,
    ),
    Case(
        "a later step & delete it & begin anew",
        [[put("b", start=1)], [bury(), append("a", "c")]],
        before=_BEGUN,
        limits=_STEPS,
    ),
    Case(
        "import & import, in objects",
        [[put("a", "b", "c")], [put("b")]],
        before=_BEGUN,
        limits={**IN_OBJECTS, "MAX_ENTRIES": 2},
        kinds=_OBJECT_FAULTS,
    ),
    Case("import & delete it", [[put("e0", "a")], [bury()]], before=_BEGUN, limits=_STEPS),
    Case(
        "entries & entries, in objects",
        [[append("a")], [append("b")]],
        before=_BEGUN,
        limits=IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "entries & the same entries, in objects",
        [[append("a", "b")], [append("b")]],
        before=_BEGUN,
        limits=IN_OBJECTS,
        kinds=(*_OBJECT_FAULTS, "re-sent bare"),
    ),
    Case(
        "entries & delete the session & the purge, in objects",
        [[append("a")], [delete()]],
        before=_BEGUN,
        stream=True,
        limits=IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "entries & delete the transcript & the purge, in objects",
        [[append("a")], [bury()]],
        before=_BEGUN,
        stream=True,
        limits=IN_OBJECTS,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "the purge of transcripts",
        [],
        before=(*_TWO, bury(), append("a"), delete()),
        stream=True,
        limits=IN_OBJECTS,
        kinds=(*_OBJECT_FAULTS, "unprocessed items", "short page"),
    ),
    Case(
        "the purge of a transcript's first life",
        [],
        before=(*_TWO, bury(), append("a")),
        stream=True,
        limits=IN_OBJECTS,
        kinds=(*_OBJECT_FAULTS, "unprocessed items", "short page"),
    ),
    Case(
        "read & entries, by reference",
        [[read(), read(0)], [append("a")]],
        before=_BEGUN,
        limits=_ALONE,
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "entries & the same entries, by reference",
        [[append("a"), read(0)], [append("a")]],
        before=_BEGUN,
        limits=_ALONE,
        kinds=(*_OBJECT_FAULTS, "re-sent bare"),
    ),
    Case(
        "import & a line of it & read, by reference",
        [[put("e0", "a", "b")], [append("b"), read(1)]],
        before=_BEGUN,
        limits={**_ALONE, **_STEPS},
        kinds=_OBJECT_FAULTS,
    ),
    Case(
        "read & delete it & begin anew & the purge, by reference",
        [[read()], [bury(), append("a")]],
        before=_BEGUN,
        stream=True,
        limits={**_ALONE, "DELETE_BATCH": 1},
        kinds=_OBJECT_FAULTS,
    ),
)
