"""Messages as items: JSON as it is answered, packed where that saves.

A message of more than 390 KB of JSON is kept in two pieces, which are joined where it is read. The `shell`
has what depends on its place in the log, the application's `metadata`, its role, and whether it was removed.
The rest is what the sender said, and is the same however often an append is tried. So the rest is compressed
once:

| JSON | compressed | bucket | the first item has | other items, object |
|---|---|---|---|---|
| up to 390 KB | | | `data`: all | |
| more | up to 390 KB | | `shell`, `data`: the rest | |
| more | more | yes | `shell`, `object`: a key | the object: the rest, gzip |
| more | up to 1 MB | no | `shell`, `data`, `parts`, `crc` | items: the rest in parts |

If the messages of an append are too many bytes for one transaction, smaller ones become objects as well.
"""

from __future__ import annotations

import json
import zlib
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import Damaged, TooLarge, Torn
from turnlog.limits import EDITS_KEPT, MESSAGE_LIMIT, METADATA_LIMIT, PARSED_BYTES, PART_SIZE, PARTS_LIMIT
from turnlog.records import jsontext
from turnlog.records.jsontext import ANY, Empty
from turnlog.records.keys import parse_message_sort_key
from turnlog.records.packing import packed, unpacked, zipped
from turnlog.records.ring import fingerprint
from turnlog.wire import dumps, payload_size, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from turnlog.records.item import Item
    from turnlog.records.keys import GenerationKey

TOKEN_SIZE = 8
"""Bytes of a tool call's token in `attached`, and of an edit's mark in `edits`."""

# They, and what the application says about a message, are no part of what the sender said.
_BESIDE = frozenset({"sequence", "message_id", "created_at", "edited_at", "stream_id", "metadata"})
# They are in both pieces, so that they are known without the rest.
_IN_BOTH = frozenset({"role", "removed"})
# Bytes of a shell without metadata, at the most, for which an item has room beside `PART_SIZE`.
_SMALL_SHELL = 4_096
SIZED = b"\x03"
"""The first byte of what the cache keeps of a message in two pieces; no packing has this number."""


class Stored(NamedTuple):
    """A message as the table and the cache keep it.

    Attributes:
        blob: its JSON, as `packing` packs it; of a small one from the cache, unpacked. Of one in two pieces:
            the rest; empty where that is an object which was not read yet.
        attached: tokens of the tool calls that were added later, eight bytes each, oldest first.
        mark: its id's fingerprint, see `turnlog.records.ring`.
        size: bytes of its JSON in an answer, see `wire.payload_size`; 0: not known, and it is a small one.
        epoch: the head's `rewinds` when it was put.
        usage: the tokens of the append that ended with this message, as `"9,1,10"`.
        shell: JSON of the server's fields, `metadata` and the role of one in two pieces; else empty.
        rest: JSON of the rest of one that this process has put in two pieces.
        object_key: of the object that has the rest; empty if there is none.
        edits: marks of the newest edits, see `edit_mark`, oldest first; and tokens of tool calls that went
            with one of these.

    The cache keeps what `for_cache` says; it is the table's items that bear what a rewind has to know.
    """

    sequence: int
    blob: bytes
    attached: bytes = b""
    mark: bytes = b""
    size: int = 0
    epoch: int = 0
    usage: str = ""
    shell: bytes = b""
    object_key: str = ""
    rest: bytes = b""
    edits: bytes = b""

    @property
    def unread(self) -> bool:
        """Whether a part of it has yet to be read from the bucket, see `Store.whole`."""
        return bool(self.object_key) and not self.blob

    @property
    def first_room(self) -> int:
        """Bytes of the blob for which its first item has room."""
        return PART_SIZE - len(self.attached) - len(self.edits) - max(0, len(self.shell) - _SMALL_SHELL)

    @property
    def json(self) -> bytes:
        """The message's JSON, as the contract shows it.

        Raises:
            Damaged: the blob is no message's, or is `unread`.
        """
        try:
            rest = self.rest or unpacked(self.blob, self.size or PART_SIZE)
        except ValueError as error:
            raise Damaged(f"Message {self.sequence} is damaged: it cannot be read.") from error
        return b"".join((_head(json.loads(self.shell)), memoryview(rest)[1:])) if self.shell else rest

    def known(self) -> dict[str, Any]:
        """The server's fields, `metadata` and the role; of a message in one piece the others as well."""
        shell: dict[str, Any] = json.loads(self.shell) if self.shell else self.fields()
        return shell

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
        items: list[Item]
        if self.object_key:
            items = [{**key.message(self.sequence), "object": {"S": self.object_key}}]
        else:
            size = self.first_room
            chunks = [self.blob[at : at + size] for at in range(0, len(self.blob), size)]
            items = [
                {**key.message(self.sequence, part), "data": {"B": chunk}}
                for part, chunk in enumerate(chunks)
            ]
        if self.shell:
            items[0]["shell"] = {"B": self.shell}
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
    room: int = PARTS_LIMIT,
) -> Stored:
    """The message as it is stored; for the arguments see `Stored`, for `room` `packing.zipped`.

    Raises:
        TooLarge: its JSON is over `MESSAGE_LIMIT`.
        Invalid: it holds what JSON cannot carry.
    """
    encoded = to_json(fields)
    mark, size = fingerprint(fields["message_id"]), payload_size(encoded)
    if len(encoded) <= PART_SIZE:
        return Stored(sequence, packed(encoded), attached, mark, size, epoch, usage, edits=edits)
    stored = Stored(sequence, b"", attached, mark, size, epoch, usage, edits=edits)
    return _in_two(fields, encoded, room, stored)


