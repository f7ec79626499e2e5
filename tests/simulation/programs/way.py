"""The way of a program to the API: httpx's transport, under a client that is as it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from tests.simulation.objects import BUCKET_URL
from tests.simulation.programs.gateway import own_responses, request_of, response_to
from tests.simulation.programs.troubles import BUCKET_TROUBLES, CRASHED, TROUBLES, Served, Trouble
from tests.simulation.scheduler import Point, suspended

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator, Callable

    from tests.simulation.programs.calls import Call
    from tests.simulation.programs.loop import ProgramLoop
    from tests.simulation.requests import Reply, Request
    from tests.simulation.world import World

# That a function has: where everything fails, it tries as long as there is time.
_SECONDS = (1.2, 1.02, 3.0, 6.0)


class _Cut(httpx.AsyncByteStream):
    """An answer that ends in the middle."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content[: len(self._content) // 2]
        raise httpx.RemoteProtocolError("The peer closed the connection in the middle of its answer.")


class Way(httpx.AsyncBaseTransport):
    """What carries the requests of one program.

    Args:
        world: where the functions are.
        loop: on which the program runs.
        name: of the program.
        trouble: says for a request which trouble it has; `again`: the one before it had one.

    Attributes:
        world: see above, as for `name`.
        skew: seconds that the functions' clocks are fast.
        call: the program's, for which it sends.
    """

    call: Call

    def __init__(
        self,
        world: World,
        loop: ProgramLoop,
        name: str,
        trouble: Callable[[bool], str | None],
    ) -> None:
        self.world = world
        self.name = name
        self.skew = 0.0
        self._loop = loop
        self._trouble = trouble

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        if (url := str(request.url)).startswith(BUCKET_URL):
            return self._from_bucket(unquote(url.removeprefix(BUCKET_URL)))
        answer: Future[httpx.Response] = self._loop.create_future()
        number = self.call.sent = self.call.sent + 1
        name = f"{self.name}, request {number} of call {self.call.number}"
        self.world.scheduler.spawn(name, self._carry(name, self.call, request_of(request), answer))
        return await answer

    def _from_bucket(self, key: str) -> httpx.Response:
        """What the bucket answers at an address, which may have run out, or lead to what was deleted since.

        Raises:
            httpx.ReadError: no answer.
        """
        seen: str | None = None
        if self._trouble(self.call.troubled):
            seen = BUCKET_TROUBLES[self.world.chooser.choose(len(BUCKET_TROUBLES))]
            self.world.faults[seen] += 1
            self.world.trace.append((self.world.seconds, self.name, "the bucket", {"Key": key}, seen))
        self.call.troubled = seen is not None
        if (kept := self.world.objects.kept.get(key)) is None:
            return httpx.Response(404)
        packed = {} if kept.data.startswith(b"{") else {"content-encoding": "gzip"}
        match seen:
            case None:
                return httpx.Response(200, headers=packed, content=kept.data)
            case "bucket: answer cut":
                return httpx.Response(200, headers=packed, stream=_Cut(kept.data))
            case "bucket: answer short":
                return httpx.Response(200, headers=packed, content=kept.data[: len(kept.data) // 2])
            case "bucket: 403":
                return httpx.Response(403)
            case "bucket: 503":
                return httpx.Response(503)
        raise httpx.ReadError("No answer came.")

    async def _carry(self, name: str, call: Call, request: Request, answer: Future[httpx.Response]) -> None:
        await suspended(Point())
        kind = self._trouble(call.troubled)
        call.troubled = kind is not None
        trouble = TROUBLES[kind] if kind else None
        if kind:
            self.world.faults[kind] += 1
            self.world.trace.append((self.world.seconds, name, "on its way", vars(request), kind))
        reply: Reply | None = None
        if trouble is None or trouble.served is Served.NOW:
            reply = await self._served(name, call, request)
        elif trouble.served is Served.LATER:
            self.world.scheduler.spawn(f"{name}, late", self._late(name, call, request))
        if reply is None and trouble is None:
            trouble = CRASHED[self.world.chooser.choose(len(CRASHED))]
        if not answer.done():  # else nobody waits for it any more
            try:
                answer.set_result(self._seen(trouble, request, reply, call))
            except httpx.TransportError as error:
                answer.set_exception(error)
        self._loop.settle()

    async def _late(self, name: str, call: Call, request: Request) -> None:
        await suspended(Point())
        await self._served(f"{name}, late", call, request)

    async def _served(self, name: str, call: Call, request: Request) -> Reply | None:
        seconds = _SECONDS[self.world.chooser.choose(len(_SECONDS))]
        return await self.world.serve(name, request, seconds=seconds, skew=self.skew, works=call.works)

    def _seen(
        self, trouble: Trouble | None, request: Request, reply: Reply | None, call: Call
    ) -> httpx.Response:
        """What the program sees.

        Raises:
            httpx.TransportError: no answer.
        """
        if trouble is None:
            assert reply is not None
            call.answered.append((request, reply))
            return response_to(request, reply)
        if isinstance(trouble.seen, int):
            responses = own_responses(trouble.seen)
            return responses[self.world.chooser.choose(len(responses))]
        if trouble.seen is None and reply is not None and reply.raw:
            whole = response_to(request, reply)
            return httpx.Response(whole.status_code, headers=whole.headers, stream=_Cut(whole.content))
        raise (trouble.seen or httpx.ReadError)("No answer came.")
