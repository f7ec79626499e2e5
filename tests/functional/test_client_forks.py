"""Forks by the client: sent again after a lost reply they are one, and a long one is gone on with."""

from __future__ import annotations

import pytest

from tests.functional.api import user
from tests.functional.test_client_retries import Program, lost_reply, program, unavailable
from tests.functional.world import hurried
from turnlog import errors
from turnlog.store.retry import RESERVE

__all__ = ["program"]  # the fixture


def test_a_fork_whose_reply_is_lost_is_one(program: Program) -> None:
    session_id = program.api.new(user("a"), user("b"))
    forked = program.call("fork_session", session_id, to_sequence=1, troubles=[lost_reply] * 2)
    assert program.api.contents(forked.session_id) == ["a"]
    assert program.api.list().body["total"] == 2
    assert len({request.content for request in program.way.requests}) == 1


@pytest.mark.thorough
def test_a_fork_that_takes_longer_than_a_request(program: Program) -> None:
    """Here each request has time for one step of 24 messages."""
    session_id = program.api.new()
    messages = [user(f"q{number}") for number in range(200)]
    assert program.api.put(session_id, messages=messages).status == 200
    with hurried(RESERVE):
        forked = program.call("fork_session", session_id, fork_id="f", troubles=[])
    assert (forked.session_id, forked.message_count) == ("f", 200)
    assert len(program.way.requests) == 10
    assert program.api.contents("f") == program.api.contents(session_id)


def test_a_fork_that_makes_no_progress_is_given_up(program: Program) -> None:
    session_id = program.api.new(user("a"))
    with pytest.raises(errors.Unavailable):
        program.call("fork_session", session_id, troubles=[unavailable] * 9)
    assert len(program.way.requests) < 9
