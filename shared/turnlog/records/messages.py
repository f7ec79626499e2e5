"""Messages as items: JSON as it is answered, packed where that saves, in parts above 400 KB."""

from __future__ import annotations

import json
import zlib
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import Damaged, TooLarge, Torn
from turnlog.limits import EDITS_KEPT, MESSAGE_LIMIT, METADATA_LIMIT, PART_SIZE
from turnlog.records.keys import parse_message_sort_key
from turnlog.records.packing import packed, unpacked
from turnlog.records.ring import fingerprint
from turnlog.wire import dumps, payload_size, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from turnlog.records.item import Item
    from turnlog.records.keys import GenerationKey

TOKEN_SIZE = 8
"""Bytes of a tool call's token in `attached`, and of an edit's mark in `edits`."""

# They, and what the application says about a message, are no part of what the sender said.
_BESIDE = frozenset({"sequence", "message_id", "created_at", "edited_at", "metadata"})


class Stored(NamedTuple):
    """A message as the table and the cache keep it.

    Attributes:
        blob: its JSON, as `packing` packs it; of a small one from the cache, unpacked.
        attached: tokens of the tool calls that were added later, eight bytes each, oldest first.
        mark: its id's fingerprint, see `turnlog.records.ring`.
        size: bytes of its JSON in an answer, see `wire.payload_size`.
        epoch: the head's `rewinds` when it was put.
        usage: the tokens of the append that ended with this message, as `"9,1,10"`.
        edits: marks of the newest edits, see `edit_mark`, oldest first; and tokens of tool calls that went
            with one of these.

    The cache keeps the blob or the JSON alone; it is the table's items that bear what a rewind has to know.
    """

    sequence: int
    blob: bytes
    attached: bytes = b""
    mark: bytes = b""
    size: int = 0
    epoch: int = 0
    usage: str = ""
    edits: bytes = b""

    @property
    def json(self) -> bytes:
        """The message's JSON, as the contract shows it.

        Raises:
            Damaged: the blob is no message's.
        """
        try:
            return unpacked(self.blob)
        except ValueError as error:
            raise Damaged(f"Message {self.sequence} is damaged: it cannot be read.") from error

    def fields(self) -> dict[str, Any]:
        """The message, read."""
        fields: dict[str, Any] = json.loads(self.json)
        return fields

    def as_first_stored(self) -> dict[str, Any]:
        """The message without the tool calls that were added later."""
        fields = self.fields()
        if added := len(self.attached) // TOKEN_SIZE:
            fields["tool_calls"] = fields["tool_calls"][:-added]
            if not fields["tool_calls"]:
                del fields["tool_calls"]
        return fields

    def bears(self, mark: bytes) -> bool:
        """Whether the edit of this mark was made, or the tool call of this token was added."""
        marks = self.attached + self.edits
        return mark in (marks[at : at + TOKEN_SIZE] for at in range(0, len(marks), TOKEN_SIZE))

    def items(self, key: GenerationKey) -> list[Item]:
        """The items that hold the message."""
        size = PART_SIZE - len(self.attached) - len(self.edits)  # which are in the first item
        chunks = [self.blob[at : at + size] for at in range(0, len(self.blob), size)]
        items = [
            {**key.message(self.sequence, part), "data": {"B": chunk}} for part, chunk in enumerate(chunks)
        ]
        if len(items) > 1:
            items[0] |= {"parts": {"N": str(len(items))}, "crc": {"N": str(zlib.crc32(self.blob))}}
        items[0] |= {"mark": {"B": self.mark}, "size": {"N": str(self.size)}}
        if self.attached:
            items[0]["attached"] = {"B": self.attached}
        if self.epoch:
            items[0]["epoch"] = {"N": str(self.epoch)}
        if self.usage:
            items[0]["usage"] = {"S": self.usage}
        if self.edits:
            items[0]["edits"] = {"B": self.edits}
        return items


