"""What API Gateway, or a trusted caller inside the account, hands to a function.

API Gateway's HTTP API sends payload format 2.0, its REST API format 1.0. Either has checked the token: the
user is the claim `sub`. A direct invoke names the user itself; IAM decides who may. Both formats are in
docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote

from turnlog.errors import Invalid, MalformedBody, TooLarge, Unauthenticated
from turnlog.limits import BODY_LIMIT, VALUES_LIMIT
from turnlog.records.keys import (
    SessionKey,
    TranscriptName,
    check_file_id,
    check_job_id,
    check_stream_id,
    session_key,
    transcript_name,
)
from turnlog.wire import has_more_values, loads, no_json, payload_size

Text = TypeVar("Text", str, bytes, "str | bytes")

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    Model = TypeVar("Model", bound=BaseModel)


# A body of wrong fields must not come back as a larger answer.
_MOST_ERRORS = 20
_LONGEST_NAME = 64
_SEQUENCE_DIGITS = 10
_IDEMPOTENCY_KEY = "[\\x20-\\x7e]{1,255}"

_WORDS = (
    ("^(Input|String|List|Dictionary) should ", "must "),
    (r"^must be a valid dictionary or instance of \w+$", "must be an object"),
    ("^must be True$", "must be true"),
    ("^Field required$", "is required"),
    ("^Extra inputs are not permitted$", "is not a known field"),
    ("^Value error, ", ""),
    (" after validation", ""),
)


class Parameter(NamedTuple):
    """A query parameter: a whole number within bounds, a flag, a word of some, or text.

    Attributes:
        kind: `int`, `bool` or `str`.
        default: the value of an absent one.
        minimum: of a number.
        maximum: of a number.
        choices: the words, if it is one of some.
        required: it must be given.
        otherwise: what to do for what many take for one of the words.
    """

    kind: type
    default: Any = None
    minimum: int = 0
    maximum: int = 10**10
    description: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    otherwise: str = ""

    def parse(self, name: str, given: str | None) -> Any:
        """The value.

        Raises:
            Invalid: it is not of this kind.
        """
        if given is None and self.required:
            raise Invalid.at("query", name, msg=f"is required: {' or '.join(self.choices)}")
        if given is None:
            return self.default
        if self.kind is bool:
            if given in {"true", "false"}:
                return given == "true"
            raise Invalid.at("query", name, msg="must be true or false")
        if self.kind is int:
            digits = given.removeprefix("-")
            # A longer number is out of bounds, and int() would refuse it in its own words.
            number = int(given) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else None  # noqa: PLR2004
            if number is None or not self.minimum <= number <= self.maximum:
                raise Invalid.at(
                    "query", name, msg=f"must be a whole number from {self.minimum} to {self.maximum}"
                )
            return number
        if self.choices and given not in self.choices:
            raise Invalid.at("query", name, msg=f"must be {' or '.join(self.choices)}{self.otherwise}")
        return given


class Call(NamedTuple):
    """One request.

    Attributes:
        path_file_id: of the file in the path; `path_stream_id`: of the stream;
            `path_job_id`: of the job.
        base_url: of the API that was called; empty for a direct invoke.
        headers: with names in lower case.
        query: as it was sent.
        direct: invoked by a trusted caller, without API Gateway.
        bounded: the body went through a Lambda's event, or could have.
        data: the body, if it came as a file.
    """

    user: str | None
    path_session_id: str | None
    path_name: str | None
    path_sequence: str | int | None
    headers: Mapping[str, str]
    query: Mapping[str, str]
    raw_body: str
    base64: bool
    request_id: str
    direct: bool
    bounded: bool = True
    path_file_id: str | None = None
    path_stream_id: str | None = None
    path_job_id: str | None = None
    base_url: str = ""
    data: bytes | None = None

    @property
    def user_id(self) -> str:
        """The user who calls.

        Raises:
            Unauthenticated: the request names none.
        """
        if self.user is None:
            raise Unauthenticated("The request names no user: a bearer token is needed.")
        return self.user

    @property
    def key(self) -> SessionKey:
        """The session in the path, as this user's.

        Raises:
            Unauthenticated: the request names no user.
            Invalid: either id is not one.
        """
        return session_key(self.user_id, self.path_session_id or "")

    @property
    def transcript(self) -> TranscriptName:
        """The transcript in the path, of the session there.

        Raises:
            Unauthenticated: the request names no user.
            Invalid: an id or the name is not one.
        """
        return transcript_name(self.key, self.path_name or "")

    @property
    def file_id(self) -> str:
        """The file in the path.

        Raises:
            Invalid: it is no file's id.
        """
        return check_file_id(self.path_file_id, "path", "file_id")

    @property
    def stream_id(self) -> str:
        """The stream in the path.

        Raises:
            Invalid: it is no stream's id.
        """
        return check_stream_id(self.path_stream_id, "path", "stream_id")

    @property
    def job_id(self) -> str:
        """The job in the path.

        Raises:
            Invalid: it is no job's id.
        """
        return check_job_id(self.path_job_id)

    @property
    def idempotency_key(self) -> str:
        """The key by which a repeat of the request is known (draft-ietf-httpapi-idempotency-key-header).

        Raises:
            Invalid: there is none, or it is none.
        """
        given = self.headers.get("idempotency-key", "")
        if re.fullmatch(_IDEMPOTENCY_KEY, given):
            return given
        raise Invalid.at(
            "header",
            "Idempotency-Key",
            msg="must be 1 to 255 characters of printable ASCII; send a repeat with the same key",
        )

    @property
    def bearer(self) -> str:
        """The token in the header `authorization`; empty if there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @property
    def sequence(self) -> int:
        """The sequence in the path.

        Raises:
            Invalid: it is none.
        """
        given = str(self.path_sequence)
        if given.isascii() and given.isdecimal() and len(given) <= _SEQUENCE_DIGITS:
            return int(given)
        raise Invalid.at(
            "path", "sequence", msg=f"must be a whole number of at most {_SEQUENCE_DIGITS} digits"
        )

    @property
    def prefers_minimal(self) -> bool:
        """Whether the client wants an answer without messages (RFC 7240, section 4.2)."""
        preferences = self.headers.get("prefer", "").lower().replace('"', "").split(",")
        return any(one.partition(";")[0].strip() == "return=minimal" for one in preferences)

    def _bounded(self) -> str | bytes:
        """The body, unless it is over Lambda's limit: as text, or as the bytes that stood in base64.

        Raises:
            TooLarge: it is over the limit.
            MalformedBody: it is not base64.
        """
        if self.data is not None:
            return self.data
        size = len(self.raw_body) if self.base64 else self._size_in_event()
        if self.bounded and size > BODY_LIMIT:
            raise TooLarge(
                f"A request's body is at most {BODY_LIMIT} bytes, as it is escaped on its way; this one has"
                f" {size}. Send less at once; or send it as a file and name that in the query (?body_file=),"
                " where the operation takes one; or work on the table (Turnlog or AsyncTurnlog with"
                " TURNLOG_TABLE)."
            )
        if not self.base64:
            return self.raw_body
        try:
            return b64decode(self.raw_body)
        except ValueError as error:
            raise MalformedBody("The body is not base64.") from error

    def _size_in_event(self) -> int:
        """Bytes that a text takes in an event, which is JSON itself: a text in it is escaped once more."""
        encoded = self.raw_body.encode("utf-8", "surrogatepass")
        return len(encoded) if self.direct else payload_size(encoded) + encoded.count(b"\n")

    def body(self, model: type[Model], *, required: bool) -> Model:
        """The body, checked against its model; an absent one reads as `{}` if it is not required.

        Raises:
            TooLarge: it is over Lambda's limit, or holds more than `VALUES_LIMIT` values.
            MalformedBody: it is not JSON.
            Invalid: it is of the wrong shape.
        """
        from pydantic import ValidationError  # noqa: PLC0415 (not for functions that take no body)

        raw = self._bounded()
        if required and not raw:
            raise MalformedBody("The request has no body.")
        try:
            return model.model_validate(loads(_few(raw) or "{}"))
        except ValidationError as error:
            # The input itself stays out: an answer's problem document may be logged by its receiver.
            found = error.errors(include_url=False, include_context=False, include_input=False)
            errors = [
                {"loc": ["body", *_short(one["loc"])], "msg": what_is_wrong(one["msg"])}
                for one in found[:_MOST_ERRORS]
            ]
            raise Invalid.of(errors, len(found)) from None

    def text(self) -> bytes:
        """The body where it is a text; in a direct invoke it is a JSON string.

        Raises:
            TooLarge: it is over Lambda's limit, or holds more than `VALUES_LIMIT` values.
            MalformedBody: a direct invoke's is no string.
        """
        raw = self._bounded()
        if self.direct and self.data is None:
            raw = loads(raw or '""')
            if not isinstance(raw, str):
                raise MalformedBody("The body must be a JSON string.")
        # JSON's escape of half a character, which UTF-8 cannot hold, is Python's.
        return _few(raw.encode("utf-8", "backslashreplace") if isinstance(raw, str) else raw)


