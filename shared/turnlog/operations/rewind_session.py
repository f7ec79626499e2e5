"""G1, G2, G3, G7: one transaction decides a rewind, whatever its length.

The head's `message_count` goes from m back to n only if the session is what it was when its size, its usage
and the ring of its ids were computed: at one version. From then on the messages behind n are in nobody's log.
As many as fit are deleted in the same transaction, the others right after it, or before the next append
(`store.leftover`).

The count of rewinds goes up. So what was meant for the log as it was before is refused (`store.log`), and a
reader knows by its `epoch` a message that was put since. The count of edits goes up, too: it is in the key of
the cached log.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from turnlog.errors import ConditionFailed, Contended, NotFound, Unanswered, Unavailable
from turnlog.records import ring
from turnlog.records.expressions import running, touch, update
from turnlog.records.head import USAGE_FIELDS, check_version
from turnlog.records.keys import parse_message_sort_key
from turnlog.records.usage import without
from turnlog.store.deposits import delete_objects, objects_of
from turnlog.store.doubt import tells_doubt
from turnlog.store.leftover import (
    WHAT_GOES,
    clear_leftover,
    deletes,
    left_under,
    newest_step,
)
from turnlog.store.log import check_sequence, runs, unquiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnlog.records.expressions import Fence, Value
    from turnlog.records.head import Head, Match
    from turnlog.records.item import Item
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.store.store import Store


class Rewound(NamedTuple):
    """The head afterwards, and whether the session had been rewound so before."""

    head: Head
    replayed: bool


class _Cut(NamedTuple):
    """A rewind to make: the head before and after it, and the items of the messages that go."""

    before: Head
    after: Head
    gone: Sequence[Item]


@tells_doubt
async def rewind_session(
    store: Store,
    key: SessionKey,
    to: int,
    *,
    expected: int,
    rewind_id: str | None = None,
    if_match: Match | None = None,
    fence: Fence | None = None,
) -> Rewound:
    """Take away the messages from `to` on, if the next sequence is `expected`.

    Args:
        to: how many messages stay.
        expected: how many there are, at least `to`.
        rewind_id: a request with the same id is a repeat until another rewind is made, and one with another
            id is not. Without an id, a rewind between the same lengths is a repeat until something is
            appended.
        if_match: only if it admits the session's version, so if nothing of the session was changed.
        fence: it is a rewind of this stream's producer. While a stream runs, nobody else rewinds.

    Raises:
        NotFound: no such session.
        StreamActive: a stream runs; nothing was written.
        StreamEnded, Fenced: the producer's stream has ended, or was taken over; nothing was written.
        PreconditionFailed: its version is not one that `if_match` admits; nothing was written.
        SequenceMismatch: the next sequence is another; nothing was written.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    token = store.clock.token()
    name = f"{to}:{expected}" + (f":{rewind_id}" if rewind_id else "")
    cut: _Cut | None = None
    head: Head | None = None
    meant: SessionKey | GenerationKey = key
    tries = store.tries()
    while True:
        head = head or await store.head(meant)
        meant = head.key
        if cut and head.token == token:
            return await _made(store, cut)
        # A name of the client's own tells this rewind from any other, also where the log has grown since.
        made = head.rewound == name and (rewind_id or head.message_count == to)
        if made or head.message_count == to == expected:
            if not made:
                check_version(head, if_match)
            store.counts["replays"] += 1
            await _finish(store, head)
            return Rewound(head, replayed=True)
        tries.check_rewinds(head)
        check_sequence(expected, head)
        check_version(head, if_match)
        if other := await unquiet(store, head, fence):
            head = other
            continue
        try:
            await clear_leftover(store, head)
            cut = await _cut(store, head, to, token, name)
            await store.transact(*_writes(cut, fence))
        except ConditionFailed as refused:
            store.counts["conflicts"] += 1
            head = await store.refusing_head(meant, refused)
            if head.token != token:
                await tries.again(Contended("Others keep changing this session. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error, over=head)
            head = None
        else:
            return await _made(store, cut)


async def _made(store: Store, cut: _Cut) -> Rewound:
    await store.cache.rewound(cut.before, cut.after)
    store.counts["rewinds"] += 1
    await delete_objects(store, objects_of(newest_step(cut.gone)))
    await _finish(store, cut.after, cut.gone[: -len(newest_step(cut.gone))])
    return Rewound(cut.after, replayed=False)


async def _finish(store: Store, head: Head, items: Sequence[Item] = ()) -> None:
    """Delete what is left over, as far as can be now; the next append deletes the rest."""
    with suppress(NotFound, Unavailable):
        await clear_leftover(store, head, items)


async def _cut(store: Store, head: Head, to: int, token: bytes, name: str) -> _Cut:
    """What a rewind of this head makes of it.

    Reads what goes, and as many of the messages before as the ring then lacks; of neither its content.

    Raises:
        Contended: the log is moving on.
    """
    known = ring.start(head.ring, head.message_count)
    wanted = {*range(max(0, to - ring.CAPACITY), known), *range(to, head.message_count)}
    items: list[Item] = []
    for first, end in runs(wanted):
        items += await store.items(head.key, first, end, *WHAT_GOES, "mark", "size", "usage")
    by_part = {parse_message_sort_key(item["SK"]["S"]): item for item in items}
    firsts = {sequence: item for (sequence, part), item in by_part.items() if part == 0}
    if firsts.keys() != wanted:
        raise Contended("Others keep changing this session. Try again.")
    older = b"".join(bytes(item["mark"]["B"]) for sequence, item in firsts.items() if sequence < to)
    lost = [item for sequence, item in firsts.items() if sequence >= to]
    spent = [item["usage"]["S"] for item in lost if "usage" in item]
    usage = without({field: getattr(head, field) for field in USAGE_FIELDS}, head.details, spent)
    gone = [item for (sequence, _), item in by_part.items() if sequence >= to]
    after = head._replace(
        message_count=to,
        log_size=head.log_size - sum(int(item["size"]["N"]) for item in lost),
        ring=ring.rewound(head.ring, head.message_count - to, older),
        rewound=name,
        leftover=left_under(to, newest_step(gone)),
        rewinds=head.rewinds + 1,
        edits=head.edits + 1,
        version=head.version + 1,
        updated_at=max(store.now(), head.updated_at),
        token=token,
        **usage,
    )
    return _Cut(head, after, gone)


def _writes(cut: _Cut, fence: Fence | None) -> list[dict[str, object]]:
    before, after = cut.before, cut.after
    changed = ["message_count", "ring", "rewound", "token", *USAGE_FIELDS]
    changed += ["details"] if after.details != before.details else []
    left = {} if after.leftover is None else {"leftover": after.leftover}
    condition = "#message_count = :expected AND #version = :seen"
    values: dict[str, Value] = {"expected": before.message_count, "seen": before.version}
    if fence:  # without one, no stream was opened since this version
        runs, was = running(fence)
        condition, values = f"{condition} AND {runs}", values | was
    return [
        {
            "Update": update(
                after.key,
                to={name: getattr(after, name) for name in changed}
                | left
                | touch(after.key, after.updated_at),
                plus={"rewinds": 1, "edits": 1, "version": 1, "log_size": after.log_size - before.log_size},
                condition=condition,
                values=values,
            )
        },
        *deletes(newest_step(cut.gone)),
    ]
