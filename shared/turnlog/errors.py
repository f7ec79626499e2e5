"""One tree of errors, each with its status and stable slug.

Those under `TurnlogError` are answers: the HTTP edge turns them into RFC 9457 problem details. Two of them,
`Contended` and `Unanswered`, and the signals `ConditionFailed` and `CacheUnavailable`, are what a driver
makes of botocore's and redis's errors; the operations act on them and know neither library. `Refused` is no
exception: it is the reply to one of several commands, and the others may be done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TurnlogError(Exception):
    """An answer other than success.

    Args:
        detail: for a person, without message content, table names or other sessions' facts.
        errors: for 422, what is wrong where: `{"loc": ["body", "title"], "msg": "…"}`.
        extra: further members of the problem document, such as `message_count`.
    """

    status = 500
    code = "internal"
    title = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        self.extra = dict(extra or {})

    def told(self, more: str, **extra: Any) -> None:
        """Add a sentence to the detail, and these members to the problem document."""
        self.detail = f"{self.detail} {more}"
        self.args = (self.detail,)
        self.extra |= extra


class MalformedBody(TurnlogError):
    """The body is not JSON."""

    status, code, title = 400, "malformed_body", "The body is not JSON"


class Unauthenticated(TurnlogError):
    """The request names no user."""

    status, code, title = 401, "unauthenticated", "No user"


class NotFound(TurnlogError):
    """There is no such thing, or it is another user's: which of the two is not told (G5)."""

    status, code, title = 404, "not_found", "Not found"


class TranscriptsOff(TurnlogError):
    """Transcripts are switched off: a slug of its own, so that nobody takes it for a missing transcript."""

    status, code, title = 404, "transcripts_off", "No transcripts"


class FilesOff(TurnlogError):
    """There is no bucket: a slug of its own, so that nobody takes it for a missing file."""

    status, code, title = 404, "files_off", "No files"


class Conflict(TurnlogError):
    """The stored log is not what the request takes it to be; nothing was written."""

    status, code, title = 409, "conflict", "Conflict"


class SequenceMismatch(Conflict):
    """The session ends elsewhere: `expected_sequence` is not the next one, or `to_sequence` is beyond it."""

    code, title = "sequence_mismatch", "The session ends elsewhere"


class Diverged(Conflict):
    """PUT: a stored message or entry differs, or a gap would arise."""

    code, title = "diverged", "What is stored differs"


class MessageIdReused(Conflict):
    """The message id is taken by a message with other content (G2)."""

    code, title = "message_id_reused", "The message id is taken"


class SessionExists(Conflict):
    """A fork's id is taken by a session that is not this fork."""

    code, title = "session_exists", "The session id is taken"


class ForkUnfinished(Conflict):
    """The id is taken by a fork that is not whole yet."""

    code, title = "fork_unfinished", "A fork under this id is not finished"


class MessageMoved(Conflict):
    """Another message than the one that is meant stands at the sequence."""

    code, title = "message_moved", "Another message stands there"


class MessageRemoved(Conflict):
    """The message was removed, and a removed one cannot be edited."""

    code, title = "removed", "The message was removed"


class PositionMismatch(Conflict):
    """`expected_position` is not the next one."""

    code, title = "position_mismatch", "expected_position is not the next one"


class EntryUuidReused(Conflict):
    """The uuid is taken by an entry with other content (G2)."""

    code, title = "entry_uuid_reused", "The uuid is taken"


class NotUploaded(Conflict):
    """The bytes of a file have not come yet."""

    code, title = "not_uploaded", "The file is not uploaded"


class StreamActive(Conflict):
    """A stream runs on the session, and what is asked for cannot be done meanwhile."""

    code, title = "stream_active", "A stream runs on the session"


class Fenced(Conflict):
    """Another has taken the stream over, and has a later epoch; or the job, which is in another attempt."""

    code, title = "fenced", "Another has taken over"


class SequenceGap(Conflict):
    """Events are missing before the first one that is sent."""

    code, title = "sequence_gap", "Events are missing"


class StreamEnded(Conflict):
    """The stream has ended."""

    code, title = "stream_ended", "The stream has ended"


class LeaseHeld(Conflict):
    """The stream's producer, or the job's worker, has its lease yet."""

    code, title = "lease_held", "Another has the lease"


class IdempotencyKeyReused(Conflict):
    """The session has a job that was started with this `Idempotency-Key` by another request."""

    code, title = "idempotency_key_reused", "The Idempotency-Key is taken"


class JobEnded(Conflict):
    """The job has ended."""

    code, title = "job_ended", "The job has ended"


class NotAsked(Conflict):
    """The job's worker waits for no input."""

    code, title = "not_asked", "Nothing was asked"


