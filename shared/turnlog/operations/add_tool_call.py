"""A tool call joins the assistant message of the current turn.

G1, G7: it is an edit of that message (`store.log`), which must find the head at the same count of messages
too: what is appended may begin another turn, and the same call, sent again, would join that one. Each call
leaves a token on the message, by which a call whose reply was lost is found, also if the message was replaced
or removed since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.errors import ConditionFailed, Contended, TooLarge, Unanswered
from turnlog.limits import MAX_ATTACHED, PARSED_BYTES
from turnlog.operations.read_session import load
from turnlog.records import messages
from turnlog.records.messages import TOKEN_SIZE
from turnlog.store.doubt import tells_doubt
from turnlog.store.large import LargeMessages, check_answer, shown, whole
from turnlog.store.leftover import clear_leftover
from turnlog.store.log import advanced, head_update, puts, write_edit
from turnlog.store.store import LogMoved

if TYPE_CHECKING:
    from turnlog.records.head import Head
    from turnlog.records.keys import GenerationKey, SessionKey
    from turnlog.records.messages import Stored
    from turnlog.store.store import Store

# How many messages are looked at first, from the end; a turn is seldom longer. A call that is sent again is
# found among these even when a new turn has begun.
_LOOK_BACK = 32
_WITH_THE_CALL = "With the tool call the message takes"
_BY_ITSELF = "Append the call in a message of its own."
_CALLERS = {"assistant", "model"}


class Turn(NamedTuple):
    """What the end of the log says about a tool call.

    Attributes:
        assistant: the sequence of the message to which it goes; None if the turn has none yet.
        bearer: JSON of the message that has a call with its id already.
    """

    assistant: int | None
    bearer: bytes | None


class Added(NamedTuple):
    """JSON of the assistant message that bears the tool call, and whether it did before."""

    message: bytes
    replayed: bool


@tells_doubt
async def add_tool_call(store: Store, key: SessionKey, tool_call: dict[str, Any]) -> Added:
    """Add a tool call to the last assistant message after the last user message, or to a new one.

    Args:
        tool_call: the object; one with an `id` that is there already is a replay.

    Raises:
        NotFound: no such session.
        TooLarge: the message would be, or too many tool calls were added to it.
        Unavailable: the table or the bucket did not answer; the same request may be sent again.
    """
    large = LargeMessages(store, key)
    return await large.settled(_add(large, tool_call))


async def _add(large: LargeMessages, tool_call: dict[str, Any]) -> Added:
    store, key = large.store, large.key
    token = store.clock.token()[:TOKEN_SIZE]
    tried: int | None = None
    tries = store.tries()
    meant: SessionKey | GenerationKey = key
    while True:
        head = await store.head(meant)
        meant = head.key
        try:
            if tried is not None and (done := await _bearing(store, head, tried, token)):
                await large.replaced(done)
                return Added(await shown(store, await whole(store, head, done)), replayed=False)
            turn = await _turn(store, head, tool_call.get("id") or None)
        except LogMoved as moved:
            await tries.again(moved)
            continue
        if turn.bearer:
            store.counts["replays"] += 1
            return Added(turn.bearer, replayed=True)
        tries.check_rewinds(head)
        try:
            tried = head.message_count if turn.assistant is None else turn.assistant
            if turn.assistant is None:
                return await _begin(large, head, tool_call, token)
            return await _attach(large, head, tried, tool_call, token)
        except ConditionFailed:
            store.counts["conflicts"] += 1
            await tries.again(Contended("Others keep changing this turn. Try again."))
        except (Contended, Unanswered) as error:
            await tries.again(error, over=head)


async def _turn(store: Store, head: Head, call_id: Any) -> Turn:
    assistant: int | None = None
    turn_over = False
    end = head.message_count
    while end > 0 and not turn_over and assistant is None:
        first = max(0, end - _LOOK_BACK)
        for stored in reversed(await load(store, head, first, end)):
            # Only messages of some roles have calls: of the others no object is read.
            calls_in = stored.known()["role"] in _CALLERS
            stored = await whole(store, head, stored) if calls_in else stored  # noqa: PLW2901
            message, calls = stored.known(), messages.tool_calls(stored) if calls_in else []
            if call_id is not None and any(call.get("id") == call_id for call in calls):
                return Turn(None, await shown(store, stored))
            # To a large one none is added (G8): it would be parsed and written again.
            too_large = calls_in and stored.size > PARSED_BYTES
            turn_over = turn_over or message["role"] == "user" or too_large
            if (
                not turn_over
                and assistant is None
                and message["role"] == "assistant"
                and "removed" not in message
            ):
                assistant = stored.sequence
        end = first
    return Turn(assistant, None)


async def _begin(large: LargeMessages, head: Head, tool_call: dict[str, Any], token: bytes) -> Added:
    """Append a message for it."""
    store = large.store
    new = {"role": "assistant", "content": "", "tool_calls": [tool_call], "message_id": token.hex()}
    after, stored = advanced(store, head, [new], None, large)
    check_answer(store, stored[0], _BY_ITSELF, what=_WITH_THE_CALL)
    await large.put(stored)
    await clear_leftover(store, head)
    await large.transact(stored, head_update(head, after, same_version=False), *puts(head.key, stored))
    await store.cache.appended(after, stored)
    store.counts["appends"] += 1
    return Added(await shown(store, stored[0]), replayed=False)


async def _attach(
    large: LargeMessages, head: Head, sequence: int, tool_call: dict[str, Any], token: bytes
) -> Added:
    store = large.store
    before = (await store.messages(head, sequence, sequence + 1))[sequence]
    if len(before.attached) >= MAX_ATTACHED * TOKEN_SIZE:
        raise TooLarge(
            f"At most {MAX_ATTACHED} tool calls are added to one message. Append a new message for this one."
        )
    fields = (await whole(store, head, before)).fields()
    fields["tool_calls"] = [*(fields.get("tool_calls") or []), tool_call]
    after = messages.rewritten(
        before, fields, attached=before.attached + token, edits=before.edits, room=large.room
    )
    after = large.edited(head.key, before, after)
    check_answer(store, after, _BY_ITSELF, what=_WITH_THE_CALL)
    await large.put([after])
    now = max(store.now(), head.updated_at)
    await write_edit(large, head, before, after, now=now, same_count=True)
    store.counts["tool_calls_added"] += 1
    return Added(await shown(store, after), replayed=False)


async def _bearing(store: Store, head: Head, sequence: int, token: bytes) -> Stored | None:
    """The message, if the call with this token was added to it, or it was made for it."""
    if sequence >= head.message_count:
        return None
    stored = (await store.messages(head, sequence, sequence + 1))[sequence]
    return stored if stored.bears(token) or stored.known()["message_id"] == token.hex() else None