def _in_two(fields: Mapping[str, Any], encoded: bytes, room: int, stored: Stored) -> Stored:
    """A message with these fields, and this JSON, in two pieces."""
    shell = {name: value for name, value in fields.items() if name in _BESIDE or name in _IN_BOTH}
    head = _head(shell)
    if encoded.startswith(head):  # as a rule: to encode 64 MB once more takes half a second
        rest = b"".join((b"{", memoryview(encoded)[len(head) :]))
    else:
        rest = dumps({name: value for name, value in fields.items() if name not in _BESIDE})
    return stored._replace(shell=dumps(shell), blob=zipped(rest, room), rest=rest)


def _head(shell: Mapping[str, Any]) -> bytes:
    """With what the JSON of a message begins, before the rest."""
    return dumps({name: value for name, value in shell.items() if name not in _IN_BOTH})[:-1] + b","


def moved(stored: Stored, sequence: int, *, created_at: str, epoch: int) -> Stored:
    """A message in two pieces at another place in the log: the rest of it stays as it is."""
    before = json.loads(stored.shell)
    after = before | {"sequence": sequence, "created_at": created_at}
    grown = payload_size(dumps(after)) - payload_size(dumps(before))
    return stored._replace(sequence=sequence, shell=dumps(after), size=stored.size + grown, epoch=epoch)


def apart(stored: Stored) -> Stored:
    """A message in two pieces, also a small one."""
    return stored if stored.shell else _in_two(stored.fields(), stored.json, PARTS_LIMIT, stored)


def for_cache(stored: Stored, longest: int) -> bytes:
    """What the cache keeps of a message; of one with an object no more than where that is.

    Args:
        longest: bytes of JSON that is kept unpacked: to unpack it takes half of a warm read.
    """
    if stored.shell:
        about = {"shell": stored.shell.decode(), "size": stored.size, "object": stored.object_key}
        return b"".join((SIZED, dumps(about), b"\n", b"" if stored.object_key else stored.blob))
    if len(stored.blob) > longest:
        return stored.blob
    return encoded if len(encoded := stored.json) <= longest else stored.blob


def from_cache(sequence: int, value: bytes, key: GenerationKey) -> Stored | None:
    """The message of which `for_cache` gave this; None if it is none of this session's."""
    if not value.startswith(SIZED):
        return Stored(sequence, value)
    try:
        about, blob = value[1:].split(b"\n", 1)
        fields = json.loads(about)
        stored = Stored(
            sequence, blob, size=fields["size"], shell=fields["shell"].encode(), object_key=fields["object"]
        )
    except (LookupError, RecursionError, TypeError, ValueError):
        return None
    return stored if stored.object_key.startswith(key.objects) or not stored.object_key else None


def rewritten(
    before: Stored, fields: Mapping[str, Any], *, attached: bytes, edits: bytes, room: int = PARTS_LIMIT
) -> Stored:
    """A message with other fields in the place of this one; raises as `encode` does."""
    return encode(
        before.sequence, fields, attached, epoch=before.epoch, usage=before.usage, edits=edits, room=room
    )


def with_metadata(before: Stored, metadata: Mapping[str, Any], *, edits: bytes) -> Stored:
    """A message with other metadata; the rest of one in two pieces stays. Raises as `encode` does."""
    fields = {name: value for name, value in before.known().items() if name != "metadata"}
    fields |= {"metadata": metadata} if metadata else {}
    if not before.shell:
        return rewritten(before, fields, attached=before.attached, edits=edits)
    shell = to_json(fields)
    grown = payload_size(shell) - payload_size(before.shell)
    return before._replace(shell=shell, size=before.size + grown, edits=edits)


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


def says(stored: Stored, sent: Mapping[str, Any], *, first: bool = False) -> bool:
    """Whether a stored message says the same as one that was sent, see `equal`.

    G8: a large one is not parsed to be compared with a small one.

    Args:
        stored: with all of its content.
        sent: by a request, which holds it.
        first: without the tool calls that were added later.
    """
    if stored.size <= PARSED_BYTES or stored.size <= 2 * payload_size(dumps(sent)):
        return equal(stored.as_first_stored() if first else stored.fields(), sent)
    wanted = {"content": Empty(b'""'), "tool_calls": Empty(b"[]"), **_said(sent)}
    if first and (added := len(stored.attached) // TOKEN_SIZE):
        wanted["tool_calls"] = [*(sent.get("tool_calls") or ()), *([ANY] * added)]
    return jsontext.says(stored.json, wanted | dict.fromkeys(_BESIDE, ANY))


def tool_calls(stored: Stored) -> list[Any]:
    """A message's tool calls; of a large one nothing else is parsed."""
    large = stored.size > PARSED_BYTES
    calls = jsontext.member(stored.json, "tool_calls") if large else stored.fields().get("tool_calls")
    return calls or []


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
    blob = b"".join(bytes(parts[part]["data"]["B"]) for part in sorted(parts) if "data" in parts[part])
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
        shell=bytes(first.get("shell", {"B": b""})["B"]),
        object_key=first.get("object", {"S": ""})["S"],
    )