class Gone(TurnlogError):
    """A session with this id was deleted; the id is refused for as long as its tombstone is there (G4)."""

    status, code, title = 410, "gone", "Deleted"


class Resync(TurnlogError):
    """What is asked for of a stream is kept no longer: fetch the session, and begin anew."""

    status, code, title = 410, "resync", "Kept no longer"


class PreconditionFailed(TurnlogError):
    """`If-Match` names another version than the session's."""

    status, code, title = 412, "precondition_failed", "The session has another version"


class TooLarge(TurnlogError):
    """A message, a request or a session's field is over its limit."""

    status, code, title = 413, "too_large", "Too large"


class Invalid(TurnlogError):
    """Wrong shape."""

    status, code, title = 422, "invalid", "Invalid request"

    @classmethod
    def at(cls, *loc: str | int, msg: str) -> Invalid:
        """One thing is wrong, at `loc` (such as `"query", "limit"`)."""
        return cls.of([{"loc": list(loc), "msg": msg}])

    @classmethod
    def of(cls, errors: Sequence[Mapping[str, Any]], count: int | None = None) -> Invalid:
        """Several things are wrong: the detail says the first.

        Args:
            errors: one at least, each as `{"loc": ["body", "title"], "msg": "is required"}`.
            count: how many are wrong, if these are not all.
        """
        loc = errors[0]["loc"]
        where = loc[1:] if loc[0] in {"body", "query", "path"} and len(loc) > 1 else loc
        more = (count or len(errors)) - 1
        detail = f"{'.'.join(map(str, where))}: {errors[0]['msg']}"
        return cls(detail + (f" (and {more} more: see `errors`)" if more else ""), errors=errors)


class BadCursor(Invalid):
    """The cursor is not one of this stream."""

    code, title = "bad_cursor", "The cursor is not of this stream"


class EntryNotJson(Invalid):
    """A line of an import is not JSON."""

    code, title = "entry_not_json", "A line is not JSON"


class TornLastLine(Invalid):
    """An import ends in the middle of a line, as a file does whose writer was stopped."""

    code, title = "torn_last_line", "The last line is torn"


class Unavailable(TurnlogError):
    """The backend refused or did not answer after retries. The client may repeat the request."""

    status, code, title = 503, "unavailable", "Try again"
    retry_after = 1  # seconds


class Contended(Unavailable):
    """Refused for now, and surely not applied: throttled, or another transaction holds an item."""


class TooFast(Contended):
    """Events of a stream come faster than the table takes them, and the cache has as many as it may."""

    status, code, title = 429, "too_fast", "The events come too fast"


class Unanswered(Unavailable):
    """No answer: the request may or may not have been applied."""


class Torn(Unanswered):
    """A message's parts are not of one writing, or a batch of entries is gone: read it again."""


class Damaged(TurnlogError):
    """What is stored cannot be read, and asking again does not help."""

    code, title = "damaged", "What is stored is damaged"


class UsageError(TurnlogError):
    """A client cannot do what it was asked to: a setting is missing or wrong, or it is closed.

    Nothing was carried out. Turnlog's API answers none of this kind.
    """

    status, code, title = 400, "usage", "The client cannot do this"


class SettingsError(UsageError, ValueError):
    """A setting is missing or wrong; the text names it, and says what to do."""


class JobCancelled(Exception):
    """A worker is asked to stop: its job is cancelled.

    Args:
        reason: as whoever cancelled the job gave it.
    """

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(f"The job is cancelled: {reason}" if reason else "The job is cancelled.")
        self.reason = reason


class NoSuchObject(Exception):
    """The object store has no object with this key."""


class ConditionFailed(Exception):
    """A condition expression was false; nothing of the request was applied.

    Attributes:
        items: for each write of a transaction (or the one of UpdateItem) the item as it is, where the write
            asked for it with `ReturnValuesOnConditionCheckFailure=ALL_OLD` and it is there, else None.
        failed: the positions of the writes whose condition was false.
    """

    def __init__(self, items: Sequence[Any], failed: Sequence[int]) -> None:
        super().__init__(f"condition of write {', '.join(map(str, failed))} failed")
        self.items = list(items)
        self.failed = list(failed)


class CacheUnavailable(Exception):
    """The cache did not answer, or refuses to work: a miss for the cache policy (G6)."""


class Refused(NamedTuple):
    """The reply to a command that the cache refuses: it did nothing, and says nothing of what is there.

    Attributes:
        code: the first word of the error, such as `WRONGTYPE` or `OOM`; `ERR` where the cache has no better
            one, as for a `RENAME` of a key that is not there.
    """

    code: str
