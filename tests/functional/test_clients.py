"""What both clients are to a program: settings, types, threads, forks, loops, errors that say what to do."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import botocore.session
import httpx
import pytest
from aiobotocore.session import AioSession

from tests.functional.api import assistant, user
from turnlog import AsyncTurnlog, Turnlog
from turnlog.client import methods
from turnlog.client.request import Request
from turnlog.errors import (
    Conflict,
    Contended,
    Invalid,
    NotFound,
    TurnlogError,
    Unauthenticated,
    UsageError,
)
from turnlog.models import answers
from turnlog.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.local.server import LocalServer

Client = Turnlog | AsyncTurnlog


def someone() -> str:
    return f"user-{uuid4().hex}"


@pytest.fixture(params=["table", "http"])
def turnlog(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[Turnlog]:
    name = someone()
    to: dict[str, Any] = {"user_id": name} if request.param == "table" else {"url": server.url, "token": name}
    with Turnlog(**to) as made:
        yield made


@pytest.fixture
def made_async(turnlog: Turnlog, server: LocalServer) -> AsyncTurnlog:
    """An async client for the user and on the way of the other one."""
    session = turnlog.create_session()
    name = session.user_id
    if type(turnlog._way).__name__ == "TableWay":
        return AsyncTurnlog(user_id=name)
    return AsyncTurnlog(url=server.url, token=name)


def test_answers_are_typed(turnlog: Turnlog) -> None:
    sent = [
        user("q", message_id="q"),
        {
            **assistant(None),
            "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}, "x": [1.5]}],
        },
    ]
    session = turnlog.create_session(title="t", metadata={"a": {"b": None}})
    appended = turnlog.append_messages(session.session_id, sent, usage={"prompt_tokens": 3})
    assert isinstance(appended, answers.Appended)
    assert (appended.first_sequence, appended.replayed) == (0, False)
    found = turnlog.get_session(session.session_id)
    assert (found.title, found.metadata, found.usage.prompt_tokens) == ("t", {"a": {"b": None}}, 3)
    assert found.updated_at.tzinfo is UTC
    assert found.updated_at >= found.started_at
    first, second = found.messages
    assert (first.role, first.content, first.message_id, first.sequence) == ("user", "q", "q", 0)
    assert [message.to_dict() for message in found.messages] == [user("q"), sent[1]]
    assert second.tool_calls == sent[1]["tool_calls"]
    assert [*turnlog.messages(session.session_id)] == [first, second]
    assert turnlog.append_messages(session.session_id, [first]).replayed  # an answer may be sent back
    put = turnlog.put_session(session.session_id, messages=found.messages)
    assert put.message_count == 2


def test_a_token_may_change(server: LocalServer) -> None:
    names = [someone(), someone()]

    async def coming() -> str:
        await asyncio.sleep(0)
        return names[0]

    async def main() -> list[str]:
        async with AsyncTurnlog(url=server.url, token=coming) as turnlog:
            first = await turnlog.create_session()
            second = await turnlog.with_token(names[1]).create_session()
            return [first.user_id, second.user_id]

    assert asyncio.run(main()) == names
    current = [names[0]]
    with Turnlog(url=server.url, token=lambda: current[0]) as turnlog:
        assert turnlog.create_session().user_id == names[0]
        current[0] = names[1]
        assert turnlog.create_session().user_id == names[1]


@pytest.mark.thorough
def test_threads_share_a_client(turnlog: Turnlog) -> None:
    session = turnlog.create_session()

    def write(number: int) -> int:
        return turnlog.append_messages(session.session_id, [user(str(number))]).first_sequence

    with ThreadPoolExecutor(8) as pool:
        sequences = [*pool.map(write, range(40))]
    stored = [message.content for message in turnlog.messages(session.session_id)]
    assert [stored[sequence] for sequence in sequences] == [str(number) for number in range(40)]


FORKING = """
import os, sys
from turnlog import Turnlog

def write(turnlog, name):
    for number in range(20):
        turnlog.append_messages("s", [{"role": "user", "content": f"{name} {number}"}])

