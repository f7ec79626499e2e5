"""Limits, also DynamoDB's, made so small that a few messages meet them all: parts, pages, steps."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation import edit_rules, memory_table, transcript_rules
from tests.simulation.dynamodb import queries
from turnlog.client import importing
from turnlog.operations import (
    edit_message,
    export_history,
    fork_session,
    import_transcript,
    purge,
    put_session,
    read_entries,
    read_session,
)
from turnlog.records import batches, entries, messages, ring, transcripts
from turnlog.store import deposits, entry_reader, large, leftover, log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from random import Random


class _Limit(NamedTuple):
    """A limit that can be small.

    Attributes:
        modules: those that have it by its name.
        name: that name, if it is another.
    """

    modules: tuple[Any, ...]
    small: int
    name: str = ""


_LIMITS: Mapping[str, _Limit] = {
    "PART_SIZE": _Limit((messages, large, put_session, deposits, import_transcript), 150),
    "MESSAGE_PART_SIZE": _Limit((messages, large, put_session), 150, "PART_SIZE"),
    "_PAGE": _Limit((queries,), 500),
    # Of several messages, those that go beyond are objects.
    "REQUEST_LIMIT": _Limit((large,), 400),
    # Any message still fits: without a bucket it takes four parts at the most.
    "MAX_BATCH": _Limit((put_session, log), 6),
    "MAX_FIRST_BATCH": _Limit((put_session,), 6),
    # As does one that tool calls have joined: it takes eight.
    "MAX_DELETES": _Limit((leftover,), 8),
    "FORK_ITEMS": _Limit((fork_session,), 2),
    "MAX_ENTRIES": _Limit((import_transcript,), 2),
    "MAX_IMPORT": _Limit((importing,), 2),
    "DELETE_BATCH": _Limit((purge,), 2),
    "_FIRST_STEP": _Limit((read_session, export_history), 2),
    "_FIRST_BACK": _Limit((export_history,), 1),
    "_ALONE": _Limit((export_history,), 500),
    "APART_LIMIT": _Limit((export_history,), 900),
    "PAYLOAD_LIMIT": _Limit((read_session, read_entries, export_history, large), 400),
    # One entry goes as an object, and its reader gets it from the bucket. Only in small cases: of several at
    # once that are more the append is refused.
    "ENTRY_PAYLOAD": _Limit((batches, deposits, entries, read_entries, entry_reader), 60, "PAYLOAD_LIMIT"),
    # What these forget is stored again, when it is sent again: the rules know when that is so.
    "CAPACITY": _Limit((ring,), 4),
    "EDITS_KEPT": _Limit((messages, edit_message, edit_rules), 2),
    "TRANSCRIPT_RING": _Limit((transcripts, transcript_rules), 4),
    # One byte: every other schedule has two ids with one fingerprint.
    "_WIDTH": _Limit((ring,), 1),
}


def shrunk(rng: Random, *, bucket: bool) -> AbstractContextManager[None]:
    """Each limit as it is or small."""
    values = {name: limit.small for name, limit in _LIMITS.items() if rng.random() < 0.5}
    values.pop("ENTRY_PAYLOAD", None)
    if not bucket:  # what a batch of entries does not hold is refused then
        values.pop("PART_SIZE", None)
        values.pop("REQUEST_LIMIT", None)
        values.pop("_ALONE", None)  # as is what is written of a message
    return limited(**values)


@contextmanager
def limited(**values: int) -> Iterator[None]:
    """Some limits, by name, as they are given.

    The shapes of requests are left to tests/conformance meanwhile: they cost a third of a schedule.
    """
    given = [
        (module, _LIMITS[name].name or name, value)
        for name, value in values.items()
        for module in _LIMITS[name].modules
    ]
    everything = [*given, (memory_table, "check_shape", lambda *_: None)]
    if values.keys() & {"PART_SIZE", "MESSAGE_PART_SIZE"}:
        # Packed, none of the messages here would take a second part.
        everything += [(messages, "packed", bytes), (messages, "zipped", lambda json, _: json)]
    usual = [(module, name, getattr(module, name)) for module, name, _ in everything]
    for module, name, value in everything:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in usual:
            setattr(module, name, value)
