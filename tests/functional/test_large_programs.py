"""Messages that no answer of the API holds: programs that work on the table store and read them whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.bucket import bucket_requests
from tests.functional.test_files import encoded
from tests.functional.test_large import CALL, noise
from tests.functional.test_programs import blocking_direct, direct, program
from turnlog.errors import Diverged, MessageIdReused, TooLarge
from turnlog.limits import MESSAGE_LIMIT, PARSED_BYTES, PAYLOAD_LIMIT, REQUEST_LIMIT
from turnlog.wire import payload_size

if TYPE_CHECKING:
    from infra.local.server import LocalServer
    from tests.functional.world import TableView
    from turnlog import AsyncTurnlog

ON_THE_TABLE = pytest.mark.parametrize("way", [direct, blocking_direct])
LARGE = {
    "noise": noise(6_000_000),
    "log": "log line\n" * 700_000,
    "quotes": '"\\' * 1_500_000,
}
SMALL = user("small", message_id="s")


async def contents(turnlog: AsyncTurnlog, session_id: str = "s") -> list[Any]:
    return [message.content async for message in turnlog.messages(session_id)]


@pytest.mark.thorough
@ON_THE_TABLE
@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_it_is_whole(server: LocalServer, way: Any, content: str) -> None:
    large = assistant(content, message_id="large")

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s", messages=[SMALL])
        appended = await turnlog.append_messages("s", [large, user("after")])
        assert appended.messages[0].content == content
        again = await turnlog.append_messages("s", [large])
        assert (again.replayed, again.messages[0].raw) == (True, appended.messages[0].raw)
        assert await contents(turnlog) == ["small", content, "after"]
        newest = await turnlog.get_session("s")
        assert ([one.content for one in newest.messages], newest.has_more) == (["after"], True)
        before = await turnlog.get_session("s", before=2)
        assert ([one.content for one in before.messages], before.has_more) == ([content], True)
        await turnlog.drop_cache("s")
        assert await contents(turnlog) == ["small", content, "after"]
        await turnlog.put_session("s", messages=[SMALL, large, user("after"), large | {"message_id": "n"}])
        assert await contents(turnlog) == ["small", content, "after", content]
        called = await turnlog.add_tool_call("s", CALL)
        # So large a message is not parsed for a call: the call gets a message of its own.
        alone = payload_size(encoded(content)) > PARSED_BYTES
        assert (called.message.content, called.message.tool_calls) == ("" if alone else content, [CALL])
        assert (await contents(turnlog))[-1] == ("" if alone else content)
        for wrong, call in (
            (MessageIdReused, turnlog.append_messages("s", [large | {"content": content[:-1]}])),
            (Diverged, turnlog.put_session("s", messages=[SMALL, large | {"content": content[:-1]}])),
        ):
            with pytest.raises(wrong):
                await call
        await turnlog.rewind_session("s", to_sequence=1, expected_sequence=5 if alone else 4)
        assert await contents(turnlog) == ["small"]

    program(way, server, what)


@pytest.mark.thorough
@ON_THE_TABLE
def test_64_mb(server: LocalServer, way: Any) -> None:
    """And not a byte more. What compresses to nothing is still no more than that."""

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        for content in ("x" * (MESSAGE_LIMIT - 1_000), noise(20_000_000)):
            await turnlog.append_messages("s", [user(content)])
            assert (await turnlog.get_session("s", limit=1)).messages[0].content == content
        with pytest.raises(TooLarge, match=f"at most {MESSAGE_LIMIT} bytes"):
            await turnlog.append_messages("s", [user("x" * MESSAGE_LIMIT)])
        assert (await turnlog.get_session("s", limit=0)).message_count == 2

    program(way, server, what)


@pytest.mark.thorough
def test_over_http_it_is_read_from_the_bucket(server: LocalServer) -> None:
    """The answer says where; no function reads it for that. What has to hold it is refused."""
    name = "reader-of-large-ones"

    async def what(turnlog: AsyncTurnlog) -> None:
        mine = turnlog.as_user(name)
        await mine.create_session(session_id="s", messages=[SMALL])
        await mine.append_messages("s", [assistant(LARGE["noise"], message_id="large"), user("after")])

    program(direct, server, what)
    api = Api(server.url, name)
    for _ in range(2):
        with bucket_requests() as asked:
            newest = api.get("s").body
            assert [one.get("content") for one in newest["messages"]] == [None, "after"]
            assert newest["has_more"] is True
            for reply in (api.get("s", before=2, limit=1), api.messages("s", after=0, limit=1)):
                (read,) = reply.body["messages"]
                assert (read["sequence"], read["file"]["size"] > PAYLOAD_LIMIT) == (1, True)
            assert [one["content"] for one in api.get("s", before=1).body["messages"]] == ["small"]
            assert [one["content"] for one in api.messages("s", after=1).body["messages"]] == ["after"]
            assert api.export("s").body["has_more"] is True
        assert asked == []
        api.call("DELETE", "/sessions/s/cache")
    assert api.rewind("s", 2, 3).status == 200
    assert api.export("s").body["file"]["size"] > PAYLOAD_LIMIT
    called = api.tool_call("s", CALL)
    assert (called.status, called.body["message"]["file"]["size"] > PAYLOAD_LIMIT) == (200, True)
    assert api.get("s", limit=0).body["message_count"] == 2
    assert api.append("s", user("q")).status == 201
    assert api.tool_call("s", CALL).status == 200


@pytest.mark.thorough
@ON_THE_TABLE
def test_metadata_counts_in_what_one_transaction_takes(
    server: LocalServer, table: TableView, way: Any
) -> None:
    """DynamoDB takes 4 MB; so contents go to the bucket until what is left fits."""
    sent = [user(noise(40_000), metadata={"a": noise(30_000)}) for _ in range(99)]
    users: list[str] = []

    async def what(turnlog: AsyncTurnlog) -> None:
        made = await turnlog.create_session(session_id="s")
        users.append(made.user_id)
        await turnlog.append_messages("s", sent, minimal=True)

    program(way, server, what)
    rows = table.session(users[0], "s").values()
    stored = [len(value["B"]) for item in rows for value in item.values() if "B" in value]
    assert len(stored) >= 2 * len(sent)
    assert sum(stored) <= REQUEST_LIMIT + 2_048  # ids, the ring