turnlog = Turnlog(**eval(sys.argv[1]))
turnlog.create_session(session_id="s")
way = turnlog._way
kept = (way._base if hasattr(way, "_base") else way._link)._kept
before = kept.get()
child = os.fork()
assert (kept.get() is before) == (child != 0)
write(turnlog, "child" if child == 0 else "parent")
if child == 0:
    turnlog.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
said = [message.content for message in turnlog.messages("s")]
for name in ("child", "parent"):
    assert [one for one in said if one.startswith(name)] == [f"{name} {number}" for number in range(20)]
print(len(said))
"""


@pytest.mark.thorough
@pytest.mark.parametrize("way", ["table", "http"])
def test_a_forked_process_has_connections_of_its_own(server: LocalServer, way: str) -> None:
    to = {"user_id": someone()} if way == "table" else {"url": server.url, "token": someone()}
    command = [sys.executable, "-c", FORKING, repr(to)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == ("40\n", 0), done.stderr


# A loop that ends leaves the connections open that were made on it.
ENDED = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.mark.thorough
@ENDED
def test_one_event_loop_after_the_other(made_async: AsyncTurnlog) -> None:
    async def write() -> int:
        return (await made_async.create_session()).version

    assert [asyncio.run(write()) for _ in range(3)] == [1, 1, 1]
    with asyncio.Runner() as one, asyncio.Runner() as other:
        # In turns, each on its own connections.
        assert [one.run(write()), other.run(write()), one.run(write())] == [1, 1, 1]
        one.run(made_async.aclose())
    gc.collect()


@pytest.mark.thorough
@ENDED
def test_a_second_thread_is_told_what_to_do_at_once(made_async: AsyncTurnlog) -> None:
    told: list[object] = []

    async def use() -> None:
        told.append((await made_async.create_session()).version)

    def elsewhere() -> None:
        try:
            asyncio.run(use())
        except TurnlogError as error:
            told.append(error)

    async def main() -> None:
        await use()
        thread = Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        await use()  # it goes on working here

    asyncio.run(main())
    assert told[0] == told[2] == 1
    assert isinstance(told[1], UsageError)
    assert "use Turnlog, which threads may share" in str(told[1])
    # When that loop has ended, another thread may have the client.
    thread = Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert told[3] == 1
    gc.collect()


def test_a_closed_client_says_so(turnlog: Turnlog, made_async: AsyncTurnlog) -> None:
    turnlog.close()
    with pytest.raises(UsageError, match="is closed"):
        turnlog.create_session()
    turnlog.close()  # a second time is none too many

    async def main() -> None:
        async with made_async:
            await made_async.create_session()
        with pytest.raises(UsageError, match="is closed"):
            await made_async.create_session()
        await made_async.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("client", [Turnlog, AsyncTurnlog])
@pytest.mark.parametrize(
    ("environment", "given", "said"),
    [
        ({}, {}, "TURNLOG_URL"),
        ({}, {"token": "t"}, "TURNLOG_URL"),
        ({}, {"user_id": "u"}, "TURNLOG_TABLE"),
        ({"TURNLOG_URL": "https://x", "TURNLOG_TABLE": "t"}, {}, "both set"),
        ({}, {"url": "https://x", "table": "t"}, "one of the two"),
        ({}, {"token": "t", "user_id": "u"}, "one of the two"),
        ({"TURNLOG_URL": "127.0.0.1:3000"}, {}, "must be like"),
        ({}, {"url": "ftp://x"}, "must be like"),
        ({}, {"url": "https://"}, "must be like"),
        ({}, {"url": "https://x?y=z"}, "must be like"),
    ],
)
def test_settings_that_are_missing_or_wrong(
    monkeypatch: pytest.MonkeyPatch,
    client: type[Client],
    environment: dict[str, str],
    given: dict[str, Any],
    said: str,
) -> None:
    for name in ("TURNLOG_URL", "TURNLOG_TOKEN", "TURNLOG_TABLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=said):
        client(**given)


def test_the_environment_is_enough(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    table, name = os.environ["TURNLOG_TABLE"], someone()
    monkeypatch.setenv("TURNLOG_URL", server.url)
    monkeypatch.setenv("TURNLOG_TOKEN", name)
    monkeypatch.delenv("TURNLOG_TABLE")
    with Turnlog() as turnlog:
        session = turnlog.create_session()
    # One argument says it as well.
    monkeypatch.setenv("TURNLOG_TABLE", table)
    with Turnlog(user_id=name) as turnlog:
        assert turnlog.get_session(session.session_id).session_id == session.session_id
    with Turnlog(token=name) as turnlog:
        assert turnlog.get_session(session.session_id).session_id == session.session_id


def test_who_the_user_is_must_be_said(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TURNLOG_TOKEN", raising=False)
    with Turnlog(url=server.url) as turnlog:
        with pytest.raises(UsageError, match="TURNLOG_TOKEN"):
            turnlog.list_sessions()
        assert turnlog.with_token(someone()).list_sessions().total == 0
        with pytest.raises(UsageError, match="with_token"):
            turnlog.as_user("alice")
    with Turnlog(table=os.environ["TURNLOG_TABLE"]) as turnlog:
        with pytest.raises(UsageError, match="user_id="):
            turnlog.list_sessions()
        assert turnlog.as_user(someone()).list_sessions().total == 0
        with pytest.raises(UsageError, match="as_user"):
            turnlog.with_token("token")


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "müller", lambda: ""])
def test_what_is_no_token(server: LocalServer, token: Any) -> None:
    with (
        Turnlog(url=server.url, token=token or (lambda: "")) as turnlog,
        pytest.raises(UsageError, match="token"),
    ):
        turnlog.list_sessions()


def test_a_coroutine_for_a_token_is_for_the_async_client(server: LocalServer) -> None:
    async def coming() -> str:
        raise NotImplementedError

    token: Any = coming
    with Turnlog(url=server.url, token=token) as turnlog, pytest.raises(UsageError, match="AsyncTurnlog"):
        turnlog.list_sessions()


def test_a_token_that_is_refused(server: LocalServer) -> None:
    def unauthorized(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"message": "Unauthorized"})

    with httpx.Client(transport=httpx.MockTransport(unauthorized)) as http:
        turnlog = Turnlog(url=server.url, token="old", http_client=http)  # noqa: S106
        with pytest.raises(Unauthenticated, match=r"401 \(Unauthorized\)"):
            turnlog.list_sessions()
        turnlog.close()
        assert not http.is_closed  # it is its owner's to close
    with pytest.raises(UsageError, match="is closed"):
        turnlog.list_sessions()


def test_a_server_that_is_down() -> None:
    with (
        Turnlog(url="http://127.0.0.1:9", token=someone(), max_retries=0, timeout=5) as turnlog,
        pytest.raises(Contended, match=r"http://127\.0\.0\.1:9 was not reached"),
    ):
        turnlog.list_sessions()


def test_a_server_that_is_no_turnlog() -> None:
    def elsewhere(_: httpx.Request) -> httpx.Response:
        return httpx.Response(404, html="<h1>Not found</h1>")

    with (
        httpx.Client(transport=httpx.MockTransport(elsewhere)) as http,
        Turnlog(url="https://example.com", token=someone(), http_client=http) as turnlog,
        pytest.raises(UsageError, match="a part of it is missing"),
    ):
        turnlog.get_session("s")


@pytest.mark.parametrize("value", [b"bytes", datetime(2026, 1, 1), {1, 2}, object()])  # noqa: DTZ001 (naive)
def test_what_is_no_json(turnlog: Turnlog, value: Any) -> None:
    session = turnlog.create_session(metadata={"a": 1})
    for wrong in (
        lambda: turnlog.patch_session(session.session_id, metadata={"a": value}),
        lambda: turnlog.append_messages(session.session_id, [{"role": "user", "content": value}]),
        lambda: turnlog.append_messages(
            session.session_id, [{"role": "assistant", "tool_calls": [{"x": value}]}]
        ),
        lambda: turnlog.append_entries(session.session_id, "t", [{"x": value}]),
    ):
        with pytest.raises(Invalid):
            wrong()
    found = turnlog.get_session(session.session_id)
    assert (found.metadata, found.message_count) == ({"a": 1}, 0)
    with pytest.raises(NotFound):
        turnlog.read_entries(session.session_id, "t")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"\xff", 'is bytes, which JSON has no word for: use model_dump(mode="json"), or base64'),
        (
            datetime(2026, 1, 1, tzinfo=UTC),
            'is a datetime, which JSON has no word for: use model_dump(mode="json"), or isoformat()',
        ),
        (answers.Rewound, "is a type, which JSON has no word for"),
    ],
)
def test_the_error_says_where_there_is_no_json_and_what_to_do(
    turnlog: Turnlog, value: Any, told: str
) -> None:
    session = turnlog.create_session()
    message = {"role": "model", "parts": [{"text": "a"}, {"thought_signature": value}]}
    with pytest.raises(Invalid) as raised:
        turnlog.append_messages(session.session_id, [message])
    assert raised.value.detail == f"messages.0.parts.1.thought_signature: {told}"


class SdkMessage:
    """An object of an SDK's, as pydantic makes them."""

    def model_dump(self) -> dict[str, Any]:
        return {"role": "assistant", "content": "a"}


