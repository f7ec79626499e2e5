"""The HTTP edge: makes a Lambda handler of a coroutine, and says for the OpenAPI document what it takes.

No content is logged: a line names the operation, the status and what was counted.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from turnlog.coroutines import run
from turnlog.drivers.blocking import lambda_store
from turnlog.errors import Invalid, TranscriptsOff, TurnlogError
from turnlog.http import events
from turnlog.http.answers import Answer, problem, respond
from turnlog.limits import HEALTH_SECONDS
from turnlog.store.retry import RESERVE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from pydantic import BaseModel

    from turnlog.http.events import Call, Parameter
    from turnlog.store.store import Store

    # Called with the store, the call, and by name the query's values and the body.
    Operation: TypeAlias = Callable[..., Coroutine[Any, Any, Answer]]

# Without a Lambda context (a test, a program): as long as API Gateway waits.
_DEFAULT_SECONDS = 29.0
_FAILED = "The request failed. The log says why, under the request's id."


class Endpoint:
    """A Lambda handler, and its description.

    Attributes:
        answers: status → the name of a model in `turnlog.models.answers`, empty for no body.
        errors: the errors that it may answer beside those that every endpoint may.
        body: the body's model; None: it takes none.
        body_required: if not, an absent body reads as `{}`.
        query: its query parameters.
        headers: the conditional headers that it obeys.
        jsonl_body: its body is a text of JSON lines.
        jsonl_answer: it can answer a text of JSON lines.
        body_file: its body can come as a file; then the query names that.
        text_answer: it can answer Markdown or JSON lines, a part of a log.
        file_answer: it can say that the answer lies in the bucket, because no answer holds it.
        transcripts: it serves transcripts, which can be switched off.
        public: it needs no user.
        brief: it gives up after `limits.HEALTH_SECONDS`; others go on trying as long as there is time.
        operation: the coroutine behind it.
        name: the operation's, in logs and metrics.
    """

    def __init__(
        self,
        operation: Operation,
        *,
        answers: Mapping[int, str],
        errors: tuple[type[TurnlogError], ...],
        body: type[BaseModel] | None,
        body_required: bool,
        query: Mapping[str, Parameter],
        headers: tuple[str, ...],
        public: bool,
        brief: bool,
        transcripts: bool,
        jsonl_body: bool,
        jsonl_answer: bool,
        text_answer: bool,
        file_answer: bool,
        body_file: bool,
    ) -> None:
        self.operation = operation
        self.name = operation.__module__.rpartition(".")[2]
        self.answers = answers
        self.errors = errors
        self.body = body
        self.body_required = body_required
        self.query = query
        self.headers = headers
        self.public = public
        self.brief = brief
        self.transcripts = transcripts
        self.jsonl_body = jsonl_body
        self.jsonl_answer = jsonl_answer
        self.text_answer = text_answer
        self.file_answer = file_answer
        self.body_file = body_file

    def __call__(self, event: Mapping[str, Any], context: Any = None) -> dict[str, Any] | bytes:
        """Answer an event of API Gateway, or of a direct invoke."""
        seconds = context.get_remaining_time_in_millis() / 1000 if context else _DEFAULT_SECONDS
        if self.brief:
            seconds = min(seconds, HEALTH_SECONDS + RESERVE)
        store = lambda_store(time.monotonic() + seconds, brief=self.brief)
        return run(self.respond(store, event, getattr(context, "aws_request_id", "")))

    async def respond(
        self, store: Store, event: Mapping[str, Any], request_id: str
    ) -> dict[str, Any] | bytes:
        """Answer an event, on whatever drives the store."""
        from turnlog.http import telemetry  # noqa: PLC0415 (a fifth of a cold start, once the answer is on its way)

        call = events.parse(event, request_id)
        try:
            answer = await self.answer(store, call)
        except TurnlogError as error:
            answer = problem(error)
        except Exception as error:  # the last resort: the client gets no stack trace
            telemetry.failed(self.name, call, error)
            answer = problem(TurnlogError(_FAILED))
        telemetry.emit(self.name, call, answer.status, store.counts)
        return respond(call, answer)

    async def answer(self, store: Store, call: Call) -> Answer:
        """Answer a call.

        Raises:
            TurnlogError: an answer other than success.
        """
        if not self.public:
            _ = call.user_id  # without a user nothing else is told
        if self.transcripts and not store.transcripts:
            raise TranscriptsOff("Transcripts are switched off (TURNLOG_TRANSCRIPTS).")
        given = {name: one.parse(name, call.query.get(name)) for name, one in self.query.items()}
        if "body_file" in call.query:
            if not self.body_file:
                raise Invalid.at("query", "body_file", msg=_NO_FILE)
            call = await _with_file(store, call, call.query["body_file"])
        if self.body:
            given["body"] = call.body(self.body, required=self.body_required)
        if self.jsonl_body:
            given["body"] = call.text()
        return await self.operation(store, call, **given)


_NO_FILE = (
    "cannot stand for the body of this operation. Where a create is too large, create the session without"
    " messages, then PUT them"
)


async def _with_file(store: Store, call: Call, file_id: str) -> Call:
    """The call with the body that lies in a file of its session.

    Raises:
        Invalid: there is a body as well.
        TurnlogError: the file cannot be read, see `body_of_file`.
    """
    from turnlog.operations.get_file import body_of_file  # noqa: PLC0415 (most bodies come with the request)
    from turnlog.records.keys import check_file_id  # noqa: PLC0415

    if call.raw_body:
        raise Invalid.at("query", "body_file", msg="stands in place of a body, and the request has one")
    return call._replace(
        data=await body_of_file(store, call.key, check_file_id(file_id, "query", "body_file"))
    )


def endpoint(
    *,
    answers: Mapping[int, str],
    errors: tuple[type[TurnlogError], ...] = (),
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    query: Mapping[str, Parameter] | None = None,
    headers: tuple[str, ...] = (),
    public: bool = False,
    brief: bool = False,
    transcripts: bool = False,
    jsonl_body: bool = False,
    jsonl_answer: bool = False,
    text_answer: bool = False,
    file_answer: bool = False,
    body_file: bool = False,
) -> Callable[[Operation], Endpoint]:
    """Make an `Endpoint` of a coroutine; see there for the arguments."""

    def decorate(operation: Operation) -> Endpoint:
        return Endpoint(
            operation,
            answers=answers,
            errors=errors,
            body=body,
            body_required=body_required,
            query=query or {},
            headers=headers,
            public=public,
            brief=brief,
            transcripts=transcripts,
            jsonl_body=jsonl_body,
            jsonl_answer=jsonl_answer,
            text_answer=text_answer,
            file_answer=file_answer,
            body_file=body_file,
        )

    return decorate
