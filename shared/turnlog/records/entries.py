"""The entries of a request, each with what it is known by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import Invalid
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def with_identities(new: Sequence[Fields], token: bytes) -> list[Entry]:
    """The entries with an identity each, given before the first try: the try may be repeated.

    Args:
        new: JSON objects.
        token: of the request, from which identities are made.

    Raises:
        Invalid: two share a uuid, or one holds what JSON cannot carry.
    """
    entries = [
        Entry(
            fields,
            dumps(fields, "body", "entries", at),
            identity=fields.get("uuid") or f"{token.hex()}-{at}",
            named=bool(fields.get("uuid")),
        )
        for at, fields in enumerate(new)
    ]
    if len({entry.identity for entry in entries}) < len(entries):
        raise Invalid.at("body", "entries", msg="must not hold two entries with one uuid")
    return entries
