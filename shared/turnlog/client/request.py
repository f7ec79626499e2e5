"""A call of an operation by a program, and what can carry one out."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeGuard

from turnlog.limits import BODY_LIMIT
from turnlog.wire import payload_size

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

Object: TypeAlias = "Mapping[str, Any]"


class Request(NamedTuple):
    """One call of an operation.

    Attributes:
        operation: its name, that of its function.
        session_id: of the session, if the operation is about one.
        name: of the transcript, if it is about one.
        sequence: of the message, if it is about one.
        body: an object, or the text of an import.
        query: the query's values; None stands for what is not given.
        if_match: only if the session is of this version.
        minimal: the answer is to leave out messages.
        repeatable: it may be sent again when it may have been carried out.
        file_id: of the file, if it is about one; `stream_id`: of the stream; `job_id`: of the job.
        idempotency_key: by which a repeat is known, if the operation takes one.
        bearer: a token of its own, in place of the user's.
        text: the answer is a text, and is given as an `answers.ExportedText` has it.
        sent: the messages that the caller wants of the answer, by id, as it has sent them. Their content is
            not read from the bucket.
        content: the body as it is sent over HTTP, once it is made.
    """

    operation: str
    session_id: str | None = None
    name: str | None = None
    body: Any = None
    query: Object = {}  # noqa: RUF012 (nobody writes to it)
    if_match: int | None = None
    minimal: bool = False
    repeatable: bool = True
    text: bool = False
    file_id: str | None = None
    stream_id: str | None = None
    job_id: str | None = None
    idempotency_key: str | None = None
    bearer: str | None = None
    sequence: int | None = None
    sent: Mapping[str, Object] = {}
    content: bytes | None = None

    def headers(self) -> dict[str, str]:
        """The headers that say under what condition, and what the answer is to hold."""
        match = {} if self.if_match is None else {"if-match": f'"{self.if_match}"'}
        match |= {} if self.idempotency_key is None else {"idempotency-key": self.idempotency_key}
        match |= {} if self.bearer is None else {"authorization": f"Bearer {self.bearer}"}
        return match | ({"prefer": "return=minimal"} if self.minimal else {})


class Way(Protocol):
    """How the operations of one user are carried out: on the table, or through the HTTP API."""

    async def ask(self, request: Request) -> Any:
        """Carry out an operation and give its answer's body; None where it has none.

        Raises:
            TurnlogError: an answer other than success.
        """

    def follow(self, request: Request) -> AsyncGenerator[Any, None]:
        """Read events as they come: pages, one or several; None: the stream has ended, and there are no more.

        After the last page the reader asks again, behind its cursor.

        Raises:
            TurnlogError: an answer other than success.
        """

    def holds(self, request: Request) -> bool:
        """Whether the body goes with the request, and not as a file."""

    def as_user(self, user_id: str) -> Way:
        """The same connections for another user; on the table alone.

        Raises:
            UsageError: over HTTP, the token says who the user is.
        """

    def with_token(self, token: Any) -> Way:
        """The same connections with another token; over HTTP alone.

        Raises:
            UsageError: on the table there is no token.
        """

    async def aclose(self) -> None:
        """Close the connections."""


TAKE_FILES = frozenset(
    {"append_entries", "append_messages", "edit_message", "import_transcript", "put_session"}
)
"""The operations whose body may come as a file."""


def too_long(content: bytes | None) -> TypeGuard[bytes]:
    """Whether a request cannot hold this body, as Lambda's event has it: see `events.Call`."""
    if content is None or 2 * len(content) <= BODY_LIMIT:  # as a rule; to count takes its time
        return False
    return payload_size(content) + content.count(b"\n") > BODY_LIMIT


def described(content: bytes) -> dict[str, Any]:
    """What is said of a file that is a body, see `models.files`."""
    return {
        "name": "body",
        "media_type": "application/octet-stream",
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
        "purpose": "body",
    }


def given(**fields: Any) -> dict[str, Any]:
    """A body of those fields that are given."""
    return {name: value for name, value in fields.items() if value is not None}
