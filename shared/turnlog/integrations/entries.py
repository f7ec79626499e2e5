"""The Claude Agent SDK's entries as a transcript takes them, and back, deep-equal."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from turnlog.errors import Invalid
from turnlog.limits import MAX_ENTRIES
from turnlog.records.entries import uuid_of
from turnlog.wire import dumps, what_cannot_be_kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Entry = dict[str, Any]

BATCH_BYTES = 1 << 20
"""Of one append; it fits into a request and an answer however it is escaped. As much as the SDK waits for."""

# Holds, as a text, an entry that Turnlog does not take as it is: Python's JSON has infinite numbers.
_TEXT = "$json"


def carried(at: int, entry: Mapping[str, Any]) -> Entry:
    """The entry as Turnlog takes it.

    Raises:
        Invalid: it is no object; `at` says where it stands.
    """
    if not isinstance(entry, dict):
        raise Invalid.at("entries", at, msg="must be an object")
    if _TEXT not in entry and what_cannot_be_kept(entry) is None:
        with suppress(Invalid):
            dumps(entry)
            return dict(entry)
    uuid = uuid_of(entry)
    return {_TEXT: json.dumps(entry)} | ({"uuid": uuid} if uuid else {})


def restored(entry: Entry) -> Entry:
    """The entry as the SDK gave it."""
    given: Entry = json.loads(entry[_TEXT]) if _TEXT in entry else entry
    return given


def batches(entries: Sequence[Entry], lines: Sequence[bytes]) -> Iterator[list[Entry]]:
    """The entries in batches that one append takes, each uuid once in a batch.

    Args:
        entries: as they are carried.
        lines: their JSON.
    """
    batch: list[Entry] = []
    uuids: set[str] = set()
    size = 0
    for entry, line in zip(entries, lines, strict=True):
        uuid = uuid_of(entry)
        if uuid in uuids:
            continue
        if batch and (len(batch) == MAX_ENTRIES or size + len(line) > BATCH_BYTES):
            yield batch
            batch, uuids, size = [], set(), 0
        batch.append(entry)
        size += len(line)
        if uuid:
            uuids.add(uuid)
    yield batch
