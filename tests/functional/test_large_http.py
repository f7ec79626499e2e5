"""Bodies and messages that no request and no answer holds, by programs that know a URL and a token alone."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import anyio
import httpx
import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.test_files import encoded, uploaded
from tests.functional.test_large import noise
from tests.functional.test_programs import blocking_client, client, program
from tests.functional.world import configured, lost_reply
from tests.http_client import request
from turnlog import AsyncTurnlog, Turnlog
from turnlog.errors import Contended, Gone, Invalid, MessageIdReused, NotFound, TooLarge, Unanswered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.server import LocalServer

OVER_HTTP = pytest.mark.parametrize("way", [client, blocking_client])
LARGE = {
    "noise": noise(6_000_000),
    "log": "log line\n" * 700_000,  # compressed, an item would hold it
    "quotes": '"\\' * 1_500_000,
}


@pytest.mark.thorough
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
        read = [message async for message in turnlog.messages("s")]
        assert [one.content for one in read] == ["small", content, "after"]
        assert read[1].raw == {**large, "sequence": 1, "created_at": read[1].raw["created_at"]}
        newest, oldest = await turnlog.get_session("s"), await turnlog.list_messages("s", after=-1)
        assert [one.raw for one in newest.messages] == [one.raw for one in read[1:]]
        assert [one.raw for one in oldest.messages] == [one.raw for one in read[:2]]
        assert (newest.has_more, newest.oldest_sequence) == (True, 1)
        assert (oldest.has_more, oldest.newest_sequence) == (True, 1)
        assert (await turnlog.get_message("s", 1)).raw == appended.messages[0].raw
        with pytest.raises(MessageIdReused):
            await turnlog.append_messages("s", [{**large, "content": content[:-1]}])
        await turnlog.put_session("s", messages=[user("small"), large, user("after"), user("more")])
        assert (await turnlog.append_messages("s", [large], minimal=True)).messages == []

    program(way, server, what)


@pytest.mark.thorough
@OVER_HTTP
@pytest.mark.parametrize("beside", [{}, {"content": None}, {"file": "f", "content": None}])
def test_it_has_a_content_if_it_was_sent_with_one(
    server: LocalServer, way: Any, beside: dict[str, Any]
) -> None:
    large = {"role": "model", "parts": [{"text": LARGE["noise"]}], **beside}

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        (appended,) = (await turnlog.append_messages("s", [large])).messages
        (read,) = [message async for message in turnlog.messages("s")]
        assert appended.to_dict() == read.to_dict() == large

    program(way, server, what)


@pytest.mark.thorough
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


@pytest.mark.thorough
@OVER_HTTP
def test_a_large_put_creates_its_session(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        messages = [user(noise(2_000_000), message_id=f"m{at}") for at in range(4)]
        assert (await turnlog.put_session("s", messages=messages, title="T")).message_count == 4
        assert [one.content async for one in turnlog.messages("s")] == [one["content"] for one in messages]
        with pytest.raises(NotFound):
            await turnlog.append_messages("nothing", messages)

    program(way, server, what)


@pytest.mark.thorough
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


@pytest.mark.thorough
@OVER_HTTP
def test_a_large_create_that_is_refused_leaves_nothing_or_says_what(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        large = [user(LARGE["noise"], message_id="m")]
        with configured(TURNLOG_BUCKET=""), pytest.raises(TooLarge, match="bucket"):
            await turnlog.create_session(session_id="s", messages=large)
        with pytest.raises(NotFound):
            await turnlog.get_session("s")
        wrong = [{"role": "nobody", "content": "x"}, *large]
        with pytest.raises(Invalid, match=r"role.* is there, without these messages") as refused:
            await turnlog.create_session(title="T", messages=wrong)
        made = await turnlog.get_session(refused.value.extra["session_id"])
        assert (made.title, made.message_count) == ("T", 0)
        again = await turnlog.create_session(session_id=made.session_id, title="T", messages=large)
        assert again.message_count == 1

    program(way, server, what)


@pytest.mark.thorough
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


@pytest.mark.thorough
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


@contextmanager
def over(network: Troubled, server: LocalServer) -> Iterator[Turnlog]:
    """A client of a user whom no other test knows, on this network."""
    with (
        httpx.Client(transport=network) as http_client,
        Turnlog(url=server.url, token=f"user-{uuid4().hex}", http_client=http_client) as turnlog,
    ):
        yield turnlog


@pytest.mark.thorough
@pytest.mark.parametrize("troubles", [(403,), (400, 403), (404,), (503, 500), (LOST,), ("short",)], ids=str)
def test_the_client_asks_anew_where_the_bucket_gives_nothing(server: LocalServer, troubles: Any) -> None:
    """403 and 400 are what S3 answers when the address, or the credentials in it, have run out."""
    content, network = LARGE["noise"], Troubled()
    with over(network, server) as turnlog:
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
        assert met(lambda: turnlog.get_session("s")).messages[-1].content == content
        rated = met(lambda: turnlog.edit_message("s", 1, metadata={"rating": 5})).message
        assert (rated.content, rated.metadata) == (content, {"rating": 5})
        call = {"function": {"name": "f"}}  # without an id it may not be sent again
        assert met(lambda: turnlog.add_tool_call("s", call)).message.tool_calls == [call]
        assert turnlog.get_message("s", 1).tool_calls == [call]
        turnlog.append_entries("s", "main", [{"t": content}])
        assert met(lambda: turnlog.read_entries("s", "main")).entries == [{"t": content}]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [httpx.Client, httpx.AsyncClient])
def test_the_bucket_gets_nothing_that_is_meant_for_the_api(
    server: LocalServer, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """S3 refuses a second authorization. And whoever reads an address in a log could use it."""
    caplog.set_level("INFO", "httpx")
    got: list[httpx.Request] = []
    blocking = kind is httpx.Client

    async def seen(request: httpx.Request) -> None:
        got.append(request)

    own = {"authorization": "Basic c2VjcmV0", "x-api-key": "secret"}
    hooks: Any = {"request": [got.append if blocking else seen]}
    http_client = kind(headers=own, cookies={"c": "secret"}, event_hooks=hooks)
    made: Any = (Turnlog if blocking else AsyncTurnlog)(
        url=server.url, token=f"user-{uuid4().hex}", http_client=http_client
    )

    async def done(answer: Any) -> Any:
        return answer if blocking else await answer

    async def what() -> None:
        await done(made.create_session(session_id="s"))
        await done(made.append_messages("s", [user(LARGE["noise"])], minimal=True))
        assert (await done(made.get_message("s", 0))).content == LARGE["noise"]
        await done(made.close() if blocking else made.aclose())
        await done(http_client.close() if blocking else http_client.aclose())

    anyio.run(what)
    bucket = [request for request in got if "/turnlog-transcripts/" in request.url.path]
    assert [request.method for request in bucket] == ["PUT", "GET"]
    assert {name for request in bucket for name in request.headers} == {
        "host",
        "content-length",
        "content-type",
        "x-amz-checksum-sha256",
    }
    logged = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert len([line for line in logged if "/turnlog-transcripts/" in line]) == len(bucket)
    assert "X-Amz-Signature" not in "".join(logged)


@pytest.mark.thorough
def test_a_bucket_that_gives_nothing_is_told(server: LocalServer) -> None:
    network = Troubled()
    with over(network, server) as turnlog:
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


class Unauthorized(Troubled):
    """A network on which the API's gateway refuses to show a message."""

    refusing = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.refusing and request.method == "GET" and "/messages/" in request.url.path:
            return httpx.Response(403, json={"message": "Forbidden"})
        return super().handle_request(request)


