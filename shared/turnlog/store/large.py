"""G7, G8: the messages of one writer that no item holds, from the first try to the last.

The content of such a message is an object in the bucket. It is written before the item that names it, once
for all tries: what depends on its place in the log is in the item, see `records.messages`. It is deleted
after the item: by a rewind, by an edit, with the session.

| the writer's last try | what becomes of its objects |
|---|---|
| is applied | an item names them: they stay; what only earlier tries have named is deleted |
| is refused | at the end, those go that its items do not name: it may have been sent twice on its way |
| or an earlier one was not answered | they stay: it may yet be applied |
| is refused, and since then a message was edited or rewound | the next try gets other objects |

The last row is for a try that was sent twice on its way: it may be refused though it was applied, and its
messages may be gone since then, with their objects.

An object that no item names, after a crash or a try in doubt, is deleted with its session: its key begins
with the session's. If the session was never created, nobody deletes it.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from turnlog.errors import NoSuchObject, TooLarge, Torn, TurnlogError, Unanswered, Unavailable
from turnlog.limits import MAX_BATCH, PART_SIZE, PARTS_LIMIT, PAYLOAD_LIMIT, REQUEST_LIMIT
from turnlog.records import messages
from turnlog.store.deposits import Deposits, delete_objects, objects_of, reference
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, Sequence

    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.store import Store

T = TypeVar("T")


class LargeMessages:
    """What one writer knows of its large messages. A repeat of its request is another writer.

    Attributes:
        store: on which it works.
        key: of the session.
        room: bytes as stored of a message that is no object.
    """

    def __init__(self, store: Store, key: SessionKey) -> None:
        self.store = store
        self.key = key
        self.room = PARTS_LIMIT if store.objects is None else PART_SIZE
        self._token = store.clock.token().hex()
        self._at: GenerationKey | None = None  # of which the last try was
        self._deposits = Deposits(store)
        self._numbers = count()
        # By message id; with what the key of its object ends with, if it gets one.
        self._encoded: dict[str, tuple[str, Stored]] = {}
        # By sequence: the objects of the messages that this writer tried to edit.
        self._before: defaultdict[int, set[str]] = defaultdict(set)
        # First and end of the sequences at which items named them: of the last try, and of those before it
        # whose objects it does not name any more.
        self._last: range | None = None
        self._earlier: list[range] = []
        self._edits: int | None = None  # of the head over which the last try was
        self._doubt = False

    def begin(self, head: Head) -> None:
        """A try over this head begins; where a message was changed since the last one, with other objects."""
        if self._edits not in {None, head.edits} and self._last:
            self._encoded = {
                one: (str(next(self._numbers)), stored) for one, (_, stored) in self._encoded.items()
            }
            self._earlier.append(self._last)
            self._last = None
        self._edits = head.edits

    def encode(self, sequence: int, fields: Mapping[str, Any], *, epoch: int) -> Stored:
        """The message as it is stored, see `messages.encode`; a large one is compressed at the first try."""
        if known := self._encoded.get(fields["message_id"]):
            return messages.moved(known[1], sequence, created_at=fields["created_at"], epoch=epoch)
        stored = messages.encode(sequence, fields, epoch=epoch, room=self.room)
        if stored.shell:
            self._remember(fields["message_id"], stored)
        return stored

    def check(self, sequence: int, fields: Mapping[str, Any]) -> None:
        """Refuse a message that is too large by itself, before anything is written.

        Raises:
            TooLarge: there is no bucket, and it is too large without.
        """
        if self.store.objects is None:
            _check_items([self.encode(sequence, fields, epoch=0)], MAX_BATCH)

    def edited(self, key: GenerationKey, before: Stored, after: Stored) -> Stored:
        """What an edit makes of a message, as item or object; the next try of an edit gets another object."""
        self._encoded.pop(after.known()["message_id"], None)
        self._before[before.sequence].add(before.object_key)
        return self.placed(key, [after])[0]

    async def replaced(self, now: Stored) -> None:
        """An edit of this writer is applied, and this message stands there: what stood there before goes."""
        await delete_objects(self.store, self._before[now.sequence] - {"", now.object_key})

    def placed(self, key: GenerationKey, stored: Sequence[Stored], *, room: int = MAX_BATCH) -> list[Stored]:
        """The messages, each as item or object, so that one transaction takes the items.

        An object is each that no item holds, and then the largest of the others, until they fit.

        Args:
            key: of the session that is there. One that is begun anew gets objects of its own.
            stored: the messages.
            room: how many items they may take.

        Raises:
            TooLarge: there is no bucket, and they are too large without.
        """
        placed, self._at = list(stored), key
        if self.store.objects is None:
            _check_items(placed, room)
            return placed
        for at, message in enumerate(placed):
            # One that no answer holds is read from the bucket by the client itself, see `referred`.
            if len(message.blob) > message.first_room or message.size > PAYLOAD_LIMIT:
                placed[at] = self._as_object(message)
        left = sum(_item_size(message) for message in placed) - REQUEST_LIMIT
        for at in sorted(range(len(placed)), key=lambda at: -len(placed[at].blob)) if left > 0 else ():
            if left > 0 and not placed[at].object_key:
                left -= _item_size(placed[at])
                placed[at] = self._as_object(placed[at])
                left += _item_size(placed[at])
        return placed

    def _as_object(self, message: Stored) -> Stored:
        apart = messages.apart(message)
        message_id = apart.known()["message_id"]
        known = self._encoded.get(message_id) or self._remember(message_id, apart)
        assert self._at is not None  # noqa: S101 (see `placed`)
        return apart._replace(object_key=f"{self._at.message_objects}{self._token}-{known[0]}")

    def _remember(self, message_id: str, message: Stored) -> tuple[str, Stored]:
        known = self._encoded[message_id] = (str(next(self._numbers)), message)
        return known

    async def put(self, stored: Iterable[Stored]) -> None:
        """Write the objects of these messages, but for those that were written for an earlier try.

        Raises:
            Unavailable: the bucket did not answer, also after retries. So this is no part of a try.
        """
        for message in stored:
            if message.object_key and not self._deposits.has(message.object_key):
                await self._deposits.put(message.object_key, message.blob, gzip=True)

    async def transact(self, stored: Iterable[Stored], *writes: Mapping[str, Any]) -> None:
        """Make the transaction that puts the items of these messages, of which the objects are written.

        Raises:
            ConditionFailed: see `Store.write`, as for `Contended` and `Unanswered`.
        """
        named = [message for message in stored if message.object_key]
        for message in named:
            self._deposits.send(message.object_key)
        at = [message.sequence for message in named]
        self._last = range(min(at), max(at) + 1) if at else None
        try:
            await self.store.transact(*writes)
        except Unanswered:
            self._doubt = True
            raise
        self.found(named)
        self._doubt = False
        if not self._earlier:  # else there is another look at the end
            self._deposits.judge(named=False)  # no earlier try can still be applied

    def found(self, stored: Iterable[Stored]) -> None:
        """These messages are stored: what a later try does not know of stays."""
        for message in stored:
            self._deposits.settle(message.object_key)

    async def settled(self, work: Awaitable[T]) -> T:
        """Do the request's work; then take back the objects that no item names."""
        try:
            done = await work
        except TurnlogError:
            await self._take_back()
            raise
        await self._take_back()
        return done

    async def _take_back(self) -> None:
        """Delete the objects that no item names, as far as that is known."""
        if self._at and self._deposits.tried and not self._doubt:
            with suppress(Unavailable):
                # Before the last try was made, those before it were looked for, by their ids.
                for at in [*self._earlier, *([self._last] if self._last else ())]:
                    items = await self.store.items(self._at, at.start, at.stop, "object")
                    for named in objects_of(items):
                        self._deposits.settle(named)
                self._deposits.judge(named=False)
        await self._deposits.withdraw()


