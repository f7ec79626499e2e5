"""Lambda's runtime loop for handlers whose answer comes bit by bit: Python's own cannot stream.

    python -m turnlog.http.streaming_runtime

with `_HANDLER` and `AWS_LAMBDA_RUNTIME_API`, as Lambda sets them. `functions/streaming.sh` is the function's
`AWS_LAMBDA_EXEC_WRAPPER`: Lambda starts it in place of its runtime, and it starts this. Nothing here but the
standard library, and one connection a request.

| state | what happens | then |
|---|---|---|
| starting | the handler is imported; what that raises is an error of initialisation | waiting, or the end |
| waiting | the next event is asked for, however long it takes | running |
| running | the handler is called; what it raises is the invocation's error | streaming, or waiting |
| streaming | each chunk goes out as it comes; what the iterator raises goes into the trailers | waiting |

A streamed answer is JSON of status and headers, eight zero bytes, and the body, chunk by chunk
(docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming). If whoever
asked has gone, sending fails; then the iterator is closed and the next event is asked for. If the Runtime API
itself has gone, the process ends, and Lambda starts another.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from base64 import b64encode
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from http.client import HTTPResponse

_VERSION = "/2018-06-01/runtime"
_PRELUDE_ENDS = b"\0" * 8
_TYPE = "Lambda-Runtime-Function-Error-Type"
_BODY = "Lambda-Runtime-Function-Error-Body"


class Context(NamedTuple):
    """What Lambda tells a handler about the call.

    Attributes:
        deadline: when Lambda ends the call, in milliseconds of the epoch.
    """

    aws_request_id: str
    deadline: int
    invoked_function_arn: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the call."""
        return max(0, self.deadline - int(time.time() * 1000))


def main() -> None:
    """Serve events until the process is ended.

    Raises:
        SystemExit: the handler could not be imported.
        OSError, HTTPException: the Runtime API is not there.
    """
    api = os.environ["AWS_LAMBDA_RUNTIME_API"]
    try:
        handler = _handler(os.environ["_HANDLER"])
    except BaseException as error:
        _log(error)
        _post(api, "/init/error", _described(error), {_TYPE: _kind(error)})
        raise SystemExit(1) from error
    while True:
        serve_one(api, handler)


def serve_one(api: str, handler: Callable[[Any, Context], Any]) -> None:
    """Wait for an event, and answer it.

    Args:
        api: host and port of the Runtime API.

    Raises:
        OSError, HTTPException: there is no event, because the Runtime API is not there.
    """
    event, context = _next(api)
    place = f"/invocation/{context.aws_request_id}"
    try:
        answer = handler(event, context)
        whole = None if isinstance(answer, tuple) else _encoded(answer)
    except Exception as error:
        _log(error)
        _post(api, f"{place}/error", _described(error), {_TYPE: _kind(error)})
        return
    if whole is not None:
        _post(api, f"{place}/response", whole, {"Content-Type": "application/json"})
        return
    status, headers, body = answer
    try:
        _stream(api, f"{place}/response", {"statusCode": status, "headers": dict(headers)}, body)
    except (OSError, HTTPException) as error:
        _log(error)  # whoever asked has gone
    finally:
        if close := getattr(body, "close", None):
            close()


def _handler(path: str) -> Callable[[Any, Context], Any]:
    """The handler at `package.module.function`."""
    module, _, name = path.replace("/", ".").rpartition(".")
    found: Callable[[Any, Context], Any] = getattr(import_module(module), name)
    return found


def _next(api: str) -> tuple[Any, Context]:
    with closing(HTTPConnection(api)) as connection:
        connection.request("GET", f"{_VERSION}/invocation/next")
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != 200:  # noqa: PLR2004
        message = f"the Runtime API answers {answer.status} in place of an event"
        raise HTTPException(message)
    told = answer.headers
    # X-Ray's SDKs look there.
    os.environ["_X_AMZN_TRACE_ID"] = told.get("Lambda-Runtime-Trace-Id", "")
    environment = os.environ.get
    return json.loads(body), Context(
        aws_request_id=told["Lambda-Runtime-Aws-Request-Id"],
        deadline=int(told["Lambda-Runtime-Deadline-Ms"]),
        invoked_function_arn=told.get("Lambda-Runtime-Invoked-Function-Arn", ""),
        function_name=environment("AWS_LAMBDA_FUNCTION_NAME", ""),
        function_version=environment("AWS_LAMBDA_FUNCTION_VERSION", ""),
        memory_limit_in_mb=environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
    )


def _stream(api: str, place: str, prelude: Mapping[str, Any], body: Iterator[bytes]) -> None:
    with closing(HTTPConnection(api)) as connection:
        connection.putrequest("POST", f"{_VERSION}{place}")
        connection.putheader("Content-Type", "application/vnd.awslambda.http-integration-response")
        connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.putheader("Trailer", f"{_TYPE}, {_BODY}")
        connection.endheaders()
        _send(connection, json.dumps(prelude).encode() + _PRELUDE_ENDS)
        trailers = b""
        while True:
            try:
                chunk = next(body, None)
            except Exception as error:
                _log(error)
                trailers = _trailers(error)
                break
            if chunk is None:
                break
            if chunk:  # an empty one would end the body
                _send(connection, chunk)
        connection.send(b"0\r\n" + trailers + b"\r\n")
        _checked(connection.getresponse())


def _send(connection: HTTPConnection, chunk: bytes) -> None:
    connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))


def _trailers(error: BaseException) -> bytes:
    lines = (f"{_TYPE}: {_kind(error)}", f"{_BODY}: {b64encode(_described(error)).decode()}")
    return "".join(f"{line}\r\n" for line in lines).encode()


def _post(api: str, place: str, body: bytes, headers: Mapping[str, str]) -> None:
    with closing(HTTPConnection(api)) as connection:
        connection.request("POST", f"{_VERSION}{place}", body, dict(headers))
        _checked(connection.getresponse())


def _checked(answer: HTTPResponse) -> None:
    """Read an answer of the Runtime API; a refusal, such as of an answer that is too large, is logged."""
    said = answer.read()
    if answer.status >= 400:  # noqa: PLR2004
        sys.stderr.write(f"The Runtime API refused an answer: {answer.status} {said[:200]!r}\n")


def _encoded(answer: Any) -> bytes:
    """An answer in one piece; bytes are JSON already."""
    return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


def _kind(error: BaseException) -> str:
    return f"Handler.{type(error).__name__}"


def _described(error: BaseException) -> bytes:
    """An error as Lambda's runtimes report it, without its text: that may hold what a user wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    described = {
        "errorType": type(error).__name__,
        "errorMessage": "The function failed; its log says where.",
        "stackTrace": [f"{frame.filename}:{frame.lineno}" for frame in frames],
    }
    return json.dumps(described).encode()


def _log(error: BaseException) -> None:
    sys.stderr.write(f"{_described(error).decode()}\n")


if __name__ == "__main__":
    main()