def test_an_object_of_an_sdk(turnlog: Turnlog) -> None:
    session = turnlog.create_session()
    said: Any = SdkMessage()
    with pytest.raises(Invalid, match=r"messages\.0: must be an object, and is a SdkMessage: call its model"):
        turnlog.append_messages(session.session_id, [said])


def test_a_wrong_name_is_answered_by_the_right_one(turnlog: Turnlog) -> None:
    session = turnlog.create_session().session_id
    wrong: Any = "openai"
    with pytest.raises(Invalid, match="export_openai_messages"):
        turnlog.export_session(session, wrong)
    title: Any = {"title": "t"}
    with pytest.raises(Invalid, match="set_title"):
        turnlog.patch_session(session, **title)
    with pytest.raises(Conflict) as beyond:
        turnlog.fork_session(session, to_sequence=99)
    assert beyond.value.title == "The session ends elsewhere"
    twice = [user("a", message_id="m"), user("b", message_id="n"), user("c", message_id="m")]
    with pytest.raises(Invalid, match="messages 0 and 2 have m"):
        turnlog.append_messages(session, twice)
    with pytest.raises(Invalid, match=r"pathlib\.Path"):
        turnlog.import_transcript(session, "main", "cc.jsonl")


def test_a_misspelt_field(turnlog: Turnlog) -> None:
    wrong: dict[str, Any] = {"metdata": {}}
    with pytest.raises(Invalid, match="metdata"):
        turnlog.create_session(**wrong)
    assert turnlog.list_sessions().total == 0


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("session", [boto3.Session, botocore.session.Session])
def test_a_session_of_boto3_is_used(monkeypatch: pytest.MonkeyPatch, session: Any) -> None:
    own = session()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    if session is boto3.Session:
        own = boto3.Session("of", "the session", region_name=os.environ["AWS_DEFAULT_REGION"])
    else:
        own.set_credentials("of", "the session")
        own.set_config_variable("region", os.environ["AWS_DEFAULT_REGION"])
    with Turnlog(user_id=someone(), session=own) as turnlog:
        assert turnlog.create_session().version == 1


