"""Rewind: the messages from a sequence on go, if the session still ends where the client has seen it end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.world import configured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.world import TableView

USAGE = {"prompt_tokens": 9, "completion_tokens": 1}
NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
CALL = {"id": "c", "function": {"name": "f", "arguments": "{}"}}


@pytest.fixture(params=["warm", "cold", "uncached"])
def cache_state(request: pytest.FixtureRequest) -> Iterator[str]:
    """A rewind does not hang on the cache."""
    if request.param == "uncached":
        with configured(TURNLOG_CACHE_URL=""):
            yield request.param
    else:
        yield request.param


def talk(api: Api, length: int = 5) -> str:
    """A session of messages `0`, `1`, … with ids `m0`, `m1`, …, appended one by one with their tokens."""
    session_id = api.new()
    for at in range(length):
        api.append(session_id, user(f"{at}", message_id=f"m{at}"), usage=USAGE)
    return session_id


def whole(api: Api, session_id: str) -> Any:
    """The session, which must be the same wherever it is read from."""
    warm = api.get(session_id).body
    api.call("DELETE", f"/sessions/{session_id}/cache")
    assert api.get(session_id).body == warm
    assert api.messages(session_id, limit=1_000).body["messages"] == warm["messages"]
    return warm


@pytest.mark.thorough
@pytest.mark.parametrize("to", [0, 1, 3, 4])
def test_what_goes_and_what_stays(api: Api, cache_state: str, table: TableView, to: int) -> None:
    session_id = talk(api)
    before = api.get(session_id).body
    if cache_state == "cold":
        api.call("DELETE", f"/sessions/{session_id}/cache")
    reply = api.rewind(session_id, to, 5)
    assert (reply.status, reply.body) == (200, {"message_count": to, "version": 7, "replayed": False})
    session = whole(api, session_id)
    usage = {"prompt_tokens": 9 * to, "completion_tokens": to, "total_tokens": 10 * to}
    assert session == before | {
        "message_count": to,
        "version": 7,
        "usage": usage,
        "updated_at": session["updated_at"],
        "messages": before["messages"][:to],
        "oldest_sequence": 0 if to else None,
    }
    assert session["updated_at"] > before["updated_at"]
    assert len(table.session(api.user, session_id)) == 1 + to
    assert len(api.export(session_id).body["messages"]) == to


@pytest.mark.thorough
def test_the_next_message_takes_the_place_of_the_first_that_went(api: Api, cache_state: str) -> None:
    session_id = talk(api)
    api.get(session_id)
    for turn in range(3):
        assert api.rewind(session_id, 3, 5 if turn == 0 else 4).status == 200
        if cache_state == "cold":
            api.call("DELETE", f"/sessions/{session_id}/cache")
        appended = api.append(session_id, user(f"other {turn}"), expected_sequence=3)
        assert (appended.status, appended.body["first_sequence"]) == (201, 3)
        assert api.contents(session_id) == ["0", "1", "2", f"other {turn}"]
    assert [one["content"] for one in whole(api, session_id)["messages"]] == ["0", "1", "2", "other 2"]


def test_the_same_request_again(api: Api) -> None:
    """As after a lost reply, as long as nothing was appended or rewound since."""
    session_id = talk(api)
    once = api.rewind(session_id, 2, 5)
    for _ in range(2):
        assert (api.rewind(session_id, 2, 5).status, api.rewind(session_id, 2, 5).body) == (
            200,
            once.body | {"replayed": True},
        )
    api.title(session_id, "t")
    assert api.rewind(session_id, 2, 5).body == {"message_count": 2, "version": 8, "replayed": True}
    api.append(session_id, user("x"))
    problem = api.rewind(session_id, 2, 5).problem(409, "sequence_mismatch")
    assert problem["message_count"] == 3
    api.rewind(session_id, 1, 3)
    assert api.rewind(session_id, 2, 5).problem(409, "sequence_mismatch")["message_count"] == 1
    assert api.contents(session_id) == ["0"]


def test_a_rewind_with_an_id_is_told_from_anothers(api: Api) -> None:
    """Of two who take the last message away at once, one does."""
    session_id = talk(api)
    assert api.rewind(session_id, 4, 5, rewind_id="a").body["replayed"] is False
    for other in ({"rewind_id": "b"}, {}):
        api.rewind(session_id, 4, 5, **other).problem(409, "sequence_mismatch")
    assert api.rewind(session_id, 4, 5, rewind_id="a").body == {
        "message_count": 4,
        "version": 7,
        "replayed": True,
    }
    # By its id it is known where the log has grown since, too; until the next rewind.
    api.append(session_id, user("x"))
    again = api.rewind(session_id, 4, 5, rewind_id="a").body
    assert (again["message_count"], again["replayed"]) == (5, True)
    assert api.rewind(session_id, 4, 5, rewind_id="b").body["replayed"] is False
    api.append(session_id, user("y"))
    assert api.rewind(session_id, 4, 5, rewind_id="a").body["replayed"] is False


def test_only_from_the_version_that_was_seen(api: Api) -> None:
    """So what goes is what the client has seen: not what others put there since."""
    session_id = talk(api)
    seen = {"If-Match": api.get(session_id).etag}
    api.rewind(session_id, 4, 5)
    api.append(session_id, user("another"))
    before = api.get(session_id).body
    problem = api.rewind(session_id, 4, 5, seen, rewind_id="a").problem(412, "precondition_failed")
    assert problem["version"] == before["version"]
    assert api.get(session_id).body == before
    seen = {"If-Match": api.get(session_id).etag}
    assert api.rewind(session_id, 4, 5, seen, rewind_id="a").body["replayed"] is False
    assert api.rewind(session_id, 4, 5, seen, rewind_id="a").body["replayed"] is True


def test_to_where_it_ends(api: Api) -> None:
    session_id = talk(api, 2)
    before = api.get(session_id).body
    reply = api.rewind(session_id, 2, 2)
    assert (reply.status, reply.body) == (200, {"message_count": 2, "version": 3, "replayed": True})
    assert api.get(session_id).body == before


def test_the_ids_of_what_went_are_free_again(api: Api) -> None:
    session_id = talk(api)
    api.rewind(session_id, 3, 5)
    kept = api.append(session_id, user("2", message_id="m2"))
    assert (kept.status, kept.body["first_sequence"]) == (200, 2)
    again = api.append(session_id, user("said anew", message_id="m4"), usage=USAGE)
    assert (again.status, again.body["first_sequence"]) == (201, 3)
    assert api.append(session_id, user("said anew", message_id="m4")).status == 200
    assert api.contents(session_id) == ["0", "1", "2", "said anew"]
    assert api.put(session_id, start_sequence=4, messages=[user("3", message_id="m3")]).status == 200


def test_only_the_tokens_of_whole_appends_go(api: Api) -> None:
    """Those came with the append, and are told at its last message."""
    session_id = api.new(user("a"), user("b"), usage=USAGE)
    api.append(session_id, user("c"), user("d"), usage=USAGE)
    api.append(session_id, user("e"))
    api.rewind(session_id, 4, 5)
    assert api.get(session_id).body["usage"]["total_tokens"] == 20
    api.rewind(session_id, 3, 4)
    assert api.get(session_id).body["usage"] == {**USAGE, "total_tokens": 10}
    api.rewind(session_id, 0, 3)
    assert api.get(session_id).body["usage"] == {**USAGE, "total_tokens": 10}


def test_a_sum_that_was_put_does_not_fall_below_nothing(api: Api) -> None:
    session_id = talk(api, 3)
    api.put(session_id, usage={"prompt_tokens": 12})
    api.rewind(session_id, 1, 3)
    assert api.get(session_id).body["usage"] == NO_USAGE


@pytest.mark.thorough
def test_messages_with_tool_calls(api: Api, cache_state: str) -> None:
    session_id = api.new(user("q"), assistant("a"))
    api.tool_call(session_id, CALL)
    api.append(session_id, user("p"), assistant("b"), usage=USAGE)
    before = api.get(session_id).body
    for name in "de":
        api.tool_call(session_id, CALL | {"id": name})
    if cache_state == "cold":
        api.call("DELETE", f"/sessions/{session_id}/cache")
    api.rewind(session_id, 2, 4)
    session = whole(api, session_id)
    assert (session["messages"], session["usage"]) == (before["messages"][:2], NO_USAGE)
    # Its id went with the message that bore it; the one that stayed is still known.
    assert api.tool_call(session_id, CALL).body["message"] == session["messages"][1]
    added = api.tool_call(session_id, CALL | {"id": "d"}).body["message"]
    assert [call["id"] for call in added["tool_calls"]] == ["c", "d"]
    api.rewind(session_id, 1, 2)
    assert api.tool_call(session_id, CALL).body["message"]["sequence"] == 1
    assert len(whole(api, session_id)["messages"]) == 2


def test_what_a_client_knows_of_before_is_known_to_be_old(api: Api) -> None:
    session_id = talk(api)
    tag = api.get(session_id).etag
    api.rewind(session_id, 3, 5)
    api.append(session_id, user("x"), user("y"))
    read = api.get(session_id, {"If-None-Match": tag})
    assert (read.status, len(read.body["messages"])) == (200, 5)
    api.put(session_id, {"If-Match": tag}, title="t").problem(412, "precondition_failed")
    assert api.get(session_id, {"If-None-Match": read.etag}).status == 304


def test_a_rewound_session_is_the_first_of_the_list(api: Api) -> None:
    older, newer = talk(api, 2), talk(api, 2)
    assert [one["session_id"] for one in api.list().body["sessions"]] == [newer, older]
    api.rewind(older, 1, 2)
    listed = api.list().body
    assert [one["session_id"] for one in listed["sessions"]] == [older, newer]
    assert (listed["sessions"][0]["message_count"], listed["total"]) == (1, 2)
