"""What others do between a request of the client whose reply is lost and its repeat is not undone by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.functional.api import assistant, user
from tests.functional.test_client_retries import Program, lost_reply, not_reached, program, throttled
from turnlog import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.test_client_retries import Trouble

__all__ = ["program"]  # the fixture


def lost_and_then(action: Callable[[], Any]) -> Trouble:
    """The request is carried out, then something else is, and the reply is lost."""

    async def trouble(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        try:
            return await lost_reply(way, request)
        finally:
            action()

    return trouble


def test_another_rewind_by_which_the_own_one_is_not_known_again(program: Program) -> None:
    """It is not said that nothing was taken away: who believes that would take away another message."""
    session_id = program.api.new(*(user(text) for text in "abcde"))
    pop = lost_and_then(lambda: program.api.rewind(session_id, 3, 4))
    with pytest.raises(errors.Unanswered):
        program.call(
            "rewind_session", session_id, to_sequence=4, expected_sequence=5, if_match=1, troubles=[pop]
        )
    assert program.api.contents(session_id) == ["a", "b", "c"]


def test_a_log_that_is_as_long_again(program: Program) -> None:
    session_id, api = program.api.new(*(user(text) for text in "abc")), program.api

    def rewind_and_append() -> None:
        api.append(session_id, user("d"), user("e"))
        api.rewind(session_id, 1, 2)
        api.append(session_id, user("f"), user("g"))

    with pytest.raises(errors.Unanswered):
        program.call(
            "rewind_session",
            session_id,
            to_sequence=0,
            expected_sequence=3,
            troubles=[lost_and_then(rewind_and_append)],
        )
    assert api.contents(session_id) == ["d", "f", "g"]


def test_a_transcript_that_begins_anew(program: Program) -> None:
    session_id, api = program.api.new(), program.api
    api.entries(session_id, "main", {"uuid": "old"})
    begin = lost_and_then(lambda: api.entries(session_id, "main", {"uuid": "new"}))
    with pytest.raises(errors.Unanswered):
        program.call("delete_transcript", session_id, "main", troubles=[begin])
    assert api.transcript(session_id, "main").body["entries"] == [{"uuid": "new"}]


@pytest.mark.parametrize("call_id", [None, ""])
def test_a_tool_call_whose_id_is_none(program: Program, call_id: str | None) -> None:
    session_id = program.api.new(user("q"), assistant("a"))
    with pytest.raises(errors.Unanswered):
        program.call("add_tool_call", session_id, {"id": call_id}, troubles=[lost_reply])
    assert len(program.api.get(session_id).body["messages"][1]["tool_calls"]) == 1


def test_transcripts_that_are_off_are_not_taken_for_none(program: Program) -> None:
    async def off(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:  # noqa: ARG001
        return httpx.Response(404, json={"type": "transcripts_off", "detail": "They are off."})

    with pytest.raises(errors.TranscriptsOff):
        program.call("read_entries", "s", "main", troubles=[off])
    assert not issubclass(errors.TranscriptsOff, errors.NotFound)


@pytest.mark.thorough
def test_an_import_of_almost_5_mb(program: Program) -> None:
    """In base64 it would be more than a function's event holds."""
    session_id = program.api.new()
    text = "".join(json.dumps({"uuid": f"{at}", "text": "x" * 240_000}) + "\n" for at in range(20))
    assert len(text) > 4_800_000
    program.call("import_transcript", session_id, "main", text, troubles=[])
    assert program.api.transcript(session_id, "main", limit=1).body["entry_count"] == 20


@pytest.mark.parametrize("last", [not_reached, throttled])
def test_an_append_that_was_stored_is_not_called_surely_refused(program: Program, last: Trouble) -> None:
    """The tries after it did not arrive. `Contended` would say that nothing was stored."""
    session_id = program.api.new()
    with pytest.raises(errors.Unanswered):
        program.call("append_messages", session_id, [user("q")], troubles=[lost_reply, *[last] * 9])
    assert program.api.contents(session_id) == ["q"]


def others_come(program: Program, session_id: str) -> None:
    """So many that the session's head knows none of the ids from before."""
    for _ in range(6):
        program.api.append(session_id, *(user("theirs") for _ in range(99)))


@pytest.mark.thorough
def test_an_append_that_was_made_does_not_say_that_another_came_first(program: Program) -> None:
    session_id = program.api.new()
    come = lost_and_then(lambda: others_come(program, session_id))
    with pytest.raises(errors.Unanswered):
        program.call("append_messages", session_id, [user("q")], expected_sequence=0, troubles=[come])
    assert program.api.contents(session_id)[0] == "q"


def test_entries_that_were_stored_do_not_say_that_others_came_first(program: Program) -> None:
    session_id, api = program.api.new(), program.api
    others = lost_and_then(lambda: [api.entries(session_id, "main", *[{}] * 300) for _ in range(2)])
    with pytest.raises(errors.Unanswered):
        program.call(
            "append_entries", session_id, "main", [{"mine": 1}], expected_position=0, troubles=[others]
        )
    assert api.transcript(session_id, "main", limit=1).body["entries"] == [{"mine": 1}]


def unauthorized(status: int) -> Trouble:
    """The authorizer refuses the request: its token has expired meanwhile."""

    async def trouble(way: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:  # noqa: ARG001
        return httpx.Response(status, json={"message": "Unauthorized"})

    return trouble


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_a_token_does_not_deny_what_was_done_before(program: Program, status: int) -> None:
    session_id = program.api.new()
    with pytest.raises(errors.Unanswered):
        program.call("append_messages", session_id, [user("q")], troubles=[lost_reply, unauthorized(status)])
    assert program.api.contents(session_id) == ["q"]


def test_an_append_to_a_session_that_is_not_there_says_so(program: Program) -> None:
    """Whatever became of the tries before: nothing is stored where no session is."""
    with pytest.raises(errors.NotFound):
        program.call("append_messages", "nothing", [user("q")], troubles=[lost_reply])


def test_a_put_that_was_made_does_not_say_that_nothing_was_written(program: Program) -> None:
    session_id, api = program.api.new(), program.api

    def take_its_place() -> None:
        api.rewind(session_id, 0, 1)
        api.append(session_id, user("theirs"))

    with pytest.raises(errors.Unanswered):
        program.call(
            "put_session", session_id, messages=[user("mine")], troubles=[lost_and_then(take_its_place)]
        )
    assert api.contents(session_id) == ["theirs"]


def test_an_import_that_was_made_does_not_say_that_nothing_was_written(program: Program) -> None:
    session_id, api = program.api.new(), program.api

    def begin_anew() -> None:
        api.call("DELETE", f"/sessions/{session_id}/transcripts/main")
        api.entries(session_id, "main", {"uuid": "mine", "other": True})

    with pytest.raises(errors.Unanswered):
        program.call(
            "import_transcript", session_id, "main", '{"uuid":"mine"}\n', troubles=[lost_and_then(begin_anew)]
        )
    assert api.transcript(session_id, "main").body["entries"] == [{"uuid": "mine", "other": True}]


def test_a_put_that_was_made_does_not_say_that_the_session_was_deleted_before(program: Program) -> None:
    session_id = program.api.new()
    delete = lost_and_then(lambda: program.api.delete(session_id))
    with pytest.raises(errors.Unanswered):
        program.call("put_session", session_id, title="mine", if_match=1, troubles=[delete])
