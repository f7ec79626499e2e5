"""Methods that are written once: as coroutines, which a blocking client runs to their end.

A method is an `async def` over a `Way`. An async client gives it as it is. The way of a blocking client never
waits for an event loop, so one step runs the whole method, and its methods are plain calls. Type checkers and
editors see for each of the two what it gives.
"""

from __future__ import annotations

from functools import update_wrapper
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from turnlog.coroutines import iterate, run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

P = ParamSpec("P")
T = TypeVar("T")


class Blocking:
    """A client whose way never waits for an event loop."""


class Suspending:
    """A client for an event loop."""


class method(Generic[P, T]):  # noqa: N801 (a decorator)
    """A method of both clients: a call of one, a coroutine of the other."""

    def __init__(self, coroutine: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> None:
        self._coroutine = coroutine

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]: ...

    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, client: Suspending, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, client: Any, owner: type) -> Any:
        """The method of a client."""
        if client is None:
            return self._coroutine
        bound = MethodType(self._coroutine, client)
        return _runs(bound, run) if isinstance(client, Blocking) else bound


class pages(Generic[P, T]):  # noqa: N801 (a decorator)
    """A method of both clients that gives one thing after the other, and reads pages as they are needed."""

    def __init__(self, generator: Callable[Concatenate[Any, P], AsyncGenerator[T, None]]) -> None:
        self._generator = generator

    @overload
    def __get__(
        self, client: None, owner: type
    ) -> Callable[Concatenate[Any, P], AsyncGenerator[T, None]]: ...

    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, Generator[T, None, None]]: ...

    @overload
    def __get__(self, client: Suspending, owner: type) -> Callable[P, AsyncGenerator[T, None]]: ...

    def __get__(self, client: Any, owner: type) -> Any:
        """The method of a client."""
        if client is None:
            return self._generator
        bound = MethodType(self._generator, client)
        return _runs(bound, iterate) if isinstance(client, Blocking) else bound


def _runs(bound: MethodType, runner: Callable[[Any], Any]) -> Callable[..., Any]:
    def call(*args: Any, **given: Any) -> Any:
        return runner(bound(*args, **given))

    return update_wrapper(call, bound)
