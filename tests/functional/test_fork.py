"""A fork: another session with the messages of one, copied in steps that nobody sees."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError

from tests.functional.api import Api, assistant, user
from tests.functional.bucket import bucket_requests
from tests.functional.test_large import noise
from tests.functional.world import (
    Later,
    counted,
    first,
    hook,
    lost_reply,
    purging,
    stopped,
    wait_until,
)
from turnlog.coroutines import run
from turnlog.drivers.blocking import lambda_store
from turnlog.operations.purge import work_off
from turnlog.records.keys import EXPIRY, SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.bucket import BucketView
    from tests.functional.world import TableView
    from tests.http_client import Reply

FORK = "the-fork"


def fork(api: Api, source: str, /, **body: Any) -> Reply:
    return api.call("POST", f"/sessions/{source}/fork", {"session_id": FORK, **body})


def long(api: Api, length: int = 60, **body: Any) -> str:
    """A session that a fork copies in several steps."""
    session_id = api.new(**body)
    messages = [user(f"q{number}", message_id=f"m{number}") for number in range(length)]
    assert api.put(session_id, messages=messages).status == 200
    return session_id


def unfinished(api: Api, session_id: str, **body: Any) -> None:
    """A fork of which two steps are made."""
    copied = 0
    with stopped(3):
        while copied < 48:  # on a busy machine a request's time may end after its first step
            problem = fork(api, session_id, **body).problem(503, "unavailable")
            assert problem["session_id"] == FORK
            assert problem["copied"]
            copied += problem["copied"]
    assert copied == 48


@pytest.mark.thorough
def test_all_that_is_copied(api: Api, bucket: BucketView) -> None:
    large = assistant(noise(700_000), message_id="large")
    session_id = api.new(
        user("q", message_id="q", metadata={"a": 1}),
        large,
        title="Sums",
        metadata={"kept": [1]},
        credentials={"p": {"k": 1}},
        successful_agent_runs={"r": 1},
        usage={"prompt_tokens": 5},
    )
    assert api.append(session_id, user("r"), usage={"prompt_tokens": 7}).status == 201
    assert api.tool_call(session_id, {"id": "c", "function": {"name": "f"}}).status == 200
    source = api.get(session_id).body
    reply = fork(api, session_id)
    assert (reply.status, reply.headers["location"]) == (201, f"/sessions/{FORK}")
    forked = api.get(FORK).body
    assert forked["messages"] == source["messages"]
    assert {name: forked[name] for name in reply.body} == reply.body
    assert (forked["title"], forked["version"], forked["message_count"]) == ("Sums", 1, 4)
    assert forked["metadata"] == {"kept": [1], "forked_from": {"session_id": session_id, "sequence": 4}}
    assert (forked["credentials"], forked["successful_agent_runs"]) == ({}, {})
    assert forked["usage"]["total_tokens"] == 0
    # The source is as it was, and neither needs the other.
    assert api.get(session_id).body == source
    assert api.list().body["total"] == 2
    assert api.delete(session_id).status == 204
    wait_until(lambda: not bucket.of(api.user, session_id))
    assert api.get(FORK).body["messages"] == source["messages"]
    # What was said is known again: a repeat is a replay, in the bucket or not.
    assert api.append(FORK, large).body["replayed"]
    assert api.append(FORK, user("q", message_id="q")).body["replayed"]


def test_the_fork_goes_its_own_way(api: Api) -> None:
    session_id = api.new(user("a"))
    for text in "bc":
        api.append(session_id, user(text), usage={"prompt_tokens": 7})
    assert fork(api, session_id, to_sequence=2, title="  Another\nway ").body["title"] == "Another way"
    assert api.contents(FORK) == ["a", "b"]
    api.put(FORK, usage={"prompt_tokens": 5})
    assert api.append(FORK, user("d"), usage={"prompt_tokens": 3}).status == 201
    # The tokens of the source's messages are not the fork's: a rewind takes none of them off.
    assert api.rewind(FORK, 1, 3).status == 200
    assert api.get(FORK).body["usage"]["prompt_tokens"] == 5
    assert api.contents(FORK) == ["a"]
    assert api.contents(session_id) == ["a", "b", "c"]


def test_a_fork_of_a_fork_and_one_of_nothing(api: Api) -> None:
    session_id = api.new(user("a"), user("b"))
    assert fork(api, session_id, to_sequence=1).status == 201
    assert fork(api, FORK, session_id="again").status == 201
    assert api.contents("again") == ["a"]
    assert api.get("again").body["metadata"]["forked_from"] == {"session_id": FORK, "sequence": 1}
    assert fork(api, session_id, session_id="empty", to_sequence=0).status == 201
    assert api.contents("empty") == []
    assert api.append("empty", user("first")).status == 201


def test_without_a_body_it_is_given_an_id(api: Api) -> None:
    session_id = api.new(user("a"))
    reply = api.call("POST", f"/sessions/{session_id}/fork")
    assert reply.status == 201
    assert api.contents(reply.body["session_id"]) == ["a"]


def test_what_was_cut_and_put_again_is_copied_as_it_stands(api: Api) -> None:
    session_id = long(api)
    api.rewind(session_id, 30, 60)
    api.append(session_id, user("new"))
    assert fork(api, session_id).status == 201
    assert api.contents(FORK) == [f"q{number}" for number in range(30)] + ["new"]
    assert api.rewind(FORK, 30, 31).status == 200
    assert api.append(FORK, user("newer")).status == 201
    assert api.contents(FORK)[-2:] == ["q29", "newer"]


def test_a_repeat_is_a_replay(api: Api) -> None:
    session_id = api.new(user("a"), user("b"))
    made = fork(api, session_id)
    api.title(FORK, "Another title")
    api.append(session_id, user("c"))
    again = fork(api, session_id)
    assert (made.status, again.status) == (201, 200)
    assert again.body["title"] == "Another title"
    assert fork(api, session_id, to_sequence=2).status == 200
    api.delete(session_id)
    assert fork(api, session_id).status == 200
    assert api.list().body["total"] == 1


@pytest.mark.thorough
@pytest.mark.parametrize("step", range(5))
def test_a_lost_reply(api: Api, step: int) -> None:
    """Of the begin, of a step, of the last transaction: it is known by what is there."""
    session_id = long(api)
    left = [step]

    def lose(**_: Any) -> None:
        if not purging():
            left[0] -= 1
            if left[0] == -1:
                raise ConnectionClosedError(endpoint_url="the table")

    with hook("after-call.dynamodb.TransactWriteItems", lose):
        assert fork(api, session_id).status == 201
    assert left[0] < 0
    assert api.contents(FORK) == [f"q{number}" for number in range(60)]
    assert api.list().body["total"] == 2


@pytest.mark.thorough
def test_nothing_is_seen_of_one_that_is_unfinished(api: Api) -> None:
    session_id = long(api)
    unfinished(api, session_id)
    for reply in (
        api.get(FORK),
        api.messages(FORK),
        api.append(FORK, user("x")),
        api.title(FORK, "t"),
        api.delete(FORK),
        api.rewind(FORK, 0, 60),
        api.entries(FORK, "main", {"a": 1}),
        fork(api, FORK, session_id="other"),
    ):
        reply.problem(404, "not_found")
    assert [one["session_id"] for one in api.list().body["sessions"]] == [session_id]
    assert api.list().body["total"] == 1
    for reply in (
        api.call("POST", "/sessions", {"session_id": FORK}),
        api.call("POST", "/sessions", {"session_id": FORK, "recreate": True}),
        api.put(FORK, messages=[user("x")]),
        fork(api, session_id, to_sequence=3),
        fork(api, session_id, title="Another"),
        fork(api, api.new(), session_id=FORK),
    ):
        assert "after a day" in reply.problem(409, "fork_unfinished")["detail"]
    # Another user's is another session.
    assert Api(api.url, f"{api.user}-2").call("POST", "/sessions", {"session_id": FORK}).status == 201


@pytest.mark.thorough
def test_the_same_request_goes_on(api: Api) -> None:
    session_id = long(api)
    unfinished(api, session_id)
    api.append(session_id, user("later"))
    with counted() as requests:
        reply = fork(api, session_id)
    # The head of the fork and of the source; the third step; the last transaction.
    assert requests == ["GetItem", "GetItem", "Query", "TransactWriteItems", "TransactWriteItems"]
    assert reply.status == 201
    # It has what was there when it was begun.
    assert api.contents(FORK) == [f"q{number}" for number in range(60)]
    assert api.append(FORK, user("q59", message_id="m59")).body["replayed"]
    assert api.append(FORK, user("q0", message_id="m0")).body["replayed"]
    assert api.append(FORK, user("next")).body["first_sequence"] == 60


@pytest.mark.thorough
def test_two_at_once_make_one(api: Api) -> None:
    session_id = long(api)
    with first("Query", lambda: fork(api, session_id)):
        assert fork(api, session_id).status == 200
    assert api.contents(FORK) == [f"q{number}" for number in range(60)]
    assert api.list().body["total"] == 2


@pytest.mark.thorough
@pytest.mark.parametrize("after", [1, 2, 3])
def test_the_source_is_edited_meanwhile(api: Api, after: int) -> None:
    """By a tool call, which changes a message that is copied already, or none that is."""
    session_id = api.new()
    messages = [assistant(f"a{number}", message_id=f"m{number}") for number in range(60)]
    assert api.put(session_id, messages=messages).status == 200
    left = [after]

    def act(**_: Any) -> None:
        if not purging():
            left[0] -= 1
            if left[0] == 0:
                assert api.rewind(session_id, 59, 60).status == 200
                assert api.append(session_id, assistant("new"), assistant("last")).status == 201
                assert api.tool_call(session_id, {"id": "c", "function": {"name": "f"}}).status == 200

    with hook("before-send.dynamodb.Query", act):
        assert fork(api, session_id).status == 201
    forked, source = api.get(FORK).body, api.get(session_id).body
    assert [message["content"] for message in source["messages"]][-2:] == ["new", "last"]
    assert forked["messages"] == source["messages"]
    assert api.append(FORK, user("next")).body["first_sequence"] == 61


@pytest.mark.thorough
def test_the_source_is_cut_meanwhile(api: Api, bucket: BucketView) -> None:
    """What was copied of what went is not in the fork, and goes with its objects."""
    session_id = long(api)
    assert api.append(session_id, assistant(noise(600_000))).status == 201
    with first_finish(lambda: api.rewind(session_id, 20, 61)):
        assert fork(api, session_id).status == 201
    assert api.contents(FORK) == [f"q{number}" for number in range(20)]
    assert bucket.of(api.user, FORK) == []
    assert api.get(FORK).body["metadata"]["forked_from"]["sequence"] == 20
    assert api.append(FORK, user("next", message_id="m20")).body["first_sequence"] == 20
    assert api.contents(FORK)[-1] == "next"


def test_fields_that_change_meanwhile_are_those_of_the_end(api: Api) -> None:
    session_id = long(api, title="Old", metadata={"a": 1})

    def change() -> None:
        api.title(session_id, "New")
        api.patch(session_id, metadata={"a": 2})

    with first_finish(change):
        forked = fork(api, session_id).body
    assert (forked["title"], forked["metadata"]["a"]) == ("New", 2)


def test_more_than_there_is(api: Api) -> None:
    session_id = api.new(user("a"))
    assert fork(api, session_id, to_sequence=2).problem(409, "sequence_mismatch")["message_count"] == 1
    api.get(FORK).problem(404, "not_found")
    assert api.call("POST", "/sessions", {"session_id": FORK}).status == 201


def test_more_than_there_is_left(api: Api) -> None:
    session_id = long(api)
    with first_finish(lambda: api.rewind(session_id, 20, 60)):
        fork(api, session_id, to_sequence=40).problem(409, "sequence_mismatch")


@pytest.mark.thorough
def test_the_source_is_deleted_meanwhile(api: Api) -> None:
    session_id = long(api)
    with first_finish(lambda: api.delete(session_id)):
        fork(api, session_id).problem(404, "not_found")
    # Nor is another session that begins under the source's id what was meant.
    assert api.call("POST", "/sessions", {"session_id": session_id, "recreate": True}).status == 201
    fork(api, session_id).problem(404, "not_found")
    assert api.list().body["total"] == 1


def test_ids_that_are_taken(api: Api) -> None:
    session_id = api.new(user("a"))
    other = api.new(user("b"))
    fork(api, session_id, session_id=other).problem(409, "session_exists")
    fork(api, session_id, session_id=session_id).problem(409, "session_exists")
    assert fork(api, session_id).status == 201
    fork(api, other).problem(409, "session_exists")
    fork(api, session_id, to_sequence=0).problem(409, "session_exists")
    assert api.delete(FORK).status == 204
    assert "deleted_at" in fork(api, session_id).problem(410, "gone")
    assert api.contents(other) == ["b"]


@pytest.mark.parametrize(
    "wrong",
    [{"to_sequence": -1}, {"to_sequence": "1"}, {"title": " "}, {"session_id": "a/b"}, {"messages": []}],
)
def test_bad_input(api: Api, wrong: dict[str, Any]) -> None:
    fork(api, api.new(user("a")), **wrong).problem(422, "invalid")


def test_nothing_there(api: Api) -> None:
    fork(api, "nothing").problem(404, "not_found")
    session_id = api.new(user("a"))
    theirs = Api(api.url, f"{api.user}-2")
    fork(theirs, session_id).problem(404, "not_found")
    api.delete(session_id)
    fork(api, session_id).problem(404, "not_found")


def test_where_it_is_from_is_outside_the_limit_of_objects(api: Api) -> None:
    full = {"full": "x" * (32 * 1024 - len('{"full":""}'))}
    session_id = api.new(user("a"), metadata=full)
    assert fork(api, session_id).status == 201
    found = api.get(FORK).body
    assert found["metadata"]["full"] == full["full"]
    assert api.call("PUT", f"/sessions/{FORK}", found).status == 200
    assert api.patch(FORK, metadata={"full": "x"}).status == 200
    assert api.patch(FORK, metadata=full).status == 200
    api.patch(FORK, metadata={"more": 1}).problem(413, "too_large")
    # What the application makes of it is the application's.
    api.patch(FORK, metadata={"forked_from": {"session_id": "other", "sequence": 1}}).problem(
        413, "too_large"
    )
    assert api.patch(FORK, metadata={"forked_from": None}).status == 200
    assert fork(api, session_id).status == 200


def test_begun_anew_under_the_id(api: Api) -> None:
    session_id = api.new(user("a"))
    assert fork(api, session_id).status == 201
    assert api.delete(FORK).status == 204
    body = {"session_id": FORK, "recreate": True, "messages": [user("b")]}
    made = api.call("POST", "/sessions", body)
    assert (made.status, made.body["metadata"]) == (201, {})
    fork(api, session_id).problem(409, "session_exists")
    assert api.contents(FORK) == ["b"]


@pytest.mark.thorough
def test_one_that_nobody_finishes_goes_after_a_day(api: Api, table: TableView, bucket: BucketView) -> None:
    session_id = api.new(assistant(noise(600_000)), *[user(f"q{number}") for number in range(70)])
    unfinished(api, session_id)
    assert len(bucket.of(api.user, FORK)) == 1
    key = SessionKey(str(api.user), FORK)
    ends = int(table.session(*key)[key.partition, EXPIRY]["expires_at"]["N"])
    assert 0.9 < (ends - time.time()) / 86_400 <= 1
    # A marker that ends too early, by another clock, is put again.
    table.client.delete_item(TableName=table.name, Key=key.expiry)
    wait_until(lambda: (key.partition, EXPIRY) in table.session(*key))
    run(work_off(lambda_store(0)._replace(clock=Later(1.1)), key.expiry))
    wait_until(lambda: len(table.session(*key)) == 1)
    wait_until(lambda: not bucket.of(api.user, FORK))
    api.call("POST", "/sessions", {"session_id": FORK}).problem(410, "gone")
    fork(api, session_id).problem(410, "gone")
    assert api.list().body["total"] == 1


@pytest.mark.thorough
def test_a_record_of_before_takes_nothing_away(api: Api) -> None:
    """Of the session whose tombstone has ended, the stream tells late."""
    session_id = long(api)
    unfinished(api, session_id)
    run(work_off(lambda_store(0), SessionKey(str(api.user), FORK).head))
    assert fork(api, session_id).status == 201
    assert api.contents(FORK) == [f"q{number}" for number in range(60)]


def test_a_whole_one_stays(api: Api, table: TableView) -> None:
    session_id = long(api)
    assert fork(api, session_id).status == 201
    key = SessionKey(str(api.user), FORK)
    table.client.delete_item(TableName=table.name, Key=key.expiry)
    run(work_off(lambda_store(0)._replace(clock=Later(2)), key.expiry))
    assert len(api.contents(FORK)) == 60


@contextmanager
def first_finish(action: Any) -> Iterator[None]:
    """Do something right before the first request that would make a fork whole."""
    pending = [action]

    def act(request: Any, **_: Any) -> None:
        if pending and not purging() and b"session_count" in request.body:
            pending.pop()()

    with hook("before-send.dynamodb.TransactWriteItems", act):
        yield
    assert not pending


def test_what_it_costs(api: Api) -> None:
    """At most 25 items a request, and no content goes through the function that need not."""
    session_id = long(api, 59)
    assert api.append(session_id, assistant(noise(600_000))).status == 201
    items: list[int] = []

    def note(params: Any, **_: Any) -> None:
        if not purging():
            items.append(str(params["body"]).count("TableName") if isinstance(params, dict) else 0)

    with (
        hook("before-call.dynamodb.TransactWriteItems", note),
        counted() as requests,
        bucket_requests() as asked,
    ):
        assert fork(api, session_id).status == 201
    steps = ["Query", "TransactWriteItems"] * 3
    assert requests == ["GetItem", "GetItem", "TransactWriteItems", *steps, "TransactWriteItems"]
    assert asked == ["CopyObject"]
    assert items == [2, 25, 25, 13, 3]


def test_a_large_message_is_missing(api: Api, bucket: BucketView) -> None:
    session_id = api.new(assistant(noise(600_000)))
    (name,) = bucket.of(api.user, session_id)
    bucket.client.delete_object(Bucket=bucket.name, Key=name)
    assert "is lost" in fork(api, session_id).problem(503, "unavailable")["detail"]
    api.get(FORK).problem(404, "not_found")


def test_a_copy_whose_reply_is_lost(api: Api, bucket: BucketView) -> None:
    session_id = api.new(assistant(noise(600_000)))
    with bucket_requests("CopyObject"):
        fork(api, session_id).problem(503, "unavailable")
    assert fork(api, session_id).status == 201
    assert api.get(FORK).body["messages"] == api.get(session_id).body["messages"]
    assert len(bucket.of(api.user, FORK)) == 1


def test_it_is_unanswered_and_another_deletes_it(api: Api) -> None:
    """What cannot be told is not: it may have been made."""
    session_id = api.new(user("a"))

    def made_and_deleted() -> None:
        assert fork(api, session_id).status == 201
        assert api.delete(FORK).status == 204

    with lost_reply("TransactWriteItems", made_and_deleted):
        problem = fork(api, session_id).problem(503, "unavailable")
    assert problem["session_id"] == FORK
    fork(api, session_id).problem(410, "gone")


@pytest.mark.thorough
def test_random_logs(api: Api) -> None:
    """Whatever was done to a log, its fork reads the same, to the end and by pages."""
    rng = random.Random(5)
    session_id = api.new()
    for number in range(40):
        match rng.randrange(4):
            case 0:
                api.tool_call(session_id, {"id": f"c{number}", "function": {"name": "f"}})
            case 1:
                length = api.get(session_id, limit=0).body["message_count"]
                api.rewind(session_id, max(0, length - rng.randrange(3)), length)
            case _:
                api.append(session_id, *[assistant(f"{number}-{at}") for at in range(rng.randrange(1, 9))])
    source = api.get(session_id).body
    length = source["message_count"]
    for at, to in enumerate((length, length // 2, 1)):
        assert fork(api, session_id, session_id=f"f{at}", to_sequence=to).status == 201
        assert api.get(f"f{at}").body["messages"] == source["messages"][:to]
        assert api.messages(f"f{at}", after=to - 2).body["messages"] == source["messages"][to - 1 : to]
