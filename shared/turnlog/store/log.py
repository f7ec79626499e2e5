"""The writes that change the log: the head moves, and messages are put in the same transaction.

G1, G7: an edit of a stored message asks for the head's number of edits, among which rewinds count. So of two
edits at once one is first, and the other one looks again; and an edit that comes late reaches no message that
was put there after a rewind. The head's count of messages may have grown meanwhile: an append changes no
stored message, and busy writers would keep an edit waiting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from turnlog.errors import Invalid, SequenceMismatch
from turnlog.limits import COMPARED_BYTES, MAX_BATCH, PARTS_LIMIT
from turnlog.records import ring
from turnlog.records.expressions import LIVE, running, touch, unchanged, update
from turnlog.records.head import USAGE_FIELDS
from turnlog.records.keys import parse_message_sort_key
from turnlog.records.usage import added

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

    from turnlog.records.expressions import Fence, Value
    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey
    from turnlog.records.messages import Stored
    from turnlog.store.large import LargeMessages
    from turnlog.store.store import Store

Fields = dict[str, Any]


def with_message_ids(store: Store, new: Sequence[Fields]) -> list[Fields]:
    """The messages with an id each, given before the first try: the try may be repeated.

    Raises:
        Invalid: two of them share an id.
    """
    new = [
        {**fields, "message_id": fields.get("message_id") or str(UUID(bytes=store.clock.token(), version=4))}
        for fields in new
    ]
    if len({fields["message_id"] for fields in new}) < len(new):
        raise Invalid.at("body", "messages", msg="must not hold two messages with one message_id")
    return new


def advanced(
    store: Store,
    head: Head,
    new: Sequence[Fields],
    usage: Mapping[str, int] | None,
    large: LargeMessages,
    *,
    room: int = MAX_BATCH,
) -> tuple[Head, list[Stored]]:
    """The head after these messages, and the messages as they will be stored.

    Args:
        head: before them.
        usage: tokens to add.
        large: the writer's large messages.
        room: how many items the messages may take.

    Raises:
        TooLarge: a message, or all of them together.
    """
    large.begin(head)
    # Clocks differ between machines; the log's times do not run backwards for that.
    now = max(store.now(), head.updated_at)
    stored = [
        large.encode(
            sequence,
            {"sequence": sequence, "message_id": fields["message_id"], "created_at": now} | fields,
            epoch=head.rewinds,
        )
        for sequence, fields in enumerate(new, head.message_count)
    ]
    details = head.details
    if usage and stored:
        details, spent = added(head.details, usage)
        stored[-1] = stored[-1]._replace(usage=spent)
    stored = large.placed(head.key, stored, room=room)
    sums = {field: getattr(head, field) + (usage or {}).get(field, 0) for field in USAGE_FIELDS}
    after = head._replace(
        message_count=head.message_count + len(new),
        log_size=head.log_size + sum(message.size for message in stored),
        ring=ring.extended(head.ring, (fields["message_id"] for fields in new)),
        version=head.version + 1,
        updated_at=now,
        leftover=None,  # it goes before, see `clear_leftover`
        details=details,
        **sums,
    )
    return after, stored


def check_sequence(expected: int | None, head: Head) -> None:
    """Refuse a request that expects the log to end elsewhere.

    Raises:
        SequenceMismatch: it does.
    """
    if expected not in {None, head.message_count}:
        raise SequenceMismatch(
            f"expected_sequence is {expected}, but the next sequence is {head.message_count}."
            " Read the session again.",
            extra={"message_count": head.message_count},
        )


def head_update(
    head: Head,
    after: Head,
    *,
    same_version: bool,
    replaced: Mapping[str, Value] | None = None,
    fence: Fence | None = None,
) -> Fields:
    """The write that moves the head, if its count is still what it was, and no rewind has come between.

    Args:
        head: as it is taken to be.
        after: as `advanced` gave it.
        same_version: only if the version is still what it was, too.
        replaced: attributes that get a value of their own.
        fence: only if this stream runs, in this epoch. If it does not run in `after`, it ends.
    """
    replaced = replaced or {}
    more = {field: getattr(after, field) - getattr(head, field) for field in ("log_size", *USAGE_FIELDS)}
    # A rewind may have brought the count back: a request that comes late must not append to what it left.
    condition = "#message_count = :expected AND #rewinds = :rewinds"
    values: dict[str, Value] = {"expected": head.message_count, "rewinds": head.rewinds}
    if same_version:
        condition += " AND #version = :version"
        values["version"] = head.version
    if fence:
        runs, was = running(fence)
        condition, values = f"{condition} AND {runs}", values | was
    details = {}
    if "details" not in replaced and after.details != head.details:
        # They are one text, not numbers that DynamoDB adds up: a PUT may have replaced them.
        were, was = unchanged({"details": head.details})
        condition += f" AND {were}"
        details, values = {"details": after.details}, values | was
    return {
        "Update": update(
            head.key,
            to={
                "message_count": after.message_count,
                "ring": after.ring,
                **touch(head.key, after.updated_at),
                **details,
                **replaced,
            },
            plus={"version": 1} | {field: one for field, one in more.items() if field not in replaced},
            without=("active_stream", "stream_epoch") if fence and after.active_stream is None else (),
            condition=condition,
            values=values,
        )
    }


async def stored_under(
    store: Store, head: Head, hits: Mapping[str, Sequence[int]]
) -> AsyncIterator[tuple[str, Stored]]:
    """The messages that bear these ids, each with its id, at the sequences where the ring has seen them.

    G8: a small request can name large messages. So they are read in steps of a bounded size, and a step is
    let go before the next one is read. The objects of large ones are not read.

    Raises:
        NotFound: the session was deleted meanwhile.
        LogMoved: it was rewound meanwhile.
        Unavailable: the table refused or did not answer.
    """
    ids: dict[int, list[str]] = {}
    for message_id, sequences in hits.items():
        for sequence in sequences:
            ids.setdefault(sequence, []).append(message_id)
    for first, end in runs(ids):
        for at, stop in steps(head, first, end):
            for sequence, message in (await store.messages(head, at, stop)).items():
                known = message.known()["message_id"]
                if known in ids[sequence]:  # another id may have the same fingerprint
                    yield known, message


async def near(
    store: Store, head: Head, message_ids: Iterable[str], sequences: Iterable[int]
) -> dict[str, list[int]]:
    """Where these messages may be stored, if they were stored together with the ones at these sequences.

    One append stores up to 99 messages side by side, and the ring forgets them one by one. So as long as one
    of a batch is known, the others are looked for beside it, at most 98 to each side: by their marks alone,
    which the caller verifies as it does the ring's.

    Args:
        message_ids: those that are looked for; the ring does not know them.
        sequences: of those that were found.
    """
    forgotten = ring.start(head.ring, head.message_count)
    beside = {
        neighbour
        for sequence in sequences
        for neighbour in range(max(0, sequence - MAX_BATCH + 1), min(forgotten, sequence + MAX_BATCH))
    }
    known: dict[bytes, list[int]] = {}
    for first, end in runs(beside):
        for item in await store.items(head.key, first, end, "SK", "mark"):
            if "mark" in item:  # a message's further parts bear none
                sequence, _ = parse_message_sort_key(item["SK"]["S"])
                known.setdefault(bytes(item["mark"]["B"]), []).append(sequence)
    marks = {message_id: ring.fingerprint(message_id) for message_id in message_ids}
    return {message_id: known[mark] for message_id, mark in marks.items() if mark in known}


def steps(head: Head, first: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts in which the messages first..end-1 are read to be compared, so that a part is at most 32 MB.

    A log that is smaller than that is read at once.
    """
    step = end - first if head.log_size <= COMPARED_BYTES else COMPARED_BYTES // PARTS_LIMIT
    for at in range(first, end, max(1, step)):
        yield at, min(at + step, end)


