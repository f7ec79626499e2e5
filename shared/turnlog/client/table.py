"""The operations as methods, directly on the table and the cache: for programs that AWS's IAM lets there.

A call is the direct invoke of a function, in this process and on the driver for an event loop: the same
models check it, and the same coroutine answers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from turnlog.client.methods import Turnlog
from turnlog.drivers.event_loop import OPERATION_SECONDS
from turnlog.errors import Unanswered
from turnlog.http import events
from turnlog.http.answers import respond
from turnlog.http.endpoints import load

if TYPE_CHECKING:
    from turnlog.client.asking import Request
    from turnlog.drivers.event_loop import AsyncStores


class TurnlogDirect(Turnlog):
    """A user's sessions, on stores that may serve many users and tasks at once.

        async with AsyncStores() as stores:
            turnlog = TurnlogDirect("alice", stores)
            await turnlog.append_messages("session-1", [{"role": "user", "content": "Hello"}])

    Args:
        user_id: whose sessions; who may be that is for the program to know.
        stores: what to work on, entered.
        seconds: how long an operation may take.
    """

    def __init__(self, user_id: str, stores: AsyncStores, *, seconds: float = OPERATION_SECONDS) -> None:
        self._user_id = user_id
        self._stores = stores
        self._seconds = seconds

    async def ask(self, request: Request) -> Any:
        """See `Turnlog`."""
        endpoint = load(request.operation)
        event = {
            "user_id": self._user_id,
            "session_id": request.session_id,
            "name": request.name,
            "body": request.body,
            "query": request.query,
            "headers": {} if request.if_match is None else {"if-match": f'"{request.if_match}"'},
        }
        call = events.parse(event, "")
        try:
            async with asyncio.timeout(self._seconds):
                answer = await endpoint.answer(self._stores.store(self._seconds), call)
        except TimeoutError as error:
            raise Unanswered("The time is over.") from error
        return respond(call, answer)["body"]
