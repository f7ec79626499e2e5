"""The entries of a request, each with what it is known by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import Invalid, TooLarge
from turnlog.limits import ENTRY_LIMIT, PAYLOAD_LIMIT
from turnlog.records.batches import answer_size
from turnlog.wire import dumps, same, what_cannot_be_kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Fields = dict[str, Any]


class Entry(NamedTuple):
    """An entry.

    Attributes:
        line: its JSON.
        identity: its uuid, or one that is made for it.
        named: whether it has a uuid.
    """

    fields: Fields
    line: bytes
    identity: str
    named: bool


def uuid_of(fields: Fields) -> str | None:
    """An entry's `uuid`: any text but an empty one. What is no text is no uuid, and is kept as it is."""
    uuid = fields.get("uuid")
    return uuid if isinstance(uuid, str) and uuid else None


def with_identities(new: Iterable[Fields], token: bytes) -> list[Entry]:
    """The entries with an identity each, given before the first try: the try may be repeated.

    Args:
        new: JSON objects. Where a uuid comes again with the same content, it counts once.
        token: of the request, from which identities are made.

    Raises:
        Invalid: one uuid comes with two contents, or an entry holds what Turnlog does not take.
    """
    entries: dict[str, Entry] = {}
    for at, fields in enumerate(new):
        if msg := what_cannot_be_kept(fields):
            raise Invalid.at("body", "entries", at, msg=msg)
        uuid = uuid_of(fields)
        before = entries.get(uuid or "")
        if before and not same(before.fields, fields):
            msg = "has the uuid of an earlier entry, and other content"
            raise Invalid.at("body", "entries", at, msg=msg)
        if before is None:
            identity = uuid or f"{token.hex()}-{at}"
            line = dumps(fields, "body", "entries", at)
            entries[identity] = Entry(fields, line, identity, named=uuid is not None)
    return list(entries.values())


def check_size(entries: Sequence[Entry], *, oversized: bool) -> None:
    """Refuse what no batch holds: of several entries as much as an answer does; one alone may be larger.

    Args:
        oversized: whether it may.

    Raises:
        TooLarge: they are more.
    """
    size = answer_size(entry.line for entry in entries)
    alone = len(entries) == 1
    if size > PAYLOAD_LIMIT and not (alone and oversized):
        way = "" if alone else " Send fewer at once."
        raise TooLarge(f"The entries take {size} bytes in an answer, which holds {PAYLOAD_LIMIT}.{way}")
    if alone and (size := len(entries[0].line)) > ENTRY_LIMIT:
        raise TooLarge(f"An entry is at most {ENTRY_LIMIT} bytes; this one has {size}.")