def encode(
    sequence: int,
    fields: Mapping[str, Any],
    attached: bytes = b"",
    *,
    epoch: int = 0,
    usage: str = "",
    edits: bytes = b"",
) -> Stored:
    """The message as it is stored; for the arguments see `Stored`.

    Raises:
        TooLarge: its JSON is over `MESSAGE_LIMIT`.
        Invalid: it holds what JSON cannot carry.
    """
    encoded = to_json(fields)
    mark, size = fingerprint(fields["message_id"]), payload_size(encoded)
    return Stored(sequence, packed(encoded), attached, mark, size, epoch, usage, edits)


def rewritten(before: Stored, fields: Mapping[str, Any], *, attached: bytes, edits: bytes) -> Stored:
    """A message with other fields in the place of this one; raises as `encode` does."""
    return encode(before.sequence, fields, attached, epoch=before.epoch, usage=before.usage, edits=edits)


def edit_mark(edit_id: str) -> bytes:
    """What a message keeps of an edit's id."""
    return blake2b(edit_id.encode(), digest_size=TOKEN_SIZE).digest()


def edits_kept(before: Stored, mark: bytes, *, calls: bool) -> bytes:
    """The marks that a message bears after one more edit.

    Args:
        calls: the tool calls that were added go with this edit; their tokens stay, so that a call whose reply
            was lost is not added once more.
    """
    marks = before.edits + (before.attached if calls else b"") + mark
    return marks[-EDITS_KEPT * TOKEN_SIZE :]


def to_json(fields: Mapping[str, Any]) -> bytes:
    """The message's JSON; raises as `encode` does."""
    encoded = dumps(fields)
    if "metadata" in fields and (size := len(dumps(fields["metadata"]))) > METADATA_LIMIT:
        raise TooLarge(
            f"A message's metadata is at most {METADATA_LIMIT} bytes of JSON; that of one has {size}."
        )
    if len(encoded) > MESSAGE_LIMIT:
        raise TooLarge(
            f"A message is at most {MESSAGE_LIMIT} bytes of JSON; one has {len(encoded)}."
            " Split it into several."
        )
    return encoded


def erased(fields: Mapping[str, Any]) -> bool:
    """Whether what a message said at first is gone: it was replaced or removed."""
    return "edited_at" in fields or "removed" in fields


def equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two messages say the same, see `wire.same`: beside server fields and `metadata`.

    No content is as empty content, and no tool calls are as an empty list of them.
    """
    return same(_said(one), _said(other))


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in fields.items() if name not in _BESIDE}
    if said.get("content") == "":
        del said["content"]
    if said.get("tool_calls") == []:
        del said["tool_calls"]
    return said


def decode(items: Iterable[Item]) -> Iterator[Stored]:
    """The messages in these items, which come in the order of their sort keys, upwards or downwards.

    Raises:
        Torn: the parts of a message are not of one writing, as when an edit came between two pages, or
            are not all there.
    """
    parts: dict[int, Item] = {}
    current = -1
    for item in items:
        sequence, part = parse_message_sort_key(item["SK"]["S"])
        if sequence != current and parts:
            yield _assembled(current, parts)
            parts = {}
        current = sequence
        parts[part] = item
    if parts:
        yield _assembled(current, parts)


def _assembled(sequence: int, parts: Mapping[int, Item]) -> Stored:
    first = parts.get(0, {})
    blob = b"".join(bytes(parts[part]["data"]["B"]) for part in sorted(parts))
    # Without its first part, as a purge leaves it for an instant, it does not say how many there were.
    if (
        not first
        or len(parts) != int(first.get("parts", {"N": "1"})["N"])
        or ("crc" in first and zlib.crc32(blob) != int(first["crc"]["N"]))
    ):
        raise Torn("A message was changed while it was read. Read it again.")
    return Stored(
        sequence,
        blob,
        attached=bytes(first.get("attached", {"B": b""})["B"]),
        mark=bytes(first.get("mark", {"B": b""})["B"]),
        size=int(first.get("size", {"N": "0"})["N"]),
        epoch=int(first.get("epoch", {"N": "0"})["N"]),
        usage=first.get("usage", {"S": ""})["S"],
        edits=bytes(first.get("edits", {"B": b""})["B"]),
    )
