"""G4: a session that is begun anew under a deleted id, and what was meant for the old one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.test_client_others import lost_and_then
from tests.functional.test_client_retries import Program, lost_reply, not_reached, program, throttled
from tests.functional.test_transcripts_large import noise
from tests.functional.world import configured, counted, first, wait_until
from turnlog import errors
from turnlog.coroutines import run
from turnlog.drivers.blocking import lambda_store
from turnlog.operations.purge import work_off
from turnlog.records.keys import EXPIRY, SessionKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.bucket import BucketView
    from tests.functional.world import TableView
    from tests.http_client import Reply

__all__ = ["program"]  # the fixture

DRAFT = {"messages": [assistant("not done")]}


def recreate(api: Api, session_id: str, *messages: Any, **body: Any) -> Reply:
    given = {"session_id": session_id, "messages": messages, "recreate": True, **body}
    return api.call("POST", "/sessions", given)


def begin_anew(api: Api, session_id: str, *messages: Any) -> None:
    """What another does meanwhile."""
    assert api.delete(session_id).status == 204
    assert recreate(api, session_id, *messages).status == 201


def test_another_session_under_the_id(api: Api) -> None:
    session_id = api.new(
        user("old", message_id="m"), title="Old", metadata={"a": 1}, usage={"prompt_tokens": 5}
    )
    api.append(session_id, user("older"))
    draft = f"/sessions/{session_id}/draft"
    api.call("PUT", draft, DRAFT)
    old = api.get(session_id)
    assert api.delete(session_id).status == 204
    reply = recreate(api, session_id, user("new", message_id="m"), title="New")
    assert (reply.status, reply.headers["location"]) == (201, f"/sessions/{session_id}")
    # Its version goes on from that of the deletion.
    assert reply.body["version"] == old.body["version"] + 2
    found = api.get(session_id, draft="true").body
    assert (found["title"], found["metadata"], found["usage"]["total_tokens"]) == ("New", {}, 0)
    assert found["started_at"] >= old.body["updated_at"]
    assert api.contents(session_id) == ["new"]
    assert found["draft"] is None
    api.call("GET", draft).problem(404, "not_found")
    # An old message's id is free: what is sent under it is new.
    assert api.append(session_id, user("older")).status == 201
    assert api.list().body["total"] == 1
    assert [one["session_id"] for one in api.list().body["sessions"]] == [session_id]


def test_it_says_how(api: Api) -> None:
    session_id = api.new()
    before = datetime.now(UTC) - timedelta(seconds=1)
    api.delete(session_id)
    for reply in (
        api.call("POST", "/sessions", {"session_id": session_id}),
        api.call("POST", "/sessions", {"session_id": session_id, "recreate": False}),
        api.put(session_id, messages=[user("a")]),
    ):
        problem = reply.problem(410, "gone")
        assert (
            before < datetime.fromisoformat(problem["deleted_at"]) < datetime.now(UTC) + timedelta(seconds=1)
        )
        assert '"recreate": true' in problem["detail"]


def test_where_nothing_was_deleted_it_is_a_create(api: Api) -> None:
    with counted() as requests:
        assert recreate(api, "s", user("a")).status == 201
    assert requests == ["TransactWriteItems"]
    reply = recreate(api, "s", user("b"), title="t")
    assert (reply.status, reply.body["title"]) == (200, None)
    assert api.contents("s") == ["a"]


@pytest.mark.parametrize("given", ["yes", 1, None, "true"])
def test_recreate_is_true_or_false(api: Api, given: Any) -> None:
    body = {"session_id": "s", "recreate": given}
    assert "recreate" in api.call("POST", "/sessions", body).problem(422, "invalid")["detail"]


def test_another_users_deleted_session_is_none(api: Api, other: Api) -> None:
    session_id = other.new(user("theirs"))
    other.delete(session_id)
    assert recreate(api, session_id, user("mine")).status == 201
    other.call("POST", "/sessions", {"session_id": session_id}).problem(410, "gone")
    other.get(session_id).problem(404, "not_found")
    assert api.contents(session_id) == ["mine"]


@pytest.mark.thorough
def test_again_and_again(api: Api, table: TableView) -> None:
    """Also while the purge is at work; in the end nothing of the sessions before is left."""
    session_id = api.new(*(user(f"0-{number}") for number in range(40)))
    version = 1
    for generation in range(1, 12):
        api.entries(session_id, "main", {"uuid": "u", "n": generation})
        begin_anew(api, session_id, user(f"{generation}-0", message_id="m"))
        version, before = api.get(session_id).body["version"], version
        assert version > before
    assert api.contents(session_id) == ["11-0"]
    assert api.list().body["total"] == 1
    key = SessionKey(str(api.user), session_id).at(11)
    kept = {"HEAD", EXPIRY, key.message(0)["SK"]["S"]}
    wait_until(lambda: {sort_key for _, sort_key in table.session(api.user, session_id)} <= kept)
    assert api.contents(session_id) == ["11-0"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "change",
    [
        lambda api, sid, tag: api.title(sid, "late", tag),
        lambda api, sid, tag: api.patch(sid, tag, metadata={"late": 1}),
        lambda api, sid, tag: api.put(sid, tag, messages=[user("0"), user("late")]),
        lambda api, sid, tag: api.rewind(sid, 0, 1, tag),
    ],
)
def test_no_old_etag_matches(api: Api, change: Callable[[Api, str, dict[str, str]], Reply]) -> None:
    session_id = api.new(user("0"))
    tags = []
    for _ in range(3):
        tags.append({"If-Match": api.title(session_id, "t").etag})
        begin_anew(api, session_id, user("0"))
    for tag in tags:
        change(api, session_id, tag).problem(412, "precondition_failed")
    assert api.get(session_id).body["version"] == int(tags[-1]["If-Match"].strip('"')) + 2
    assert api.get(session_id, {"If-None-Match": tags[-1]["If-Match"]}).status == 200


WRITES: dict[str, tuple[str, Callable[[Api, str], Reply]]] = {
    "append": ("TransactWriteItems", lambda api, sid: api.append(sid, user("late"))),
    "put": ("TransactWriteItems", lambda api, sid: api.put(sid, messages=[user("0"), user("late")])),
    "rewind": ("TransactWriteItems", lambda api, sid: api.rewind(sid, 0, 1)),
    "tool call": ("TransactWriteItems", lambda api, sid: api.tool_call(sid, {"id": "late"})),
    "patch": ("UpdateItem", lambda api, sid: api.patch(sid, metadata={"late": 1})),
    "entries": ("TransactWriteItems", lambda api, sid: api.entries(sid, "main", {"uuid": "late"})),
    "large entries": ("TransactWriteItems", lambda api, sid: api.entries(sid, "main", {"t": noise(900)})),
    "import": (
        "TransactWriteItems",
        lambda api, sid: api.import_(sid, "main", b'{"uuid":"0"}\n{"uuid":"late"}\n'),
    ),
    "transcript": (
        "TransactWriteItems",
        lambda api, sid: api.call("DELETE", f"/sessions/{sid}/transcripts/main"),
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", WRITES)
def test_a_slow_writer_of_the_old_session(api: Api, bucket: BucketView, name: str) -> None:
    """It has seen the old session when another is begun, with as many messages: it finds none there."""
    session_id = api.new(user("0"))
    api.entries(session_id, "main", {"uuid": "0"})
    api.call("DELETE", f"/sessions/{session_id}/cache")
    operation, write = WRITES[name]

    def meanwhile() -> None:
        begin_anew(api, session_id, user("0"))
        api.entries(session_id, "main", {"uuid": "0"})

        right.append(everything(api, session_id))

    right: list[Any] = []
    with first(operation, meanwhile):
        reply = write(api, session_id)
    if name in {"entries", "large entries"}:  # these never look at the head: they are of whichever is there
        assert reply.status in {201, 404}
    else:
        reply.problem(404, "not_found")
    if reply.status == 404:
        assert everything(api, session_id) == right[0]
    wait_until(lambda: all("0000000001/" in one for one in bucket.of(api.user, session_id)))


def everything(api: Api, session_id: str) -> Any:
    """What there is to see of a session."""
    transcripts = api.call("GET", f"/sessions/{session_id}/transcripts").body
    return api.get(session_id, draft="true").body, transcripts, api.transcript(session_id, "main").body


def test_transcripts_begin_anew(api: Api) -> None:
    session_id = api.new()
    api.entries(session_id, "main", {"uuid": "u", "n": 0}, {"uuid": "v"})
    api.entries(session_id, "old", {"uuid": "u"})
    generation = api.transcript(session_id, "main", limit=1).body["generation"]
    begin_anew(api, session_id)
    assert api.call("GET", f"/sessions/{session_id}/transcripts").body == {"transcripts": []}
    api.transcript(session_id, "main").problem(404, "not_found")
    reply = api.entries(session_id, "main", {"uuid": "u", "n": 1})
    assert (reply.status, reply.body["first_position"]) == (201, 0)
    page = api.transcript(session_id, "main").body
    assert page["entries"] == [{"uuid": "u", "n": 1}]
    # By this a reader of pages knows that they are of two transcripts.
    assert page["generation"] != generation


@pytest.mark.thorough
def test_large_entries_go_with_their_session(api: Api, bucket: BucketView) -> None:
    session_id = api.new()
    api.entries(session_id, "main", {"t": noise(900)})
    begin_anew(api, session_id)
    api.entries(session_id, "main", {"t": noise(900)})
    (kept,) = wait_until(lambda: len(found := bucket.of(api.user, session_id)) == 1 and found)
    assert SessionKey(str(api.user), session_id).at(1).objects in kept
    assert api.transcript(session_id, "main").body["entry_count"] == 1


def test_an_object_that_a_slow_writer_left_goes_a_day_later(
    api: Api, bucket: BucketView, table: TableView
) -> None:
    """The recreate leaves a marker, which ends then; the stream is told of that."""
    session_id = api.new()
    begin_anew(api, session_id)
    key = SessionKey(str(api.user), session_id)
    marker = int(table.session(*key)[key.partition, EXPIRY]["expires_at"]["N"])
    assert 86_000 < marker - time.time() < 87_000
    wait_until(lambda: not bucket.of(api.user, session_id))
    left = f"{key.at(0).objects}main!000000!left"
    for name in (left, f"{key.at(1).objects}main!000000!kept"):
        bucket.client.put_object(Bucket=bucket.name, Key=name, Body=b"x")
    run(work_off(lambda_store(0), key.expiry))
    assert bucket.of(api.user, session_id) == [f"{key.at(1).objects}main!000000!kept"]


def test_retention_goes_on(api: Api, table: TableView) -> None:
    with configured(TURNLOG_RETENTION_DAYS="30"):
        session_id = api.new()
        begin_anew(api, session_id)
        key = SessionKey(str(api.user), session_id)

        def days() -> float:
            return (int(table.session(*key)[key.partition, EXPIRY]["expires_at"]["N"]) - time.time()) / 86_400

        assert 0.9 < days() <= 1
        table.client.delete_item(TableName=table.name, Key=key.expiry)
        wait_until(lambda: (key.partition, EXPIRY) in table.session(*key))
        assert 29.9 < days() <= 30


def test_what_it_costs(api: Api) -> None:
    """One refused request more than a create; afterwards what another session costs, but for a few."""
    session_id = api.new(user("old"))
    api.delete(session_id)
    with counted() as requests:
        assert recreate(api, session_id, user("q")).status == 201
    assert requests == ["TransactWriteItems"] * 2
    with counted() as requests:
        assert api.append(session_id, user("r")).status == 201
    assert requests == ["TransactWriteItems"]
    with counted() as requests:
        assert api.entries(session_id, "main", {"uuid": "u"}).status == 201
    assert requests == ["GetItem", "GetItem", "TransactWriteItems"]
    # These do without a look at the head, so the first try is refused.
    with counted() as requests:
        assert api.title(session_id, "t").status == 200
    assert requests == ["UpdateItem"] * 2
    with counted() as requests:
        assert api.delete(session_id).status == 204
    assert requests == ["TransactWriteItems"] * 2


def anew(program: Program, session_id: str, *troubles: Any) -> Any:
    return program.call("create_session", session_id=session_id, recreate=True, troubles=troubles)


@pytest.mark.thorough
@pytest.mark.parametrize("troubles", [[], [throttled], [not_reached, throttled]])
def test_the_client(program: Program, troubles: list[Any]) -> None:
    session_id = program.api.new(user("old"))
    program.api.delete(session_id)
    with pytest.raises(errors.Gone, match="recreate") as gone:
        program.call("create_session", session_id=session_id, troubles=[])
    assert gone.value.extra["deleted_at"]
    session = anew(program, session_id, *troubles)
    assert (session.session_id, session.message_count, session.version) == (session_id, 0, 3)


def test_the_client_looks_before_it_would_send_again(program: Program) -> None:
    session_id = program.api.new(user("old"))
    program.api.delete(session_id)
    session = anew(program, session_id, lost_reply)
    assert (session.version, session.message_count) == (3, 0)
    assert [one.method for one in program.way.requests] == ["POST", "GET"]


def test_the_client_does_not_bring_back_what_another_deleted(program: Program) -> None:
    session_id = program.api.new(user("old"))
    program.api.delete(session_id)
    with pytest.raises(errors.Unavailable):
        anew(program, session_id, lost_and_then(lambda: program.api.delete(session_id)))
    program.api.get(session_id).problem(404, "not_found")
    assert [one.method for one in program.way.requests] == ["POST", "GET"]


@pytest.mark.parametrize("status", [401, 403, 429])
def test_the_client_may_not_look(program: Program, status: int) -> None:
    """A refusal of the look says nothing of what the create did."""

    async def refused(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:  # noqa: ARG001
        return httpx.Response(status, json={"message": "No"}, request=request)

    session_id = program.api.new(user("old"))
    program.api.delete(session_id)
    with pytest.raises(errors.Unanswered):
        anew(program, session_id, lost_reply, *[refused] * 6)
    assert program.api.get(session_id).status == 200


def test_the_client_cannot_look(program: Program) -> None:
    async def silent(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:  # noqa: ARG001
        raise httpx.ReadTimeout("silent", request=request)

    session_id = program.api.new(user("old"))
    program.api.delete(session_id)
    with pytest.raises(errors.Unanswered):
        anew(program, session_id, *[silent] * 6)
    program.api.get(session_id).problem(404, "not_found")
