"""The local server as a whole: table, cache, functions, gateway, stream; started and stopped together."""

from __future__ import annotations

import errno
import logging
import os
import socket
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from werkzeug.serving import WSGIRequestHandler, make_server

from infra.local import embedded
from infra.local.access import ThisMachine
from infra.local.errors import CannotStart
from infra.local.gateway import Gateway
from infra.local.lambdas import Lambdas, load_handler
from infra.local.schedule import Clockwork
from infra.local.stream import StreamPump
from infra.local.table import ensure_table
from infra.template import environment, schedules, stream_mapping
from turnlog.cache.url import CacheUrl
from turnlog.errors import SettingsError
from turnlog.settings import from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from infra.local.lambdas import Handler
    from turnlog.settings import Settings

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
BUCKET = "turnlog-transcripts"
DRAIN_SECONDS = 30.0  # the longest that a function may take, and a moment
# A table that is not there is said in seconds; botocore's own way takes half a minute.
_FEW_TRIES = Config(retries={"mode": "standard", "total_max_attempts": 3})

# For an endpoint on this machine, which asks for credentials and checks none.
NOBODY = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_SESSION_TOKEN": None,
    "AWS_PROFILE": None,
}


class LocalServer(NamedTuple):
    """Where things are.

    Attributes:
        url: of the HTTP API, such as `http://127.0.0.1:3000`.
        table: the table's name.
        dynamodb_url: the table's endpoint.
        cache_url: empty where there is no cache.
        bucket: empty where there is none.
    """

    url: str
    table: str
    dynamodb_url: str
    cache_url: str
    bucket: str


@contextmanager
def running(
    *,
    port: int = 0,
    dynamodb_url: str | None = None,
    cache_url: str | None = None,
    data: Path | None = None,
    load: Callable[[str], Handler] = load_handler,
) -> Iterator[LocalServer]:
    """Serve the API on loopback while the context is entered.

    The functions run in this process and read their settings from its environment, which is therefore set
    here and put back at the end. What they keep for the next call (settings, clients) is theirs: a program
    that starts a second server with the same handlers has to make them forget, or start it as a process.

    Args:
        port: where to listen; 0 takes a free one.
        dynamodb_url: an endpoint to use; None starts an embedded one.
        cache_url: a cache to use, empty for none; None starts an embedded one.
        data: a folder that keeps what the embedded table and bucket hold; None: it ends with the server.
        load: gives the handler for `functions.create_session.handler` and the like.

    Raises:
        CannotStart: a port cannot be listened on, a setting is wrong, or the table's endpoint refuses or is
            not there; it says which.
    """
    with ExitStack() as stack:
        # What can be wrong with the settings is found before anything is started.
        machine = ThisMachine.from_environment()
        # What the environment says already holds here too, but for where things are.
        given = {name: os.environ[name] for name in environment() if os.environ.get(name)}
        stack.enter_context(_environment(environment() | given | {"TURNLOG_CACHE_URL": cache_url or ""}))
        table = _checked_settings().table
        listener = stack.enter_context(listening(port))
        embedded_table = dynamodb_url is None
        if data and not embedded_table:
            raise CannotStart(
                "A folder for data is for the embedded table, and AWS_ENDPOINT_URL_DYNAMODB names another "
                "one: leave out DATA (TURNLOG_LOCAL_DATA) or that."
            )
        dynamodb_url = dynamodb_url or stack.enter_context(embedded.dynamodb(data))
        # The embedded table's server has buckets too; with another table comes the bucket that is named.
        bucket = BUCKET if embedded_table else given.get("TURNLOG_BUCKET", "")
        cache_password = os.environ.get("TURNLOG_CACHE_PASSWORD")
        if cache_url is None:
            cache_url = stack.enter_context(embedded.valkey())
            cache_password = None  # the embedded one has none, and would refuse it
        stack.enter_context(
            _environment(
                {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url, "TURNLOG_CACHE_URL": cache_url}
                | {"TURNLOG_CACHE_PASSWORD": cache_password}
                | {"TURNLOG_BUCKET": bucket}
                | ({"AWS_ENDPOINT_URL_S3": dynamodb_url} if embedded_table else {})
                | _aws_environment(dynamodb_url, embedded_table=embedded_table)
            )
        )
        session = boto3.Session()
        dynamodb = stack.enter_context(
            _closing(session.client("dynamodb", endpoint_url=dynamodb_url, config=_FEW_TRIES))
        )
        try:
            ensure_table(dynamodb, table)
        except (BotoCoreError, ClientError) as error:
            raise CannotStart(f"The table at {dynamodb_url} cannot be used: {error}") from error
        if embedded_table:
            # In each other region a bucket has to be asked for by that region's name.
            s3 = stack.enter_context(_closing(session.client("s3", region_name="us-east-1")))
            s3.create_bucket(Bucket=bucket)
        lambdas = Lambdas(load)
        if urlsplit(dynamodb_url).hostname in LOOPBACK:
            # Elsewhere it is a real table, with the template's own mapping.
            streams = stack.enter_context(
                _closing(session.client("dynamodbstreams", endpoint_url=dynamodb_url))
            )
            mapping = stream_mapping()
            stack.enter_context(
                StreamPump(
                    table=table,
                    dynamodb=dynamodb,
                    streams=streams,
                    mapping=mapping,
                    function=lambda event, stopping: lambdas.invoke(mapping.function.name, event, stopping),
                )
            )
            for schedule in schedules():
                call = partial(lambdas.invoke, schedule.function.name)
                stack.enter_context(Clockwork(schedule, call))
        stack.enter_context(serving(Gateway(lambdas, machine), listener))
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        yield LocalServer(url, table, dynamodb_url, cache_url, bucket)


