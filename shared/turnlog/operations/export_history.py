"""G6, G8: a window of the log in the words of a provider, read once.

The window is the newest messages before a sequence, at most `limit`. It begins with what a user says: where
its first message stands in the middle of a turn, it grows back to the user's message that begins the turn.
That reads what this turn needs, and nothing else. The whole is at most an answer's size. Where a turn is
larger, the window begins with the user's message all the same, and says which messages were left out behind
it.

If no answer holds the newest message, the window is this message and what its turn needs, up to
`APART_LIMIT`. If no answer holds what is written of the window, it lies in the bucket, and the answer says
where.

A result may come after the next user's message. A window that ends before it would show its call without it,
and the next window has no call for it. So for the calls that a provider's window leaves open, or answers with
no more than that a job is under way, the messages behind the window are read, at most `_LATEST`, and the
results among them are shown in the window, as they are where one window has both.

An answer is of one head: where a rewind comes between two reads, the read begins again at the head that it
left.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from turnlog.errors import TooLarge
from turnlog.formats import to_ai_sdk, to_anthropic, to_chat, to_markdown, to_responses
from turnlog.formats.neutral import Repair, Result
from turnlog.formats.reading import begins_turn, read, results_alone, turns
from turnlog.formats.repairing import Asked
from turnlog.formats.wording import left_out
from turnlog.limits import APART_LIMIT, DRAFT_LIMIT, PART_SIZE, PAYLOAD_LIMIT, WRITTEN_LIMIT
from turnlog.operations.read_session import load, no_answer_holds
from turnlog.records.packing import zipped
from turnlog.store.deposits import answered_apart
from turnlog.store.large import whole
from turnlog.store.store import LogMoved
from turnlog.wire import JSON, JSONL, MARKDOWN, dumps, payload_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from turnlog.formats.neutral import Turn, Written
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.store import Store

    Write: TypeAlias = Callable[[Iterable[dict[str, Any]]], Written]

Message = dict[str, Any]

PROVIDERS: dict[str, Write] = {
    "openai-messages": to_chat,
    "openai-responses": to_responses,
    "anthropic": to_anthropic,
    "ai-sdk": to_ai_sdk,
}
"""Formats whose answer is an object."""

TEXTS = {"markdown": MARKDOWN, "jsonl": JSONL}
"""Formats whose answer is a text, and its media type."""

# Sixteen messages are 16 MB at the most.
_FIRST_STEP = 16
_LONGEST_STEP = 1_000
# A turn is most often short, and what is read beyond its beginning is read for nothing.
_FIRST_BACK = 4
_LONGEST_BACK = 64
_LATEST = 1_000
# Of what is too large, the part that is tried next is a little smaller than it would have to be on average.
_TRIMMED = 0.9
# What is written of one message may be larger than the message, and no draft stands beside it.
_ALONE = PAYLOAD_LIMIT + DRAFT_LIMIT


class Export(NamedTuple):
    """A window in one format.

    Attributes:
        body: JSON, or a text; empty where `file` is given.
        next_before: the window before this one ends there; None: there is none.
        file: where a client reads what would be the body, if no answer holds it.
    """

    body: bytes
    next_before: int | None
    file: dict[str, Any] | None = None


class _Late(NamedTuple):
    """A message from behind a window.

    Attributes:
        turns: says which calls it answers, and not what.
        message: its results; None where there is no room for them.
    """

    turns: list[Turn]
    message: Message | None


class _Window(NamedTuple):
    """A part of the log.

    Attributes:
        messages: JSON of them, ascending, without a gap.
        first: the sequence of the first.
        room: bytes that all of it may take.
        lead: the user's message that begins the first turn, where what lies between does not fit.
        system: the message at sequence 0, where it is to be put in front.
        cut: the sequence of `lead`, where even that does not fit beside the newest message.
        late: messages with results from behind the window, by sequence; `fits`: there is room for them.
    """

    messages: list[bytes]
    first: int
    room: int
    lead: Message | None = None
    system: Message | None = None
    cut: int | None = None
    late: Mapping[int, _Late] = {}
    fits: bool = True

    @property
    def next_before(self) -> int | None:
        """See `Export`."""
        first = self.first if self.gap or not self.lead else self.lead["sequence"]
        shown = 1 if self.system else 0
        return first if self.messages and first > shown else None

    @property
    def gap(self) -> range:
        """The sequences of what is left out at the beginning of the first turn."""
        cut = self.first if self.cut is None else self.cut
        return range(self.lead["sequence"] + 1 if self.lead else cut, self.first)

    def smaller(self, size: int) -> _Window:
        """The newest of these messages, where all together are of this size, which is too large."""
        keep = min(len(self.messages) - 1, max(1, int(len(self.messages) * self.room / size * _TRIMMED)))
        if keep == 0:
            return self._replace(
                lead=None, system=None, fits=False, cut=self.lead["sequence"] if self.lead else None
            )
        gone = [json.loads(one) for one in self.messages[:-keep]]
        lead = cut = None  # for what begins with a turn
        if not begins_turn(json.loads(self.messages[-keep])):
            lead = next((one for one in reversed(gone) if begins_turn(one)), self.lead)
            cut = None if lead else self.cut
        return self._replace(messages=self.messages[-keep:], first=self.first + len(gone), lead=lead, cut=cut)

    def shown(self) -> tuple[list[Message], list[Repair]]:
        """The messages to be written, and what is told of those that are not."""
        messages = [json.loads(one) for one in self.messages]
        repairs = []
        if self.gap:
            what = f"messages {self.gap[0]} to {self.gap[-1]}, which do not fit into the answer"
            messages.insert(0, {"sequence": self.gap[0], "role": "user", "content": left_out(what)})
            repairs = [Repair(self.gap[0], f"left out: {what}")]
        messages = [one for one in (self.system, self.lead) if one] + messages
        if self.late:
            asked = Asked(read(messages))
            asked.take([turn for one in self.late.values() for turn in one.turns])
            late = {at: self.late[at].message for at in sorted(asked.answered)}
            what = (
                "moved up: a tool's result, from behind this window"
                if self.fits
                else "left out: a tool's result, which does not fit beside its call"
            )
            repairs += [Repair(at, what) for at in late]
            messages += [one for one in late.values() if one and self.fits]
        return messages, repairs


async def export_history(
    store: Store,
    key: SessionKey,
    form: str,
    *,
    limit: int | None = None,
    before: int | None = None,
    keep_system: bool = False,
) -> Export:
    """A window of the session's log.

    Args:
        form: one of `PROVIDERS` or `TEXTS`.
        limit: so many stored messages, and those that the first turn needs; None: as many as fit.
        before: only messages with a lower sequence.
        keep_system: with the system's message at sequence 0 in front, if there is one.

    Raises:
        NotFound: no such session.
        TooLarge: no answer holds the newest message in this format, nor does an object in the bucket; and no
            program in this process asks.
        Unavailable: the table refused or did not answer.
    """
    head = await store.head(key)
    while True:
        try:
            window = await _read(store, head, limit=limit, before=before, lead=form in PROVIDERS)
            if keep_system and window.first > 0:
                window = window._replace(system=await _system(store, head))
            if form in PROVIDERS:
                late, fits = await _late(store, head, window)
                window = window._replace(late=late, fits=fits)
            break
        except LogMoved as moved:
            head = moved.head
    while True:
        body, size, skipped = _text(form, window) if form in TEXTS else _object(PROVIDERS[form], window)
        beside = window.lead or window.system or (window.late and window.fits)
        alone = len(window.messages) <= 1 and not beside
        if size <= window.room or alone:
            store.counts["malformed_tool_calls"] += skipped
            return await _export(store, form, window, body, size, room=_ALONE if alone else PAYLOAD_LIMIT)
        window = window.smaller(size)


async def _export(store: Store, form: str, window: _Window, body: bytes, size: int, *, room: int) -> Export:
    """The answer, which lies in the bucket if it is larger than `room`.

    Raises:
        TooLarge: see `export_history`.
    """
    if size <= room or store.in_process:
        return Export(body, window.next_before)
    if store.objects is None:
        raise no_answer_holds(window.first, size, room)
    if len(body) > WRITTEN_LIMIT:
        raise TooLarge(
            f"The export of message {window.first} has {len(body)} bytes; at most {WRITTEN_LIMIT} lie in the"
            " bucket. A program that works on the table gets it (Turnlog or AsyncTurnlog with TURNLOG_TABLE)."
            f" Or pass over it with before={window.first}; or take jsonl, which is as large as stored.",
            extra={"sequence": window.first},
        )
    file = await answered_apart(store, zipped(body, PART_SIZE), size, TEXTS.get(form, JSON))
    return Export(b"", window.next_before, file)


def _object(write: Write, window: _Window) -> tuple[bytes, int, int]:
    """The answer, its size, and how many calls were malformed."""
    messages, repairs = window.shown()
    written = write(messages)
    more: Message = {} if window.next_before is None else {"next_before": window.next_before}
    told = sorted([*written.repairs, *repairs], key=lambda one: one.sequence)
    body = dumps(
        {
            **written.body,
            "has_more": window.next_before is not None,
            **more,
            "repairs": [one._asdict() for one in told],
        }
    )
    return body, payload_size(body), written.skipped


def _text(form: str, window: _Window) -> tuple[bytes, int, int]:
    if form == "jsonl":
        lines = window.messages if window.system is None else [dumps(window.system), *window.messages]
        text = b"".join(line + b"\n" for line in lines)
    else:
        messages, _ = window.shown()
        text = to_markdown(messages).encode()
    return text, payload_size(text) + text.count(b"\n"), 0


async def _system(store: Store, head: Head) -> Message | None:
    """The message with which the log begins, if it instructs the model."""
    (stored,) = await load(store, head, 0, 1)
    message: Message = (await whole(store, head, stored)).fields()
    return message if message["role"] in {"system", "developer"} and not message.get("removed") else None


async def _late(store: Store, head: Head, window: _Window) -> tuple[dict[int, _Late], bool]:
    """The messages behind the window with the results that count for calls that the window leaves open.

    Returns:
        them, by sequence; and whether there is room for them. If not, what they say is not held.
    """
    at = window.first + len(window.messages)
    end = min(head.message_count, at + _LATEST)
    late: dict[int, _Late] = {}
    if at >= end:
        return late, True
    messages, _ = window.shown()
    room = window.room - sum(map(payload_size, window.messages))
    asked, step = Asked(read(messages)), _FIRST_BACK
    while asked.waiting and at < end:
        for one in await load(store, head, at, min(at + step, end)):
            if one.unread and (one.known()["role"] == "assistant" or one.size > window.room):
                continue  # it has no result, or one that does not fit
            encoded = (await whole(store, head, one)).json
            message = json.loads(encoded)
            hollow = [_hollow(turn) for turn in turns(message)]
            asked.take(hollow)
            late[one.sequence] = _Late(hollow, results_alone(message))
            # A job's result takes the place of one that stood for it.
            late = {known: late[known] for known in asked.answered}
            room -= payload_size(encoded) if one.sequence in late else 0
            if room < 0:
                late = {known: each._replace(message=None) for known, each in late.items()}
        at, step = at + step, min(2 * step, _LONGEST_BACK)
    return late, room >= 0


def _hollow(turn: Turn) -> Turn:
    """Which calls it answers, without what the tools said."""
    parts = [
        part._replace(content=(), value=None, origin=None) if isinstance(part, Result) else part
        for part in turn.parts
    ]
    return turn._replace(parts=parts, message={})


async def _read(store: Store, head: Head, *, limit: int | None, before: int | None, lead: bool) -> _Window:
    """The newest messages, and those that the first turn of them needs.

    Args:
        lead: where the first turn does not fit, look for the message with which it begins.
    """
    end = head.message_count if before is None else min(before, head.message_count)
    floor = 0 if limit is None else max(0, end - limit)
    taken: list[bytes] = []  # the newest first
    room, at, full = PAYLOAD_LIMIT, end, False
    step = end - floor if head.log_size <= PAYLOAD_LIMIT else _FIRST_STEP
    while at > floor and not full:
        read = await load(store, head, max(floor, at - step), at)
        while read and not full:
            one = read.pop()
            if not taken and one.size > PAYLOAD_LIMIT:
                return await _of_large(store, head, one, lead=lead)
            if full := one.size > room and bool(taken):
                break  # it is not read
            encoded = (await whole(store, head, one)).json
            full = payload_size(encoded) > room and bool(taken)
            if not full:
                taken.append(encoded)
                room, at = room - payload_size(encoded), at - 1
        likely = room * len(taken) // max(1, PAYLOAD_LIMIT - room)
        step = min(step * 4, likely + _FIRST_STEP, _LONGEST_STEP)
    if not taken or begins_turn(json.loads(taken[-1])):
        return _Window(taken[::-1], at, PAYLOAD_LIMIT)
    return await _grown(store, head, taken, at, room, lead=lead, full=full, most=PAYLOAD_LIMIT)


async def _of_large(store: Store, head: Head, newest: Stored, *, lead: bool) -> _Window:
    """The window of a message that no answer holds: the message, and what its turn needs.

    Raises:
        TooLarge: there is no bucket for the answer, and no program in this process asks.
    """
    if not store.takes_large:
        raise no_answer_holds(newest.sequence, newest.size)
    encoded, at = (await whole(store, head, newest)).json, newest.sequence
    if begins_turn(json.loads(encoded)):
        return _Window([encoded], at, APART_LIMIT)
    room = APART_LIMIT - payload_size(encoded)
    return await _grown(store, head, [encoded], at, room, lead=lead, full=room < 0, most=APART_LIMIT)


async def _grown(
    store: Store,
    head: Head,
    taken: list[bytes],
    at: int,
    room: int,
    *,
    lead: bool,
    full: bool,
    most: int,
) -> _Window:
    """The window, and what its first turn needs of the messages before it.

    Args:
        taken: the window's messages, the newest first.
        at: the sequence of its first.
        room: bytes that are left in the answer.
        lead: see `_read`.
        full: the message before it does not fit.
        most: bytes that the whole may take.
    """
    first, step = at, _FIRST_BACK
    while at > 0 and (lead or not full):
        low = max(0, at - step)
        read = await load(store, head, low, at)
        while read:
            one = read.pop()
            full = full or one.size > room
            if full and one.unread and one.known()["role"] != "user":
                continue  # it is not shown, and begins no turn
            if full and one.unread and one.size + payload_size(taken[0]) > most:
                # Not even beside the newest message alone: what it says is not read to leave it out.
                return _Window(taken[::-1], first, most, cut=one.sequence)
            encoded = (await whole(store, head, one)).json
            message = json.loads(encoded)
            room -= payload_size(encoded)
            full = full or room < 0
            if not full:
                taken.append(encoded)
                first -= 1
            if begins_turn(message):
                return _Window(taken[::-1], first, most, message if full and lead else None)
        at, step = low, min(2 * step, _LONGEST_BACK)
    return _Window(taken[::-1], first, most)
