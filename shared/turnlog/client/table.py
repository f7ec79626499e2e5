"""The way to the table and the cache: for programs that AWS's IAM lets there.

A call is the direct invoke of a function, in this process: the same models check it, and the same coroutine
answers. Lambda's limits of a request and an answer do not count here.
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from turnlog.client.kept import PerLoop, PerProcess
from turnlog.errors import Unanswered, UsageError
from turnlog.limits import OPERATION_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Mapping

    from turnlog.client.request import Request
    from turnlog.settings import Settings
    from turnlog.store.store import Store


class Base(Protocol):
    """The clients of a table, its cache and its bucket, on an event loop or without one."""

    async def store(self, seconds: float) -> Store:
        """What one operation works on, which gives up when this time is over."""

    async def within(self, seconds: float, work: Coroutine[Any, Any, Any]) -> Any:
        """Carry out an operation; one on an event loop is stopped when this time is over."""

    async def aclose(self) -> None:
        """Close the connections."""


class LoopBase(Base):
    """The clients for each event loop that they are used on.

    Args:
        configured: what to work on.
        session: of aiobotocore or aioboto3; None: one of aiobotocore, with the environment's credentials.

    Raises:
        UsageError: a package is not installed, or the session is not for an event loop.
    """

    def __init__(self, configured: Settings, session: Any) -> None:
        _require("aws-async", "aiobotocore", "hiredis", "pydantic")
        _check_session(session, on_loop=True)
        from turnlog.drivers.event_loop import AsyncStores  # noqa: PLC0415 (what it needs is an extra)
        from turnlog.drivers.translate import for_program  # noqa: PLC0415

        self._told = for_program

        async def make() -> AsyncStores:
            return await AsyncStores(configured, session).__aenter__()

        self._kept = PerLoop(make, lambda made: made.__aexit__())

    async def store(self, seconds: float) -> Store:
        """See `Base`."""
        return (await self._kept.get()).store(seconds)

    async def within(self, seconds: float, work: Coroutine[Any, Any, Any]) -> Any:
        """See `Base`."""
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError as error:
            raise Unanswered("The time is over.") from error
        except Exception as error:
            raise self._told(error)  # noqa: B904 (most are raised as they are)

    async def aclose(self) -> None:
        """See `Base`."""
        await self._kept.aclose()


class BlockingBase(Base):
    """The clients of a process, which its threads share.

    Args:
        configured: what to work on.
        session: of boto3 or botocore; None: one of botocore, with the environment's credentials.

    Raises:
        UsageError: a package is not installed, or the session is for an event loop.
    """

    def __init__(self, configured: Settings, session: Any) -> None:
        _require("aws", "botocore", "hiredis", "pydantic")
        _check_session(session, on_loop=False)
        from turnlog.drivers.blocking import Stores  # noqa: PLC0415 (as in `LoopBase`)
        from turnlog.drivers.translate import for_program  # noqa: PLC0415

        self._told = for_program
        self._kept = PerProcess(lambda: Stores(configured, session), Stores.close)

    async def store(self, seconds: float) -> Store:
        """See `Base`."""
        return self._kept.get().store(seconds)

    async def within(self, seconds: float, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ARG002 (its clock knows)
        """See `Base`."""
        try:
            return await work
        except Exception as error:
            raise self._told(error)  # noqa: B904 (most are raised as they are)

    async def aclose(self) -> None:
        """See `Base`."""
        self._kept.close()


class TableWay:
    """The operations on the table, for a user.

    Args:
        user_id: whose sessions; who may be that is for the program to know. None: `as_user` says it.
        base: the clients.
        seconds: how long an operation may take.
    """

    def __init__(self, user_id: str | None, base: Base, seconds: float = OPERATION_SECONDS) -> None:
        self._user_id = user_id
        self._base = base
        self._seconds = seconds

    def as_user(self, user_id: str) -> TableWay:
        """See `Way`."""
        return TableWay(user_id, self._base, self._seconds)

    def with_token(self, token: Any) -> TableWay:  # noqa: ARG002 (see `Way`)
        """See `Way`."""
        raise UsageError("On the table there is no token: use as_user(user_id).")

    async def aclose(self) -> None:
        """See `Way`."""
        await self._base.aclose()

    def holds(self, request: Request) -> bool:  # noqa: ARG002 (nothing is sent)
        """See `Way`."""
        return True

    async def ask(self, request: Request) -> Any:
        """See `Way`."""
        if self._user_id is None and request.bearer is None:
            raise UsageError("No user: give user_id=, or use as_user(user_id).")
        event = {
            "user_id": self._user_id,
            "session_id": request.session_id,
            "name": request.name,
            "file_id": request.file_id,
            "stream_id": request.stream_id,
            "job_id": request.job_id,
            "sequence": request.sequence,
            "body": request.body,
            "query": request.query,
            "headers": request.headers(),
        }
        return await self._base.within(self._seconds, self._answered(request, event))

    async def follow(self, request: Request) -> AsyncGenerator[Any, None]:
        """See `Way`."""
        yield await self.ask(request)

    async def _answered(self, request: Request, event: Mapping[str, Any]) -> Any:
        from turnlog.http import events  # noqa: PLC0415 (what a program through HTTP needs none of)
        from turnlog.http.answers import NEXT_BEFORE, body_of  # noqa: PLC0415
        from turnlog.http.endpoints import load  # noqa: PLC0415

        store = (await self._base.store(self._seconds))._replace(in_process=True)
        call = events.parse(event, "")._replace(bounded=False)
        answer = await load(request.operation).answer(store, call)
        if not request.text:
            return body_of(answer)
        before = answer.headers.get(NEXT_BEFORE)
        return {"text": body_of(answer), "next_before": before and int(before)}


def _require(extra: str, *packages: str) -> None:
    """Look for what an extra brings, without loading it.

    Raises:
        UsageError: a part of it is not installed.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"To work on the table, Turnlog needs {' and '.join(missing)}: pip install 'turnlog[{extra}]'"
        )


def _for_event_loop(session: object) -> bool:
    """Whether a session is of aiobotocore or aioboto3, whose classes derive from botocore's and boto3's."""
    return any(
        kind.__module__.partition(".")[0] in {"aiobotocore", "aioboto3"} for kind in type(session).__mro__
    )


def _check_session(session: object, *, on_loop: bool) -> None:
    """Take a session of the right kind.

    Raises:
        UsageError: it is of the other kind, or none.
    """
    if session is None:
        return
    fits = hasattr(session, "client") or hasattr(session, "create_client")
    if on_loop and not (fits and _for_event_loop(session)):
        raise UsageError(
            "AsyncTurnlog takes a session of aiobotocore or aioboto3; for one of boto3 use Turnlog."
        )
    if not on_loop and (not fits or _for_event_loop(session)):
        raise UsageError(
            "Turnlog takes a session of boto3 or botocore; for one of aioboto3 use AsyncTurnlog."
        )