async def whole(store: Store, head: Head, message: Stored) -> Stored:
    """A message with all of its content: of a large one, the object is read.

    If the object is not there, an edit or a rewind deleted it since the message was read; or the cache is
    behind. Then the message is read from the table again.

    Raises:
        NotFound: the session was deleted meanwhile.
        LogMoved: it was rewound meanwhile.
        Unavailable: the table or the bucket did not answer, or the object is lost.
    """
    tries = store.tries()
    while message.unread:
        bucket, name = store.bucket(), message.object_key
        try:
            blob = await store.repeated(lambda: bucket.get(name))  # noqa: B023 (called at once)
        except NoSuchObject:
            await tries.again(Torn("A message's content is missing: it was changed meanwhile, or is lost."))
            message = (await store.messages(head, message.sequence, message.sequence + 1))[message.sequence]
        else:
            message = message._replace(blob=blob)
    return message


def goes_apart(store: Store, message: Stored) -> bool:
    """Whether the client reads the message from the bucket itself, because no answer holds it."""
    return message.size > PAYLOAD_LIMIT and bool(message.object_key) and not store.in_process


async def referred(store: Store, message: Stored) -> bytes:
    """What stands in an answer for such a message: what the server says of it, and where the rest is.

    The rest, JSON as gzip, is what its sender said. With the fields here, but for `file`, it is the message.
    """
    return dumps({**message.known(), "file": await reference(store, message.object_key, message.size)})


async def shown(store: Store, message: Stored) -> bytes:
    """What stands in an answer for a message, of which the content is read or goes apart."""
    return await referred(store, message) if goes_apart(store, message) else message.json


def check_answer(store: Store, message: Stored, way: str, *, what: str = "The message takes") -> None:
    """Refuse an edited message that the answer does not hold: after the write it would be too late to say so.

    Args:
        way: what to do instead.
        what: begins the error's text.

    Raises:
        TooLarge: it does not, nor is it in the bucket, and no program in this process asks.
    """
    if message.size > PAYLOAD_LIMIT and not store.in_process and not message.object_key:
        raise TooLarge(f"{what} {message.size} bytes in the answer, which holds {PAYLOAD_LIMIT}. {way}")


def _item_size(message: Stored) -> int:
    """Bytes of a message in the table."""
    return len(message.shell) + (0 if message.object_key else len(message.blob))


def _check_items(stored: Sequence[Stored], room: int) -> None:
    """Refuse what is too large without a bucket.

    Raises:
        TooLarge: a message, or all of them together.
    """
    largest = max((len(message.blob) for message in stored), default=0)
    size = sum(map(_item_size, stored))
    parts = sum(-(-len(message.blob) // PART_SIZE) for message in stored)
    without = "compressed; without a bucket (TURNLOG_BUCKET)"
    if largest > PARTS_LIMIT:
        raise TooLarge(
            f"A message takes {largest} bytes {without} it is at most {PARTS_LIMIT}."
            " Split it, or configure one."
        )
    if size > REQUEST_LIMIT:
        raise TooLarge(
            f"The messages take {size} bytes {without} one request stores at most {REQUEST_LIMIT}."
            " Send fewer at once."
        )
    if parts > room:
        raise TooLarge(
            f"The messages take {parts} items of at most 400 KB, and one request stores at most {room}."
            " Send fewer at once."
        )
