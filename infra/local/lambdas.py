"""Lambda's stand-in: the handlers of `template.yaml`, called in this process as Lambda calls them.

Events and answers pass through JSON and are held to Lambda's size, so that what works here works there.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from importlib import import_module
from threading import Event
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from infra.template import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from infra.template import Function

    Handler: TypeAlias = Callable[[Any, "Context"], Any]

PAYLOAD_LIMIT = 6 * 1024 * 1024  # bytes, for a synchronous call's event and for its answer


class EventTooLargeError(Exception):
    """The event is over Lambda's 6 MB; the handler was not called."""


class AnswerTooLargeError(Exception):
    """The handler's answer is over Lambda's 6 MB."""


@dataclass(frozen=True)
class Context:
    """What Lambda tells a handler about the call.

    Attributes:
        deadline: in seconds of `time.monotonic`.
        stopping: when it is set, the call has no time left: the server is being stopped.
    """

    function_name: str
    memory_limit_in_mb: int
    deadline: float
    stopping: Event = field(default_factory=Event)
    aws_request_id: str = field(default_factory=lambda: str(uuid4()))
    function_version: str = "$LATEST"
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None
    tenant_id: None = None

    @property
    def invoked_function_arn(self) -> str:
        """As in AWS, with an account and a region that are nobody's."""
        return f"arn:aws:lambda:local:000000000000:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        """As in AWS; the logs are on standard output."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the call; here nothing ends it."""
        return 0 if self.stopping.is_set() else max(0, int((self.deadline - time.monotonic()) * 1000))


def load_handler(path: str) -> Handler:
    """The handler at `package.module.function`.

    Raises:
        ImportError, AttributeError: there is none.
    """
    module, _, name = path.rpartition(".")
    handler: Handler = getattr(import_module(module), name)
    return handler


class Lambdas:
    """All functions of the template, loaded.

    Args:
        load: gives the handler for `functions.create_session.handler` and the like; a test has its own.
    """

    def __init__(self, load: Callable[[str], Handler] = load_handler) -> None:
        self._functions: dict[str, tuple[Function, Handler]] = {
            function.name: (function, load(function.handler)) for function in functions()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    def invoke(self, name: str, event: Any, stopping: Event | None = None) -> Any:
        """Call the function with this logical id and return its answer.

        Args:
            name: the logical id.
            event: what the function gets.
            stopping: the function is told that it has no time left, once this is set.

        Raises:
            EventTooLargeError, AnswerTooLargeError: over 6 MB.
            TypeError, ValueError: the event or the answer is not what JSON in UTF-8 can carry.
            Exception: whatever the handler raises.
        """
        answer = self.stream(name, event, stopping)
        if isinstance(answer, tuple):  # as Lambda hands it to a caller that waits for all of it
            return whole(*answer)
        return _through_json(answer, "strict", AnswerTooLargeError)

    def stream(self, name: str, event: Any, stopping: Event | None = None) -> Any:
        """Call the function as `invoke` does; of a streaming handler, the answer as it returned that.

        Raises:
            See `invoke`.
        """
        function, handler = self._functions[name]
        context = Context(
            function_name=function.name,
            memory_limit_in_mb=function.memory_size,
            deadline=time.monotonic() + function.timeout,
            stopping=stopping or Event(),
        )
        # A lone surrogate gets in, written as an escape; Lambda's own encoder does not let it out again.
        return handler(_through_json(event, "surrogatepass", EventTooLargeError), context)


def whole(status: int, headers: Mapping[str, str], body: Iterable[bytes]) -> dict[str, Any]:
    """A streamed answer in one piece, in the form of one that is not streamed."""
    text = b"".join(body).decode()
    return {"statusCode": status, "headers": dict(headers), "body": text, "isBase64Encoded": False}


def _through_json(value: Any, errors: str, too_large: type[Exception]) -> Any:
    # Lambda passes on bytes as they are.
    encoded = (
        value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode(errors=errors)
    )
    if len(encoded) > PAYLOAD_LIMIT:
        raise too_large(len(encoded))
    return json.loads(encoded)
