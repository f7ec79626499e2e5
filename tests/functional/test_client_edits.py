"""Edits of a stored message by the client: sent again after a lost reply, they undo nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import user
from tests.functional.test_client_others import lost_and_then
from tests.functional.test_client_retries import Program, lost_reply, program
from turnlog import Message, errors

if TYPE_CHECKING:
    from tests.functional.api import Api

__all__ = ["program"]  # the fixture


def seen(api: Api, session_id: str, sequence: int) -> Message:
    return Message.of(api.message(session_id, sequence).body)


@pytest.mark.parametrize("edit", [{"removed": True}, {"replace": user("b")}, {"metadata": {"x": 1}}])
def test_an_edit_whose_reply_is_lost_is_made_once(program: Program, edit: dict[str, Any]) -> None:
    session_id = program.api.new(user("a"))
    message = seen(program.api, session_id, 0)
    edited = program.call("edit_message", session_id, message, troubles=[lost_reply] * 2, **edit)
    after = program.api.get(session_id).body
    assert (edited.message.raw, edited.version) == (after["messages"][0], 2)
    assert len({request.content for request in program.way.requests}) == 1


def test_another_edit_before_it_is_sent_again(program: Program) -> None:
    session_id = program.api.new(user("a"))
    other = lost_and_then(lambda: program.api.edit(session_id, 0, metadata={"x": 2}))
    message = seen(program.api, session_id, 0)
    edited = program.call("edit_message", session_id, message, metadata={"x": 1}, troubles=[other])
    assert edited.message.metadata == {"x": 2}
    assert program.api.message(session_id, 0).body["metadata"] == {"x": 2}


@pytest.mark.thorough
def test_another_message_before_it_is_sent_again(program: Program) -> None:
    """One that was seen is named in the request; a sequence alone is not sent again."""
    api = program.api

    def another() -> None:
        api.rewind(session_id, 1, 2)
        api.append(session_id, user("c"))

    for named in (True, False):
        session_id = api.new(user("a"), user("b"))
        message: Any = seen(api, session_id, 1) if named else 1
        with pytest.raises(errors.Unanswered):
            program.call("edit_message", session_id, message, removed=True, troubles=[lost_and_then(another)])
        assert api.contents(session_id) == ["a", "c"]
        assert len(program.way.requests) == (2 if named else 1)


def test_the_message_that_was_seen_is_named(program: Program) -> None:
    session_id = program.api.new(user("a", message_id="a"))
    message = seen(program.api, session_id, 0)
    program.call("edit_message", session_id, message, metadata={}, troubles=[])
    sent = json.loads(program.way.requests[0].content)
    assert sent.keys() == {"metadata", "message_id", "edit_id"}
    assert sent["message_id"] == "a"
    program.api.rewind(session_id, 0, 1)
    program.api.append(session_id, user("b"))
    with pytest.raises(errors.MessageMoved):
        program.call("edit_message", session_id, message, removed=True, troubles=[])
    # What was seen, changed, is sent as it is.
    message = seen(program.api, session_id, 0)
    edited = program.call("edit_message", session_id, message, replace=message, troubles=[])
    assert (edited.message, edited.version) == (message, 3)


@pytest.mark.parametrize("sequence", [-1, True, "0", 1.0, None])
def test_what_is_no_sequence(program: Program, sequence: Any) -> None:
    for operation, given in (("get_message", {}), ("edit_message", {"removed": True})):
        with pytest.raises(errors.Invalid, match="sequence"):
            program.call(operation, "s", sequence, troubles=[], **given)
        assert not program.way.requests


def test_errors_of_edits(program: Program) -> None:
    session_id = program.api.new(user("a"))
    with pytest.raises(errors.Invalid, match="exactly one"):
        program.call("edit_message", session_id, 0, troubles=[])
    with pytest.raises(errors.NotFound):
        program.call("edit_message", session_id, 1, removed=True, troubles=[])
    with pytest.raises(errors.PreconditionFailed):
        program.call("edit_message", session_id, 0, metadata={"x": 1}, if_match=7, troubles=[])
    program.call("edit_message", session_id, 0, removed=True, troubles=[])
    with pytest.raises(errors.MessageRemoved):
        program.call("edit_message", session_id, 0, metadata={"x": 1}, troubles=[])