def _few(raw: Text) -> Text:
    """A body, unless it holds more values than a function has the time and the memory for.

    Raises:
        TooLarge: it does.
    """
    if has_more_values(raw, VALUES_LIMIT):
        raise TooLarge(
            f"A request's body holds at most {VALUES_LIMIT} JSON values: texts, numbers, lists, objects. This"
            " one has more. Send less at once, or send what has so many values as one text."
        )
    return raw


def parse(event: Mapping[str, Any], request_id: str) -> Call:
    """The call in an event of either form."""
    http = event.get("requestContext")
    if http is None:
        given = event.get("body")
        return Call(
            user=event.get("user_id"),
            path_session_id=event.get("session_id"),
            path_name=event.get("name"),
            path_file_id=event.get("file_id"),
            path_stream_id=event.get("stream_id"),
            path_job_id=event.get("job_id"),
            path_sequence=event.get("sequence"),
            headers={name.lower(): value for name, value in _object(event, "headers").items()},
            query={
                name: _text(value) for name, value in _object(event, "query").items() if value is not None
            },
            raw_body="" if given is None else _json(given),
            base64=False,
            request_id=request_id,
            direct=True,
        )
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    path = event.get("pathParameters") or {}
    if "httpMethod" in event:
        # Format 1.0 has them as they were sent. No name of ours has a % in it, so twice does no harm.
        path = {name: unquote(value) for name, value in path.items()}
    return Call(
        user=_user(http, headers),
        path_session_id=path.get("session_id"),
        path_name=path.get("name"),
        path_file_id=path.get("file_id"),
        path_stream_id=path.get("stream_id"),
        path_job_id=path.get("job_id"),
        base_url=_base_url(event, http, headers),
        path_sequence=path.get("sequence"),
        headers=headers,
        query=event.get("queryStringParameters") or {},
        raw_body=event.get("body") or "",
        base64=bool(event.get("isBase64Encoded")),
        request_id=http.get("requestId", request_id),
        direct=False,
    )