@pytest.mark.thorough
def test_a_change_is_not_denied_by_a_look_that_is_refused(server: LocalServer) -> None:
    network = Unauthorized()
    with over(network, server) as turnlog:
        turnlog.create_session(session_id="s", messages=[user("q")])
        turnlog.append_messages("s", [assistant(LARGE["noise"])], minimal=True)
        network.troubles, network.refusing = [403], True
        with pytest.raises(Unanswered, match="The change was made, but not read"):
            turnlog.edit_message("s", 1, metadata={"rating": 5})
        network.refusing = False
        assert turnlog.get_message("s", 1).metadata == {"rating": 5}


class Unreadable(httpx.HTTPTransport):
    """A network on which the bucket takes what comes, and gives nothing."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "/turnlog-transcripts/" in request.url.path and request.method == "GET":
            return httpx.Response(403, text="<Error/>")
        return super().handle_request(request)


@pytest.mark.thorough
def test_what_was_sent_is_not_read_from_the_bucket(server: LocalServer) -> None:
    """Or an append that is stored would end in an error that says nothing was done."""
    token = f"user-{uuid4().hex}"
    large: Any = {
        "role": "assistant",
        "content": LARGE["noise"],
        "name": None,
        "x": (1, 2.5),
        "metadata": {"a": 1},
    }
    with (
        httpx.Client(transport=Unreadable()) as http_client,
        Turnlog(url=server.url, token=token, http_client=http_client) as turnlog,
        Turnlog(url=server.url, token=token) as other,
    ):
        turnlog.create_session(session_id="s", messages=[user("q")])
        appended = turnlog.append_messages("s", [large, user("after", message_id="a")])
        stands = list(other.messages("s"))
        assert [one.raw for one in appended.messages] == [one.raw for one in stands[1:]]
        sent = [{**large, "message_id": stands[1].message_id}, user("after", message_id="a")]
        other.edit_message("s", 1, metadata={"a": 2})
        again = turnlog.append_messages("s", sent)
        assert (again.replayed, again.messages[0].raw) == (True, other.get_message("s", 1).raw)
        replaced = other.edit_message("s", 1, replace={"role": "assistant", "content": LARGE["quotes"]})
        with pytest.raises(Unanswered, match=r"stored, within the sequences 1 to 2, but were not read"):
            turnlog.append_messages("s", sent)
        assert other.append_messages("s", sent).messages[0].raw == replaced.message.raw


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_any_client_reads_what_no_answer_holds(api: Api) -> None:
    session, content = api.new(user("q")), LARGE["noise"]
    body = encoded({"messages": [assistant(content, message_id="m", metadata={"a": 1}), user("after")]})
    path = f"/sessions/{session}/messages"
    file_id = uploaded(api, session, body, purpose="body")
    assert api.call("POST", path, query={"body_file": file_id}).status == 201
    for read in (
        api.get(session).body["messages"][0],
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


@pytest.mark.thorough
def test_a_page_names_one_message_that_no_answer_holds(api: Api) -> None:
    """G8: a client reads each that is named, and has 15 minutes for it."""
    session = api.new(user("first"))
    path, large = f"/sessions/{session}/messages", [assistant(LARGE["log"]), user("small")]
    file_id = uploaded(api, session, encoded({"messages": large}), purpose="body")
    for _ in range(2):
        assert api.call("POST", path, query={"body_file": file_id}).status == 201

    def sequences(page: dict[str, Any]) -> tuple[list[int], bool]:
        return [one["sequence"] for one in page["messages"]], page["has_more"]

    assert sequences(api.get(session).body) == ([3, 4], True)
    assert sequences(api.get(session, before=3).body) == ([1, 2], True)
    assert sequences(api.get(session, before=1).body) == ([0], False)
    assert sequences(api.messages(session, after=-1).body) == ([0, 1], True)
    assert sequences(api.messages(session, after=1).body) == ([2, 3], True)
    assert sequences(api.messages(session, after=3).body) == ([4], False)


def test_a_field_of_a_message_is_no_address(api: Api) -> None:
    """What a user's message has as `file` is the user's own."""
    session = api.new(user(None, file={"url": "http://elsewhere.invalid/"}))
    assert api.get(session).body["messages"][0]["content"] is None