def runs(sequences: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The first and the one behind the last of each run of sequences that follow on each other."""
    first = end = -1
    for sequence in sorted(sequences):
        if sequence != end:
            if end > first:
                yield first, end
            first = sequence
        end = sequence + 1
    if end > first:
        yield first, end


def puts(key: GenerationKey, stored: Sequence[Stored]) -> list[Fields]:
    """The writes that put the messages where none is."""
    return [
        {"Put": {"Item": item, "ConditionExpression": "attribute_not_exists(PK)"}}
        for message in stored
        for item in message.items(key)
    ]


def message_writes(key: GenerationKey, before: Stored, after: Stored) -> list[Fields]:
    """The writes that put a message over the one that stands there, in as many parts as it takes now."""
    items = after.items(key)
    superfluous = before.items(key)[len(items) :]
    return [
        *({"Put": {"Item": item}} for item in items),
        *({"Delete": {"Key": {"PK": item["PK"], "SK": item["SK"]}}} for item in superfluous),
    ]


async def write_edit(
    large: LargeMessages,
    head: Head,
    before: Stored,
    after: Stored,
    *,
    now: str,
    same_count: bool = False,
    same_version: bool = False,
    changes: bool = True,
    further: tuple[str, Mapping[str, Value]] | None = None,
) -> Head:
    """Put a message over the one that stands there; the head after it.

    Its `version` is low if others changed the session in the same instant. If what stood there was an object
    of the bucket, that is deleted.

    Args:
        large: the writer's large messages; if `after` has an object of its own, that is written.
        now: the time of the edit, not before the head's.
        same_count: only if nothing was appended since this head.
        same_version: only if nothing was changed since this head.
        changes: what the message says. Else it gets a mark alone, and the session keeps its version and time.
        further: a further condition, and its values.

    Raises:
        ConditionFailed: the head is another; nothing was written.
        Contended: nothing was written.
        Unanswered: it may have been.
    """
    condition = f"{LIVE} AND #edits = :edits"
    values: dict[str, Value] = {"edits": head.edits}
    if same_count:
        condition += " AND #message_count = :expected"
        values["expected"] = head.message_count
    if same_version:
        condition += " AND #version = :version"
        values["version"] = head.version
    if further:
        condition, values = f"{condition} AND {further[0]}", {**values, **further[1]}
    grown = after.size - before.size
    moved = update(
        head.key,
        to=touch(head.key, now) if changes else None,
        plus={"edits": 1} | ({"log_size": grown, "version": 1} if changes else {}),
        condition=condition,
        values=values,
    )
    await large.transact([after], {"Update": moved}, *message_writes(head.key, before, after))
    edited = head._replace(edits=head.edits + 1)
    if changes:
        edited = edited._replace(log_size=head.log_size + grown, version=head.version + 1, updated_at=now)
    await large.store.cache.edited(head, edited, after)
    await large.replaced(after)
    return edited


async def check_fence(store: Store, head: Head, fence: Fence | None) -> None:
    """Refuse what a producer writes to a session on which its stream does not run, or in another epoch.

    Args:
        head: as the table has it.
        fence: what the write names; None: it is no producer's.

    Raises:
        NotFound: there is no such stream.
        StreamEnded: it has ended.
        Fenced: it is in another epoch.
        Contended: the session is changing this instant.
    """
    if fence and not head.runs(fence):
        from turnlog.store.streams import refuse_fence  # noqa: PLC0415 (most writes are no producer's)

        await refuse_fence(store, head, fence)


async def unquiet(store: Store, head: Head, fence: Fence | None) -> Head | None:
    """Look whether a session's log may be cut or edited: no stream runs, or the one that asks.

    A stream that is due to end is ended.

    Args:
        head: as the table has it.
        fence: of the stream that asks.

    Returns:
        None: it may. A head: it may, but the session is another by now.

    Raises:
        NotFound: there is no such session, or no such stream of it.
        StreamActive: another stream runs.
        StreamEnded, Fenced: the one that asks has ended, or was taken over.
        Unavailable: the table refused or did not answer.
    """
    if fence and head.active_stream in {None, fence.stream_id}:
        await check_fence(store, head, fence)
        return None
    if head.active_stream is None:
        return None
    from turnlog.store.streams import ended_or_active  # noqa: PLC0415 (mostly none runs)

    return await ended_or_active(store, head, head.active_stream)
