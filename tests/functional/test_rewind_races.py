"""A rewind meets others: whoever comes first, the log is what one of them after the other makes of it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import user
from tests.functional.test_rewind import talk, whole
from tests.functional.world import after_first, first, lost_reply, sent_twice
from turnlog.coroutines import run
from turnlog.drivers.blocking import SystemClock, lambda_store
from turnlog.operations.append_messages import append_messages
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from tests.functional.api import Api


@pytest.mark.parametrize("lose", [lost_reply, sent_twice])
def test_a_lost_reply_of_the_table(api: Api, lose: Any) -> None:
    """It is known as made, in the one request."""
    session_id = talk(api)
    with lose("TransactWriteItems"):
        reply = api.rewind(session_id, 2, 5)
    assert reply.body == {"message_count": 2, "version": 7, "replayed": False}
    assert len(whole(api, session_id)["messages"]) == 2


def test_an_append_that_comes_first(api: Api) -> None:
    session_id = talk(api)
    with first("TransactWriteItems", lambda: api.append(session_id, user("faster"))):
        reply = api.rewind(session_id, 2, 5)
    assert reply.problem(409, "sequence_mismatch")["message_count"] == 6
    assert len(whole(api, session_id)["messages"]) == 6


def test_an_append_that_comes_behind(api: Api) -> None:
    """Also where others have brought the log to the length that it was meant for."""
    session_id = talk(api)

    def others() -> None:
        api.rewind(session_id, 3, 5)
        api.append(session_id, user("x"), user("y"))

    with first("TransactWriteItems", others):
        reply = api.append(session_id, user("slower"))
    assert (reply.status, reply.body["first_sequence"]) == (201, 5)
    assert api.contents(session_id) == ["0", "1", "2", "x", "y", "slower"]


def test_a_title_that_comes_between(api: Api) -> None:
    session_id = talk(api)
    with first("TransactWriteItems", lambda: api.title(session_id, "t")):
        reply = api.rewind(session_id, 2, 5)
    assert reply.body == {"message_count": 2, "version": 8, "replayed": False}


@pytest.mark.thorough
@pytest.mark.parametrize("read", ["get", "messages", "export"])
def test_a_read_between_whose_looks_a_rewind_comes(api: Api, read: str) -> None:
    """Whether the places are empty, or taken by others: the answer is of one state of the session."""
    for more in ([], [user("x"), user("y")]):
        session_id = talk(api)
        api.call("DELETE", f"/sessions/{session_id}/cache")

        def others(session_id: str = session_id, more: Any = more) -> None:
            api.rewind(session_id, 3, 5)
            if more:
                api.append(session_id, *more)

        with after_first("GetItem", others):
            reply = getattr(api, read)(session_id)
        contents = [one["content"] for one in reply.body["messages"]]
        assert contents == ["0", "1", "2", *(one["content"] for one in more)]
        if read == "get":
            assert reply.body["message_count"] == len(contents)
            assert reply.etag == api.get(session_id).etag


class Ahead(SystemClock):
    """The clock of a machine that is a day ahead."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=1)


def test_an_append_that_comes_behind_by_a_clock_that_is_ahead(api: Api) -> None:
    """The times do not tell that it is behind; the count of rewinds does."""
    session_id = talk(api)
    theirs = user("theirs", message_id="t"), user("theirs, too", message_id="u")

    def others() -> None:
        assert api.rewind(session_id, 3, 5).status == 200
        assert api.append(session_id, *theirs).body["message_count"] == 5

    api.call("DELETE", f"/sessions/{session_id}/cache")  # or the guess would be of a version
    store = lambda_store(0)._replace(clock=Ahead(time.monotonic() + 29))
    with first("TransactWriteItems", others):
        appended = run(append_messages(store, SessionKey(str(api.user), session_id), [user("mine")]))
    assert appended.sequences == [5]
    assert api.append(session_id, *theirs).body["replayed"] is True
    assert len(whole(api, session_id)["messages"]) == 6
