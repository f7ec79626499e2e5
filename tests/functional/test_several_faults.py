"""A request that meets several faults, one after the other, while others change the session."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.functional.api import Api, user
from tests.functional.world import after_first, first, hook, lost_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def lost_request(operation: str, meanwhile: Callable[[], Any]) -> Iterator[None]:
    """The first request of this kind does not reach the table; its sender cannot know.

    Args:
        operation: the request.
        meanwhile: what goes on before its sender knows.
    """

    def lose() -> None:
        meanwhile()
        raise ConnectionClosedError(endpoint_url="the table")

    with first(operation, lose):
        yield


@contextmanager
def lost_reply_and_throttled(operation: str, meanwhile: Callable[[], Any]) -> Iterator[None]:
    """The first request of this kind is carried out and its reply lost, and the second is refused for now."""
    refused: list[str] = []

    def refuse(event_name: str, **_: Any) -> None:
        if lost and not refused:
            refused.append(event_name)
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, operation)

    lost: list[str] = []

    def act() -> None:
        meanwhile()
        lost.append(operation)

    with hook(f"before-call.dynamodb.{operation}", refuse), lost_reply(operation, act):
        yield
    assert refused


def test_a_put_at_a_version_is_not_made_over_an_append(api: Api) -> None:
    """An append changes no field, and yet it makes another version."""
    session_id = api.new(user("q"))
    with lost_request("TransactWriteItems", lambda: api.append(session_id, user("theirs"))):
        api.put(session_id, {"If-Match": '"1"'}, title="mine").problem(503, "unavailable")
    session = api.get(session_id).body
    assert (session["title"], session["version"]) == (None, 2)


def test_a_put_of_which_a_step_was_made_does_not_set_its_fields_again(api: Api) -> None:
    session_id = api.new()
    messages = [user(str(number)) for number in range(150)]
    with after_first("TransactWriteItems", lambda: api.title(session_id, "theirs")):
        reply = api.put(session_id, {"If-Match": '"1"'}, messages=messages, title="mine")
    assert (reply.status, reply.body["title"], reply.body["message_count"]) == (200, "theirs", 150)


CHANGES: list[Callable[[Api, str], Any]] = [
    lambda api, one: api.title(one, "mine", {"If-Match": '"1"'}),
    lambda api, one: api.patch(one, {"If-Match": '"1"'}, metadata={"a": "mine"}),
    lambda api, one: api.patch(one, metadata={"a": "mine"}),
]


@pytest.mark.parametrize("mine", CHANGES)
def test_a_throttle_does_not_answer_for_the_try_before_it(api: Api, mine: Callable[[Api, str], Any]) -> None:
    """The first try was made, its reply lost and its change replaced: neither 200 nor 412 is true."""
    session_id = api.new(user("q"))
    after: list[Any] = []

    def meanwhile() -> None:
        api.put(session_id, title="theirs", metadata={"a": "theirs"})
        after.append(api.get(session_id).body)

    with lost_reply_and_throttled("UpdateItem", meanwhile):
        mine(api, session_id).problem(503, "unavailable")
    assert [api.get(session_id).body] == after


def test_a_put_that_creates_is_throttled_after_a_lost_reply(api: Api) -> None:
    after: list[Any] = []

    def meanwhile() -> None:
        api.title("s", "theirs")
        after.append(api.get("s").body)

    with lost_reply_and_throttled("TransactWriteItems", meanwhile):
        api.put("s", title="mine").problem(503, "unavailable")
    assert [api.get("s").body] == after


REQUESTS: list[Callable[[Api, str], Any]] = [
    lambda api, one: api.append(one, user("mine")),
    lambda api, one: api.rewind(one, 0, 1, {"If-Match": '"1"'}),
    lambda api, one: api.tool_call(one, {"type": "function", "function": {"name": "f", "arguments": "{}"}}),
    lambda api, one: api.entries(one, "main", {"uuid": "mine"}),
]


@pytest.mark.parametrize("mine", REQUESTS)
def test_what_was_made_in_a_session_that_is_gone_is_not_denied(
    api: Api, mine: Callable[[Api, str], Any]
) -> None:
    """404 would say that nothing was done."""
    session_id = api.new(user("q"))
    with lost_reply("TransactWriteItems", lambda: api.delete(session_id)):
        mine(api, session_id).problem(503, "unavailable")
    mine(api, session_id).problem(404, "not_found")
