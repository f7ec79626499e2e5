"""What the adapters share. Each stands on an `AsyncTurnlog`, which acts for one user.

So an adapter reads and changes that user's sessions alone (G5), whatever keys an SDK hands to it. Whether the
client works over HTTP or on the table, it does not know.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast
from uuid import uuid4

from turnlog.client.both import Suspending
from turnlog.errors import NotFound, TurnlogError, Unavailable, UsageError
from turnlog.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from turnlog.client.clients import AsyncTurnlog
    from turnlog.models.answers import Appended

T = TypeVar("T")


def async_client(turnlog: object) -> AsyncTurnlog:
    """The client, if it is one for an event loop.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(turnlog, Suspending):
        raise UsageError("An agent SDK runs on an event loop: give it an AsyncTurnlog.")
    return cast("AsyncTurnlog", turnlog)


async def in_session(
    turnlog: AsyncTurnlog, session_id: str, metadata: dict[str, Any], write: Callable[[], Awaitable[T]]
) -> T:
    """Write to a session, which is created if it is not there. One that is there costs no more.

    Raises:
        Gone: the session was deleted, and does not come back (G4).
    """
    try:
        return await write()
    except NotFound:
        await turnlog.create_session(session_id=session_id, metadata=metadata)
        return await write()


def is_one_run(appended: Sequence[Appended]) -> bool:
    """Whether the appends with these answers stored all of their messages, one right after the other.

    Then the messages from the first one's on are theirs alone, at the version that the last one made. A
    replay does not count: an earlier try stored it, and others may have changed the session since. Nor does
    an append whose sequences have a gap: another's message stands there.
    """
    end = version = None
    for answer in appended:
        first, last = answer.first_sequence, answer.last_sequence
        whole = last - first + 1 == len(answer.messages) and last + 1 == answer.message_count
        follows = end in {None, first} and version in {None, answer.version}
        if answer.replayed or not whole or not follows:
            return False
        end, version = last + 1, answer.version + 1
    return True


def short_hash(*parts: str) -> str:
    """Of some texts, in 22 letters, digits, `-` and `_`: 128 bits of their SHA-256."""
    digest = sha256(dumps(parts)).digest()
    return urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def may_be_done(error: TurnlogError) -> bool:
    """Whether an error leaves open whether its request is carried out, now or later."""
    return isinstance(error, Unavailable) or error.status >= 500  # noqa: PLR2004 (a server's error)


class _Failed(NamedTuple):
    digest: bytes
    name: str
    unsure: bool


class Repeats:
    """G2 across calls: an SDK calls again after an error, with the same content, and names no request.

    What failed may have been carried out. So the name under which it was sent is kept, and the next call with
    the same content for the same place sends it under that name: then it is stored once. Any other call for
    that place forgets it: the same content again is another request then.
    """

    def __init__(self) -> None:
        self._failed: dict[str, _Failed] = {}

    def forget(self, place: str) -> None:
        """Take the next call for a place for a new one: nothing of the failed one stands."""
        self._failed.pop(place, None)

    async def named(self, place: str, content: bytes, send: Callable[[str, bool], Awaitable[None]]) -> None:
        """Send what is for a place, under a name.

        Args:
            place: such as a session.
            content: what is sent.
            send: is called with the name, 32 hexadecimal digits, and whether an earlier call that had it may
                have been carried out, or may be yet: it got no answer.
        """
        digest = sha256(content).digest()
        failed = self._failed.pop(place, None)
        repeated = failed is not None and failed.digest == digest
        name, unsure = (failed.name, failed.unsure) if failed and repeated else (uuid4().hex, False)
        try:
            await send(name, unsure)
        except BaseException as error:  # one that is cancelled may have been carried out, too
            refused = isinstance(error, TurnlogError) and not may_be_done(error)
            self._failed[place] = _Failed(digest, name, unsure or not refused)
            raise