def _base_url(event: Mapping[str, Any], http: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Where the API is that was called, which may be under a domain of one's own."""
    if not (domain := http.get("domainName")):
        return ""
    prefix = event.get("rawPath", "").partition("/sessions/")[0]
    return f"{headers.get('x-forwarded-proto', 'https')}://{domain}{prefix}"


def _user(http: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
    """The claim `sub`. Under SAM local, which runs no authorizer, the bearer's text, as in the local server.

    AWS never sets `AWS_SAM_LOCAL`; and were it set there, the authorizer would have spoken already.
    """
    if "authorizer" in http or os.environ.get("AWS_SAM_LOCAL") != "true":
        authorizer = http.get("authorizer") or {}
        # Format 1.0 has the claims there, 2.0 in `jwt`.
        user: str | None = authorizer.get("jwt", authorizer).get("claims", {}).get("sub")
        return user
    scheme, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() or None if scheme.lower() == "bearer" else None


def what_is_wrong(msg: str) -> str:
    """A message of pydantic's, to be read behind the name of a field: "must be an object"."""
    for theirs, ours in _WORDS:
        msg = re.sub(theirs, ours, msg)
    return msg


def _short(loc: tuple[int | str, ...]) -> list[int | str]:
    """A location in the body; its names are the client's own, of any length."""
    return [one if isinstance(one, int) else one[:_LONGEST_NAME] for one in loc]


def _json(given: Any, loc: str = "body") -> str:
    """The JSON of what a direct invoke holds; a program may hand over what is none.

    Raises:
        Invalid: it is none.
    """
    try:
        return json.dumps(given, ensure_ascii=False, allow_nan=False)
    except TypeError as error:
        raise no_json(given, error, loc) from error
    except (ValueError, RecursionError) as error:
        raise Invalid.at(loc, msg=f"is not JSON: {error}") from error


def _object(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    given = event.get(name)
    return given if isinstance(given, dict) else {}


def _text(value: Any) -> str:
    """A query value of a direct invoke, where JSON has numbers and booleans, as a query string has it."""
    return value if isinstance(value, str) else _json(value, "query")
