"""G6, G8: a window of the log in the words of a provider, read once.

The window is the newest messages before a sequence, at most `limit`. It begins with what a user says: where
its first message stands in the middle of a turn, it grows back to the user's message that begins the turn.
That reads what this turn needs, and nothing else. The whole is at most an answer's size. Where a turn is
larger, the window begins with the user's message all the same, and says which messages were left out behind
it.

A result may come after the next user's message. A window that ends before it would show its call without it,
and the next window has no call for it. So for the calls that a provider's window leaves open, the messages
behind the window are read, at most `_LATEST`, and the results among them are shown in the window, as they are
where one window has both.

An answer is of one head: where a rewind comes between two reads, the read begins again at the head that it
left.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from turnlog.formats import open_calls, to_ai_sdk, to_anthropic, to_chat, to_markdown, to_responses
from turnlog.formats.neutral import Call, Repair, Result
from turnlog.formats.reading import begins_turn, results_alone, turns
from turnlog.formats.wording import left_out
from turnlog.limits import DRAFT_LIMIT, PAYLOAD_LIMIT
from turnlog.operations.read_session import check_alone, load, no_answer_holds
from turnlog.store.large import whole
from turnlog.store.store import LogMoved
from turnlog.wire import dumps, payload_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from turnlog.formats.neutral import Written
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey
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

TEXTS = ("markdown", "jsonl")
"""Formats whose answer is a text."""

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
        body: JSON, or a text.
        next_before: the window before this one ends there; None: there is none.
    """

    body: bytes
    next_before: int | None


class _Window(NamedTuple):
    """A part of the log.

    Attributes:
        messages: JSON of them, ascending, without a gap.
        first: the sequence of the first.
        lead: the user's message that begins the first turn, where what lies between does not fit.
        system: the message at sequence 0, where it is to be put in front.
        cut: the sequence of `lead`, where even that does not fit beside the newest message.
        late: results from behind the window, by the ids of their calls; `fits`: there is room for them.
    """

    messages: list[bytes]
    first: int
    lead: Message | None = None
    system: Message | None = None
    cut: int | None = None
    late: Mapping[str, Message] = {}
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
        keep = min(len(self.messages) - 1, max(1, int(len(self.messages) * PAYLOAD_LIMIT / size * _TRIMMED)))
        if keep == 0:
            return self._replace(
                lead=None, system=None, fits=False, cut=self.lead["sequence"] if self.lead else None
            )
        gone = [json.loads(one) for one in self.messages[:-keep]]
        lead = None
        if not begins_turn(json.loads(self.messages[-keep])):
            lead = next((one for one in reversed(gone) if begins_turn(one)), self.lead)
        return self._replace(messages=self.messages[-keep:], first=self.first + len(gone), lead=lead)

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
            wanted = open_calls(messages)
            late = {one["sequence"]: one for known, one in self.late.items() if known in wanted}
            what = (
                "moved up: a tool's result, from behind this window"
                if self.fits
                else "left out: a tool's result, which does not fit beside its call"
            )
            repairs += [Repair(at, what) for at in late]
            messages += late.values() if self.fits else ()
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
        TooLarge: no answer holds the newest message in this format, and no program in this process asks.
        Unavailable: the table refused or did not answer.
    """
    head = await store.head(key)
    while True:
        try:
            window = await _read(store, head, limit=limit, before=before, lead=form in PROVIDERS)
            if keep_system and window.first > 0:
                window = window._replace(system=await _system(store, head))
            if form in PROVIDERS:
                window = window._replace(late=await _late(store, head, window))
            break
        except LogMoved as moved:
            head = moved.head
    while True:
        body, size, skipped = _text(form, window) if form in TEXTS else _object(PROVIDERS[form], window)
        beside = window.lead or window.system or (window.late and window.fits)
        alone = len(window.messages) <= 1 and not beside
        if alone and size > _ALONE and not store.in_process:
            raise no_answer_holds(window.first, size, _ALONE)
        if size <= PAYLOAD_LIMIT or alone:
            store.counts["malformed_tool_calls"] += skipped
            return Export(body, window.next_before)
        window = window.smaller(size)


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


async def _late(store: Store, head: Head, window: _Window) -> dict[str, Message]:
    """The first result, from behind the window, of each call that the window leaves open."""
    at = window.first + len(window.messages)
    end = min(head.message_count, at + _LATEST)
    if at >= end:
        return {}
    messages, _ = window.shown()
    late: dict[str, Message] = {}
    open_, step = open_calls(messages), _FIRST_BACK
    while open_ and at < end:
        for one in await load(store, head, at, min(at + step, end)):
            if one.unread and (one.known()["role"] == "assistant" or one.size > PAYLOAD_LIMIT):
                continue  # it has no result, or one that no answer holds
            message = (await whole(store, head, one)).fields()
            parts = [part for turn in turns(message) for part in turn.parts]
            # From here on, a result with this id is that of a newer call.
            open_ -= {part.id for part in parts if isinstance(part, Call)}
            found = open_ & {part.call_id for part in parts if isinstance(part, Result)}
            late |= dict.fromkeys(found, results_alone(message))
            open_ -= found
        at, step = at + step, min(2 * step, _LONGEST_BACK)
    return late


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
            check_alone(store, one, first=not taken)
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
        return _Window(taken[::-1], at)
    return await _grown(store, head, taken, at, room, lead=lead, full=full)


async def _grown(
    store: Store, head: Head, taken: list[bytes], at: int, room: int, *, lead: bool, full: bool
) -> _Window:
    """The window, and what its first turn needs of the messages before it.

    Args:
        taken: the window's messages, the newest first.
        at: the sequence of its first.
        room: bytes that are left in the answer.
        lead: see `_read`.
        full: the message before it does not fit.
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
            if full and one.unread and one.size + payload_size(taken[0]) > PAYLOAD_LIMIT:
                # Not even beside the newest message alone: what it says is not read to leave it out.
                return _Window(taken[::-1], first, cut=one.sequence)
            encoded = (await whole(store, head, one)).json
            message = json.loads(encoded)
            room -= payload_size(encoded)
            full = full or room < 0
            if not full:
                taken.append(encoded)
                first -= 1
            if begins_turn(message):
                return _Window(taken[::-1], first, message if full and lead else None)
        at, step = low, min(2 * step, _LONGEST_BACK)
    return _Window(taken[::-1], first)
