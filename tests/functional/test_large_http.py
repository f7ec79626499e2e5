"""Bodies and messages that no request and no answer holds, by programs that know a URL and a token alone."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.test_files import encoded, uploaded
from tests.functional.test_large import noise
from tests.functional.test_programs import blocking_client, client, program
from tests.functional.world import configured, lost_reply
from tests.http_client import request
from turnlog import Turnlog
from turnlog.errors import Contended, Gone, MessageIdReused, NotFound, TooLarge, Unanswered

if TYPE_CHECKING:
    from infra.local.server import LocalServer
    from turnlog import AsyncTurnlog

OVER_HTTP = pytest.mark.parametrize("way", [client, blocking_client])
LARGE = {
    "noise": noise(6_000_000),
    "log": "log line\n" * 700_000,  # compressed, an item would hold it
    "quotes": '"\\' * 1_500_000,
}


@OVER_HTTP
@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE)
def test_a_message_is_sent_and_read_whole(server: LocalServer, way: Any, content: str) -> None:
    large = assistant(content, message_id="large", annotations=["kept"], metadata={"a": 1})

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s", messages=[user("small", message_id="s")])
        appended = await turnlog.append_messages("s", [large, user("after")])
        assert [one.content for one in appended.messages] == [content, "after"]
        again = await turnlog.append_messages("s", [large])
        assert (again.replayed, again.messages[0].raw) == (True, appended.messages[0].raw)
        for read in (
            (await turnlog.get_session("s")).messages,
            (await turnlog.list_messages("s", after=-1)).messages,
            [message async for message in turnlog.messages("s")],
        ):
            assert [one.content for one in read] == ["small", content, "after"]
            assert read[1].raw == {
                **large,
                "sequence": 1,
                "created_at": read[1].raw["created_at"],
            }
        assert (await turnlog.get_message("s", 1)).raw == appended.messages[0].raw
        with pytest.raises(MessageIdReused):
            await turnlog.append_messages("s", [{**large, "content": content[:-1]}])
        await turnlog.put_session("s", messages=[user("small"), large, user("after"), user("more")])
        assert (await turnlog.append_messages("s", [large], minimal=True)).messages == []

    program(way, server, what)


@OVER_HTTP
def test_a_message_is_replaced_by_a_larger_one_and_edited(server: LocalServer, way: Any) -> None:
    large, call = assistant(LARGE["noise"], annotations=["kept"]), {"id": "c", "function": {"name": "f"}}

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s", messages=[user("q"), assistant("small")])
        with lost_reply("TransactWriteItems"):
            edited = await turnlog.edit_message("s", 1, replace=large, edit_id="e", message_id=None)
        stands = edited.message
        assert (stands.content, stands["annotations"], stands.sequence) == (large["content"], ["kept"], 1)
        again = await turnlog.edit_message("s", 1, replace=large, edit_id="e")
        assert again.raw == edited.raw
        rated = await turnlog.edit_message("s", stands, metadata={"rating": 5})
        assert rated.message.raw == {**stands.raw, "metadata": {"rating": 5}}
        bearing = (await turnlog.add_tool_call("s", call)).message
        assert (bearing.content, bearing.tool_calls, bearing.metadata) == (
            large["content"],
            [call],
            {"rating": 5},
        )
        assert (await turnlog.add_tool_call("s", call)).message.raw == bearing.raw
        assert (await turnlog.get_message("s", 1)).raw == bearing.raw
        removed = await turnlog.edit_message("s", 1, removed=True)
        assert (removed.message.content, removed.message.removed) == (None, True)

    program(way, server, what)


@OVER_HTTP
def test_a_large_put_creates_its_session(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        messages = [user(noise(2_000_000), message_id=f"m{at}") for at in range(4)]
        assert (await turnlog.put_session("s", messages=messages, title="T")).message_count == 4
        assert [one.content async for one in turnlog.messages("s")] == [one["content"] for one in messages]
        with pytest.raises(NotFound):
            await turnlog.append_messages("nothing", messages)

    program(way, server, what)


@OVER_HTTP
def test_a_large_create_is_finished_by_its_repeat(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        messages = [user(noise(2_000_000), message_id=f"m{at}") for at in range(4)]
        begun: Any = {"messages": messages, "title": "T", "usage": {"prompt_tokens": 5}}
        created = await turnlog.create_session(session_id="s", **begun)
        assert (created.message_count, created.title, created.usage.prompt_tokens) == (4, "T", 5)
        assert [one.content async for one in turnlog.messages("s")] == [one["content"] for one in messages]
        # As after a crash in the middle.
        await turnlog.create_session(session_id="crashed", messages=messages[:1])
        for _ in range(2):
            finished = await turnlog.create_session(session_id="crashed", **begun)
            assert finished.message_count == 4
        # It was there before, and is answered as it is.
        await turnlog.create_session(session_id="other", messages=[user("Hi")])
        assert (await turnlog.create_session(session_id="other", **begun)).message_count == 1
        await turnlog.delete_session("s")
        with pytest.raises(Gone):
            await turnlog.create_session(session_id="s", **begun)
        anew = await turnlog.create_session(session_id="s", recreate=True, **begun)
        assert anew.message_count == 4
        with pytest.raises(TooLarge, match="several requests"):
            await turnlog.create_session(session_id="huge", messages=[user("x" * (65 << 20))])
        with pytest.raises(NotFound):
            await turnlog.get_session("huge")

    program(way, server, what)


def test_a_text_that_no_request_holds_is_imported(api: Api) -> None:
    session = api.new()
    entries = [{"uuid": f"e{at}", "text": noise(1_000_000)} for at in range(8)]
    text = b"".join(encoded(entry) + b"\n" for entry in entries)
    body_file = uploaded(api, session, text, purpose="body")
    path = f"/sessions/{session}/transcripts/main"
    imported = api.call("PUT", path, query={"format": "jsonl", "body_file": body_file})
    assert (imported.status, imported.body["added"]) == (201, 8)
    again = api.call("PUT", path, query={"format": "jsonl", "body_file": body_file})
    assert (again.status, again.body["added"], again.body["entry_count"]) == (200, 0, 8)


@OVER_HTTP
def test_a_lost_answer_to_a_large_append_stores_it_once(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        with lost_reply("TransactWriteItems"):
            await turnlog.append_messages("s", [assistant(LARGE["noise"])])
        assert [one.content async for one in turnlog.messages("s")] == [LARGE["noise"]]

    program(way, server, what)


class Troubled(httpx.HTTPTransport):
    """The network, on which the next requests to the bucket meet these troubles, one after the other."""

    def __init__(self, *troubles: Any) -> None:
        super().__init__()
        self.troubles = list(troubles)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "/turnlog-transcripts/" not in request.url.path or not self.troubles:
            return super().handle_request(request)
        match self.troubles.pop(0):
            case int(status):
                return httpx.Response(status, text="<Error/>")
            case "short":
                whole = super().handle_request(request)
                return httpx.Response(200, headers={"content-encoding": "gzip"}, content=whole.read()[:1_000])
            case trouble:
                raise trouble


LOST = httpx.ReadTimeout("nothing came")


@pytest.mark.parametrize("troubles", [(403,), (400, 403), (404,), (503, 500), (LOST,), ("short",)], ids=str)
def test_the_client_asks_anew_where_the_bucket_gives_nothing(server: LocalServer, troubles: Any) -> None:
    """403 and 400 are what S3 answers when the address, or the credentials in it, have run out."""
    content, network = LARGE["noise"], Troubled()
    with (
        httpx.Client(transport=network) as http_client,
        Turnlog(url=server.url, token=f"user-{uuid4().hex}", http_client=http_client) as turnlog,
    ):
        turnlog.create_session(session_id="s", messages=[user("q")])

        def met(call: Any) -> Any:
            network.troubles = list(troubles)
            answer = call()
            assert network.troubles == []
            return answer

        if "short" not in troubles:  # that is an answer to a read
            met(lambda: turnlog.append_messages("s", [assistant(content)], minimal=True))
        else:
            turnlog.append_messages("s", [assistant(content)], minimal=True)
        assert met(lambda: turnlog.get_message("s", 1)).content == content
        assert met(lambda: turnlog.get_session("s")).messages[1].content == content
        rated = met(lambda: turnlog.edit_message("s", 1, metadata={"rating": 5})).message
        assert (rated.content, rated.metadata) == (content, {"rating": 5})
        call = {"function": {"name": "f"}}  # without an id it may not be sent again
        assert met(lambda: turnlog.add_tool_call("s", call)).message.tool_calls == [call]
        assert turnlog.get_message("s", 1).tool_calls == [call]
        turnlog.append_entries("s", "main", [{"t": content}])
        assert met(lambda: turnlog.read_entries("s", "main")).entries == [{"t": content}]


def test_a_bucket_that_gives_nothing_is_told(server: LocalServer) -> None:
    network = Troubled()
    with (
        httpx.Client(transport=network) as http_client,
        Turnlog(url=server.url, token=f"user-{uuid4().hex}", http_client=http_client) as turnlog,
    ):
        turnlog.create_session(session_id="s", messages=[user("q")])
        network.troubles = [403] * 20
        with pytest.raises(Contended, match=r"bucket answered 403 .* Try again"):
            turnlog.append_messages("s", [assistant(LARGE["noise"])])
        assert turnlog.get_session("s").message_count == 1
        network.troubles = []
        turnlog.append_messages("s", [assistant(LARGE["noise"])], minimal=True)
        network.troubles = [LOST] * 20
        with pytest.raises(Contended, match="bucket could not be reached"):
            turnlog.get_message("s", 1)
        with pytest.raises(Unanswered, match="The change was made"):
            turnlog.edit_message("s", 1, metadata={"rating": 5})
        network.troubles = []
        assert turnlog.get_message("s", 1).metadata == {"rating": 5}


@OVER_HTTP
def test_what_no_file_holds_is_refused(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        with pytest.raises(TooLarge, match="several requests"):
            await turnlog.append_messages("s", [user("x" * (65 << 20))])
        with configured(TURNLOG_BUCKET=""), pytest.raises(TooLarge, match="bucket"):
            await turnlog.append_messages("s", [user(LARGE["noise"])])
        assert (await turnlog.get_session("s")).messages == []

    program(way, server, what)


def test_any_client_reads_what_no_answer_holds(api: Api) -> None:
    session, content = api.new(user("q")), LARGE["noise"]
    body = encoded({"messages": [assistant(content, message_id="m", metadata={"a": 1}), user("after")]})
    path = f"/sessions/{session}/messages"
    file_id = uploaded(api, session, body, purpose="body")
    assert api.call("POST", path, query={"body_file": file_id}).status == 201
    for read in (
        api.get(session).body["messages"][1],
        api.messages(session, after=0).body["messages"][0],
        api.call("GET", f"{path}/1").body,
    ):
        told = {"sequence", "message_id", "created_at", "metadata", "role", "file"}
        assert (read.keys(), read["sequence"], read["role"]) == (told, 1, "assistant")
        assert read["file"].keys() == {"url", "size", "expires_at"}
        assert read["file"]["size"] > len(content)
        url = urlsplit(read["file"]["url"])
        reply = request(f"{url.scheme}://{url.netloc}", "GET", f"{url.path}?{url.query}")
        assert (reply.status, reply.headers["content-encoding"]) == (200, "gzip")
        assert reply.headers["content-type"] == "application/json"
        assert json.loads(gzip.decompress(reply.raw)) == {"role": "assistant", "content": content}
    assert [one["sequence"] for one in api.get(session).body["messages"]] == [0, 1, 2]


def test_a_field_of_a_message_is_no_address(api: Api) -> None:
    """What a user's message has as `file` is the user's own."""
    session = api.new(user(None, file={"url": "http://elsewhere.invalid/"}))
    assert api.get(session).body["messages"][0]["content"] is None
