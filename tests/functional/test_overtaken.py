"""C3, C7: a try whose reply was lost undoes nothing of another's; an answer is a state that the table had."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.functional.api import Api, user
from tests.functional.world import after_first, first, lost_reply
from turnlog import AsyncTurnlog, errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.server import LocalServer

    Change = Callable[[Api, str], Any]

CHANGES: list[tuple[str, Change, Change]] = [
    ("UpdateItem", lambda api, one: api.title(one, "mine"), lambda api, one: api.title(one, "theirs")),
    ("UpdateItem", lambda api, one: api.title(one, "mine"), lambda api, one: api.put(one, title="theirs")),
    (
        "UpdateItem",
        lambda api, one: api.patch(one, metadata={"a": "mine"}),
        lambda api, one: api.patch(one, metadata={"a": "theirs"}),
    ),
    (
        "UpdateItem",
        lambda api, one: api.patch(one, metadata={"a": "mine"}),
        lambda api, one: api.patch(one, metadata={"a": None}),  # as it was before
    ),
    (
        "TransactWriteItems",
        lambda api, one: api.put(one, title="mine", usage={"prompt_tokens": 1}),
        lambda api, one: api.put(one, title="theirs", usage={"prompt_tokens": 2}),
    ),
    (
        "TransactWriteItems",
        lambda api, one: api.put(one, messages=[user("first"), user("mine")]),
        lambda api, one: api.rewind(one, 1, 2),
    ),
]


@pytest.mark.parametrize(("operation", "mine", "theirs"), CHANGES)
def test_another_came_between_two_tries(api: Api, operation: str, mine: Change, theirs: Change) -> None:
    session_id = api.new(user("first"))
    after: list[Any] = []

    def meanwhile() -> None:
        assert theirs(api, session_id).status == 200
        after.append(api.get(session_id).body)

    with lost_reply(operation, meanwhile):
        mine(api, session_id).problem(503, "unavailable")
    assert [api.get(session_id).body] == after


CREATED: list[tuple[Change, Change]] = [
    (lambda api, one: api.put(one, title="mine"), lambda api, one: api.title(one, "theirs")),
    (
        lambda api, one: api.put(one, messages=[user("a"), user("b")]),
        lambda api, one: api.rewind(one, 0, 2),
    ),
]


@pytest.mark.parametrize(("mine", "theirs"), CREATED)
def test_another_changed_what_a_put_created(api: Api, mine: Change, theirs: Change) -> None:
    after: list[Any] = []

    def meanwhile() -> None:
        assert theirs(api, "s").status == 200
        after.append(api.get("s").body)

    with lost_reply("TransactWriteItems", meanwhile):
        mine(api, "s").problem(503, "unavailable")
    assert [api.get("s").body] == after


def test_another_rewinds_what_a_second_step_stored(api: Api) -> None:
    messages = [user(str(number)) for number in range(150)]

    def lose_the_second() -> None:
        lost.__enter__()

    lost = lost_reply("TransactWriteItems", lambda: api.rewind("s", 50, 150))
    with after_first("TransactWriteItems", lose_the_second):
        api.put("s", messages=messages).problem(503, "unavailable")
    lost.__exit__(None, None, None)
    assert api.get("s").body["message_count"] == 50


def test_an_append_does_not_speak_for_what_came_after_it(api: Api) -> None:
    """Whoever takes it back at its version takes nothing of another's."""
    session_id = api.new(user("q"))

    def meanwhile() -> None:
        assert api.tool_call(session_id, {"id": "theirs"}).status == 200

    with lost_reply("TransactWriteItems", meanwhile):
        appended = api.append(session_id, {"role": "assistant", "content": "a"}).body
    assert (appended["replayed"], appended["version"]) == (False, 2)
    api.rewind(session_id, 1, 2, {"If-Match": '"2"'}).problem(412, "precondition_failed")


def test_a_title_at_one_of_several_versions(api: Api) -> None:
    session_id = api.new()
    with lost_reply("UpdateItem", lambda: api.title(session_id, "theirs")):
        api.title(session_id, "mine", {"If-Match": '"1", "3"'}).problem(503, "unavailable")
    assert api.get(session_id).body["title"] == "theirs"


@pytest.mark.parametrize(("operation", "mine", "theirs"), CHANGES)
def test_nobody_came_between(api: Api, operation: str, mine: Change, theirs: Change) -> None:  # noqa: ARG001
    session_id = api.new(user("first"))
    with lost_reply(operation):
        reply = mine(api, session_id)
    assert (reply.status, reply.body["version"]) == (200, 2)
    shown = api.get(session_id, limit=0).body
    assert {name: shown[name] for name in reply.body} == reply.body