def _aws_environment(dynamodb_url: str, *, embedded_table: bool) -> dict[str, str | None]:
    """What boto3 asks for and an endpoint on this machine does not, where the environment does not say it."""
    if urlsplit(dynamodb_url).hostname not in LOOPBACK:
        return {}
    given = os.environ.get
    # A proxy for the world outside cannot reach this machine's own servers.
    direct = ",".join(filter(None, [given("NO_PROXY") or given("no_proxy"), *sorted(LOOPBACK)]))
    return {
        "AWS_DEFAULT_REGION": given("AWS_DEFAULT_REGION") or given("AWS_REGION") or "us-east-1",
        "NO_PROXY": direct,
        "no_proxy": direct,
        **(NOBODY if embedded_table or not given("AWS_ACCESS_KEY_ID") else {}),
    }


def _checked_settings() -> Settings:
    """What the functions will read, which find a mistake only at their first request.

    Raises:
        CannotStart: a setting is wrong.
    """
    try:
        found = from_environment()
    except SettingsError as error:
        raise CannotStart(str(error)) from None
    if found.cache_url:
        try:
            CacheUrl.parse(found.cache_url, found.cache_password)
        except ValueError as error:
            raise CannotStart(f"TURNLOG_CACHE_URL cannot be used: {error}.") from None
    return found


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Environment variables set (or, with None, unset) for a while."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _closing(client: Any) -> Iterator[Any]:
    try:
        yield client
    finally:
        client.close()


class _Handler(WSGIRequestHandler):
    """werkzeug's, with a line a request in our log; paths carry ids, never content or tokens."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del size
        logger.info("%s %s %s", self.command, self.path.partition("?")[0], code)


class _Drained:
    """An application that can be waited for: when stopping, a request under way gets its answer first."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._under_way = 0
        self._changed = Condition()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._changed:
            self._under_way += 1
        try:
            return self._application(environ, start_response)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, DRAIN_SECONDS)


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens on loopback; 0 takes any port that is free.

    Raises:
        CannotStart: the port cannot be listened on.
    """
    try:
        listener = socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        what = (
            "is in use by another program"
            if taken
            else f"cannot be listened on: {os.strerror(error.errno or 0)}"
        )
        raise CannotStart(f"Port {port} {what}. Choose another one, such as PORT=3001.") from None
    with listener:
        yield listener


@contextmanager
def serving(application: WSGIApplication, listener: socket.socket) -> Iterator[None]:
    """Serve in threads while the context is entered."""
    drained = _Drained(application)
    server = make_server(
        *(HOST, listener.getsockname()[1], drained),
        threaded=True,
        request_handler=_Handler,
        fd=listener.fileno(),
    )
    thread = Thread(target=server.serve_forever, args=(0.05,), name="http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        # Who comes now is refused at once, and not left to wait.
        server.server_close()
        listener.close()
        drained.wait()
