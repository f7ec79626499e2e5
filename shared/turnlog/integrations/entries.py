"""The Claude Agent SDK's entries as a transcript takes them, and back, deep-equal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from turnlog.errors import Invalid
from turnlog.limits import MAX_ENTRIES, UUID_LIMIT
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Entry = dict[str, Any]

BATCH_BYTES = 1 << 20
"""Of one append; it fits into a request and an answer however it is escaped. As much as the SDK waits for."""

# Holds an entry that UTF-8 cannot carry, as JSON in ASCII. JavaScript's strings may end in half a character.
_ASCII = "$json"


def carried(at: int, entry: Mapping[str, Any]) -> Entry:
    """The entry as Turnlog takes it, with its uuid as far as that can be one there.

    Raises:
        Invalid: it is no object; `at` says where it stands.
    """
    if not isinstance(entry, dict):
        raise Invalid.at("entries", at, msg="must be an object")
    uuid = entry.get("uuid")
    named = isinstance(uuid, str) and 0 < len(uuid) <= UUID_LIMIT
    try:
        dumps(entry)
    except Invalid:
        named = named and str(uuid).isascii()
    else:
        if _ASCII not in entry and (named or uuid is None):
            return dict(entry)
    return {_ASCII: json.dumps(entry)} | ({"uuid": uuid} if named else {})


def restored(entry: Entry) -> Entry:
    """The entry as the SDK gave it."""
    given: Entry = json.loads(entry[_ASCII]) if _ASCII in entry else entry
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
        if entry.get("uuid") in uuids:
            continue
        if batch and (len(batch) == MAX_ENTRIES or size + len(line) > BATCH_BYTES):
            yield batch
            batch, uuids, size = [], set(), 0
        batch.append(entry)
        size += len(line)
        if entry.get("uuid"):
            uuids.add(entry["uuid"])
    yield batch