def test_an_append_came_between(api: Api) -> None:
    """Which is no change of fields: what was set stays set, and the sum that others added to."""
    session_id = api.new()

    def meanwhile() -> None:
        api.append(session_id, user("theirs"), usage={"prompt_tokens": 5})

    with lost_reply("TransactWriteItems", meanwhile):
        reply = api.put(session_id, title="mine", usage={"prompt_tokens": 10})
    assert (reply.status, reply.body["usage"]["prompt_tokens"]) == (200, 15)


@pytest.mark.parametrize(
    "between",
    [
        lambda api, one: api.title(one, "theirs"),
        lambda api, one: api.patch(one, metadata={"b": 1}),
        lambda api, one: api.append(one, user("theirs")),
        lambda api, one: api.entries(one, "main", {"n": 1}),
    ],
)
def test_put_answers_a_state_that_the_table_had(api: Api, between: Change) -> None:
    session_id = api.new()
    with first("TransactWriteItems", lambda: between(api, session_id)):
        reply = api.put(session_id, metadata={"a": 1})
    shown = api.get(session_id, limit=0).body
    assert (reply.status, reply.etag) == (200, f'"{shown["version"]}"')
    assert {name: shown[name] for name in reply.body} == reply.body


class Way(httpx.AsyncBaseTransport):
    """The way to the server: the reply to the first request is lost, and another acts before the second."""

    def __init__(self, meanwhile: Callable[[], Any]) -> None:
        self.sent = 0
        self._meanwhile = meanwhile
        self._way = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        reply = await self._way.handle_async_request(request)
        if self.sent == 1:
            await reply.aread()
            await asyncio.to_thread(self._meanwhile)
            raise httpx.ReadError("lost", request=request)
        return reply

    async def aclose(self) -> None:
        await self._way.aclose()


@pytest.mark.thorough
@pytest.mark.parametrize("at_a_version", [True, False])
@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("put_session", {"usage": {"prompt_tokens": 3}}),
        ("put_session", {"title": "mine"}),
        ("put_session", {"metadata": {"a": "mine"}}),
        ("set_title", {"title": "mine"}),
        ("patch_session", {"metadata": {"a": "mine"}}),
    ],
)
def test_the_client_undoes_nothing(
    server: LocalServer, operation: str, given: dict[str, Any], *, at_a_version: bool
) -> None:
    api = Api(server.url, f"user-{uuid4().hex}")
    session_id = api.new()
    after: list[Any] = []

    def meanwhile() -> None:
        api.put(session_id, title="theirs", usage={"prompt_tokens": 7}, metadata={"a": "theirs"})
        after.append(api.get(session_id).body)

    async def main() -> None:
        async with httpx.AsyncClient(transport=Way(meanwhile)) as http:
            turnlog = AsyncTurnlog(url=api.url, token=str(api.user), http_client=http)
            condition = {"if_match": 1} if at_a_version else {}
            await getattr(turnlog, operation)(session_id, **given, **condition)

    with pytest.raises(errors.Unanswered):
        asyncio.run(main())
    assert [api.get(session_id).body] == after


def test_the_client_does_not_undo_a_draft(server: LocalServer) -> None:
    api = Api(server.url, f"user-{uuid4().hex}")
    path = f"/sessions/{api.new()}/draft"

    async def main() -> None:
        way = Way(lambda: api.call("PUT", path, {"messages": [user("theirs")]}))
        async with httpx.AsyncClient(transport=way) as http:
            await AsyncTurnlog(url=api.url, token=str(api.user), http_client=http).put_draft(
                path.split("/")[2], [user("mine")]
            )

    with pytest.raises(errors.Unanswered):
        asyncio.run(main())
    assert api.call("GET", path).body["messages"] == [user("theirs")]


def test_the_client_sends_again_what_undoes_nothing(server: LocalServer) -> None:
    api = Api(server.url, f"user-{uuid4().hex}")
    session_id = api.new(user("first"))

    async def main() -> int:
        way = Way(lambda: None)
        async with httpx.AsyncClient(transport=way) as http:
            turnlog = AsyncTurnlog(url=api.url, token=str(api.user), http_client=http)
            await turnlog.put_session(session_id, messages=[user("first"), user("second")])
            way.sent = 0
            await turnlog.set_title(session_id, "mine", only_if_unset=True)
        return way.sent

    assert asyncio.run(main()) == 2
    assert api.contents(session_id) == ["first", "second"]
    assert api.get(session_id).body["title"] == "mine"