@pytest.mark.usefixtures("server")
def test_a_session_of_aiobotocore_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    async def main() -> int:
        own = AioSession()
        own.set_credentials("of", "the session")
        own.set_config_variable("region", os.environ["AWS_DEFAULT_REGION"])
        async with AsyncTurnlog(user_id=someone(), session=own) as turnlog:
            return (await turnlog.create_session()).version

    assert asyncio.run(main()) == 1


@pytest.fixture
def role(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a profile whose credentials are those of a role; there are no others."""
    config = tmp_path / "config"
    config.write_text(
        "[profile who]\naws_access_key_id = local\naws_secret_access_key = local\n"
        "[profile role]\nregion = us-east-1\nsource_profile = who\n"
        "role_arn = arn:aws:iam::123456789012:role/turnlog\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.dynamodb_url)
    return "role"


def test_a_session_with_a_role_is_used(role: str) -> None:
    with Turnlog(user_id=someone(), session=boto3.Session(profile_name=role)) as turnlog:
        assert turnlog.create_session().version == 1

    async def main() -> int:
        async with AsyncTurnlog(user_id=someone(), session=AioSession(profile=role)) as turnlog:
            return (await turnlog.create_session()).version

    assert asyncio.run(main()) == 1


@pytest.mark.usefixtures("server")
def test_a_session_of_the_other_kind() -> None:
    with pytest.raises(UsageError, match="use AsyncTurnlog"):
        Turnlog(user_id="u", session=AioSession())
    for session in (boto3.Session(), botocore.session.Session()):
        with pytest.raises(UsageError, match="use Turnlog"):
            AsyncTurnlog(user_id="u", session=session)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION"])
def test_aws_settings_that_are_missing(
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    for name in (missing, "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nothing")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nothing")
    with Turnlog(user_id="u") as turnlog, pytest.raises(UsageError, match="hand over a session"):
        turnlog.list_sessions()

    async def main() -> None:
        async with AsyncTurnlog(user_id="u") as other:
            await other.list_sessions()

    with pytest.raises(UsageError, match="hand over a session"):
        asyncio.run(main())


@pytest.mark.usefixtures("server")
def test_a_table_that_is_not_there() -> None:
    with Turnlog(table="nothing", user_id="u") as turnlog, pytest.raises(UsageError, match="no such table"):
        turnlog.list_sessions()


@pytest.mark.thorough
def test_each_session_comes_once_while_the_list_moves(
    turnlog: Turnlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "SESSIONS_AT_ONCE", 2)
    names = [f"s{number}" for number in range(7)]
    for name in names:
        turnlog.create_session(session_id=name)
    seen = []
    for number, session in enumerate(turnlog.sessions()):
        seen.append(session.session_id)
        # The last of the list moves up, past what was read.
        if number < 3:
            turnlog.set_title(f"s{number}", "moved")
        turnlog.set_title(seen[0], f"again {number}")
    assert sorted(seen) == names


@pytest.mark.thorough
def test_a_list_that_moves_all_the_time_has_an_end(turnlog: Turnlog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "SESSIONS_AT_ONCE", 2)
    names = [f"s{number}" for number in range(5)]
    for name in names:
        turnlog.create_session(session_id=name)
    page = turnlog._way.ask

    async def moved(request: Any) -> Any:
        answer = await page(request)
        if request.operation == "list_sessions":
            for name in names[:2]:
                await page(Request("set_title", name, body={"title": uuid4().hex}))
        return answer

    monkeypatch.setattr(turnlog._way, "ask", moved)
    assert sorted(session.session_id for session in turnlog.sessions()) == names


def test_methods_tell_what_they_are() -> None:
    assert "Append messages" in (Turnlog.append_messages.__doc__ or "")
    assert asyncio.iscoroutinefunction(AsyncTurnlog(url="https://x").append_messages)
    assert not asyncio.iscoroutinefunction(Turnlog(url="https://x").append_messages)


# What a caller gets wrong


def test_an_empty_token_is_none_of_the_environments(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever passes on a token that is missing does not act as the operator."""
    monkeypatch.setenv("TURNLOG_TOKEN", "admin")
    with Turnlog(url=server.url, token="") as turnlog, pytest.raises(UsageError, match="token is empty"):
        turnlog.list_sessions()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "https://x", "max_retries": -1}, "max_retries="),
        ({"url": "https://x", "max_retries": None}, "max_retries="),
        ({"url": "https://x", "timeout": 0}, "timeout="),
        ({"url": "https://x", "timeout": "5"}, "timeout="),
        ({"url": "https://x", "token": b"x"}, "token="),
        ({"url": "https://alice:secret@x"}, "must be like"),
        (
            {"table": "t", "settings": Settings("t", "", 1, None, transcripts=True, bucket="")},
            "leave out table=",
        ),
        ({"table": "t", "session": object()}, "takes a session of"),
    ],
)
@pytest.mark.parametrize("client", [Turnlog, AsyncTurnlog])
def test_arguments_that_do_not_fit(client: type[Client], given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        client(**given)


def test_what_is_the_other_clients() -> None:
    blocking: Any = httpx.Client()
    on_loop: Any = httpx.AsyncClient()
    wrong: list[Any] = [
        lambda: Turnlog(url="https://x", http_client=on_loop),
        lambda: AsyncTurnlog(url="https://x", http_client=blocking),
        lambda: Turnlog(table="t", session=AioSession()),
        lambda: AsyncTurnlog(table="t", session=boto3.Session()),
    ]
    for make in wrong:
        with pytest.raises(UsageError):
            make()


def test_ids_and_lists_of_the_wrong_kind(turnlog: Turnlog) -> None:
    session = turnlog.create_session(session_id="s")
    loose: Any = turnlog
    half = "\ud800"
    wrong: list[Any] = [
        lambda: loose.delete_session(None),
        lambda: loose.append_messages(None, [user("q")]),
        lambda: loose.read_entries("s", None),
        lambda: loose.create_session(session_id=""),
        lambda: loose.append_messages("s", ["hello"]),
        lambda: loose.append_messages("s", None),
        lambda: loose.append_messages("s", user("q")),
        lambda: loose.append_messages("s", "hello"),
        lambda: loose.append_entries("s", "t", [1]),
        lambda: loose.add_tool_call("s", None),
        lambda: loose.list_sessions(cursor=half),
        lambda: loose.list_sessions(limit=datetime.now(UTC)),
        lambda: loose.set_title("s", "t", if_match="3\r\n"),
    ]
    for at, make in enumerate(wrong):
        with pytest.raises(TurnlogError) as refused:
            make()
        assert refused.value.status in {404, 412, 422}, (at, refused.value)
    assert turnlog.get_session("s").version == session.version
    assert turnlog.list_sessions().total == 1


def test_a_token_that_cannot_be_had_is_not_the_apis_fault(server: LocalServer) -> None:
    def failing() -> str:
        raise httpx.ConnectError("The identity provider is down.")

    with Turnlog(url=server.url, token=failing) as turnlog, pytest.raises(httpx.ConnectError):
        turnlog.list_sessions()


def test_a_program_may_log_an_answer(turnlog: Turnlog) -> None:
    secret = "what a user wrote"  # noqa: S105
    session = turnlog.create_session(title=secret, metadata={"a": secret}, messages=[user(secret)])
    assert secret not in repr(turnlog.get_session(session.session_id))


def test_answers_that_a_program_makes(turnlog: Turnlog) -> None:
    session = turnlog.create_session()
    draft = answers.DraftMessage(role="user", content="mine", message_id="m")
    turnlog.append_messages(session.session_id, [draft])
    (message,) = turnlog.messages(session.session_id)
    assert (message.content, "content" in message, message.message_id) == ("mine", True, "m")
    changed = replace(message, content="other")
    assert changed.to_dict()["content"] == "other"
    assert changed != message


def test_a_transcript_that_is_begun_anew_while_it_is_read(
    turnlog: Turnlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "ENTRIES_AT_ONCE", 2)
    session_id = turnlog.create_session().session_id
    turnlog.append_entries(session_id, "t", [{"old": at} for at in range(4)])
    reading = turnlog.entries(session_id, "t")
    assert [next(reading), next(reading)] == [{"old": 0}, {"old": 1}]
    turnlog.delete_transcript(session_id, "t")
    turnlog.append_entries(session_id, "t", [{"new": at} for at in range(6)])
    with pytest.raises(Conflict):
        next(reading)


def test_threads_that_come_first_at_once_make_one_client(turnlog: Turnlog) -> None:
    way: Any = turnlog._way
    kept = (way._base if hasattr(way, "_base") else way._link)._kept
    with ThreadPoolExecutor(8) as pool:
        made = [*pool.map(lambda _: kept.get(), range(8))]
    assert len({id(one) for one in made}) == 1
