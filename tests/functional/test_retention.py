"""`TURNLOG_RETENTION_DAYS`: a session that is not changed for so long is deleted."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.functional.api import Api, user
from tests.functional.world import Later, configured, first, wait_until
from turnlog.coroutines import run
from turnlog.drivers.blocking import lambda_store
from turnlog.errors import Contended
from turnlog.limits import MAX_FIRST_BATCH
from turnlog.operations.purge import work_off
from turnlog.records.keys import EXPIRY, SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.world import TableView

DAYS = 30


@pytest.fixture(autouse=True)
def retention() -> Iterator[None]:
    with configured(TURNLOG_RETENTION_DAYS=str(DAYS)):
        yield


def marker(table: TableView, key: SessionKey) -> int | None:
    """When the table lets the session's marker end."""
    row = table.session(key.user_id, key.session_id).get((key.partition, EXPIRY))
    return int(row["expires_at"]["N"]) if row else None


def expire(table: TableView, key: SessionKey, days: float) -> Counter[str]:
    """What the time to live does to the marker, and what the stream makes of it, in so many days."""
    table.client.delete_item(TableName=table.name, Key=key.expiry)
    store = lambda_store(0)._replace(clock=Later(days))
    run(work_off(store, key.expiry))
    return store.counts


@pytest.mark.thorough
def test_a_session_gets_an_end_when_it_is_created(api: Api, table: TableView) -> None:
    started = time.time()
    for session_id in (api.new(user("q")), str(api.put("by-put", messages=[]).body["session_id"])):
        at = marker(table, SessionKey(str(api.user), session_id))
        assert at is not None
        assert 0 <= at - DAYS * 86_400 - int(started) < 60
        assert (
            "expires_at"
            not in table.session(api.user, session_id)[
                SessionKey(str(api.user), session_id).partition, "HEAD"
            ]
        )


@pytest.mark.thorough
def test_one_that_nobody_changed_is_deleted(api: Api, table: TableView) -> None:
    key = SessionKey(str(api.user), api.new(user("q")))
    assert expire(table, key, DAYS + 1)["sessions_deleted"] == 1
    api.get(key.session_id).problem(404, "not_found")
    api.call("POST", "/sessions", {"session_id": key.session_id}).problem(410, "gone")
    assert api.list().body["total"] == 0
    wait_until(lambda: len(table.session(*key)) == 1)


@pytest.mark.thorough
@pytest.mark.parametrize("change", ["append", "title"])
def test_one_that_was_changed_is_marked_again(api: Api, table: TableView, change: str) -> None:
    key = SessionKey(str(api.user), api.new(user("q")))
    if change == "append":
        api.append(key.session_id, user("r"))
    else:
        api.title(key.session_id, "t")
    changed = datetime.fromisoformat(api.get(key.session_id).body["updated_at"])
    assert expire(table, key, DAYS - 1)["sessions_deleted"] == 0
    assert marker(table, key) == int(changed.timestamp()) + DAYS * 86_400
    assert api.get(key.session_id).status == 200
    assert expire(table, key, DAYS + 1)["sessions_deleted"] == 1


@pytest.mark.thorough
def test_one_that_is_changed_in_this_moment_stays(api: Api, table: TableView) -> None:
    key = SessionKey(str(api.user), api.new(user("q")))
    with (
        first("TransactWriteItems", lambda: api.append(key.session_id, user("alive"))),
        pytest.raises(Contended),
    ):
        expire(table, key, DAYS + 1)
    assert api.contents(key.session_id) == ["q", "alive"]
    # The stream brings it again, and it is marked again.
    expire(table, key, DAYS - 1)
    assert marker(table, key)
    assert api.list().body["total"] == 1


@pytest.mark.thorough
def test_a_deleted_one_is_left_alone(api: Api, table: TableView) -> None:
    key = SessionKey(str(api.user), api.new(user("q")))
    api.delete(key.session_id)
    wait_until(lambda: "expires_at" in table.session(*key)[key.partition, "HEAD"])
    before = table.session(*key)
    assert expire(table, key, DAYS + 1) == Counter()
    assert table.session(*key) == before


@pytest.mark.thorough
def test_without_retention_nothing_ends(api: Api, table: TableView) -> None:
    with configured(TURNLOG_RETENTION_DAYS=""):
        key = SessionKey(str(api.user), api.new(user("q")))
        assert marker(table, key) is None
        assert expire(table, key, 10_000) == Counter()
    assert api.get(key.session_id).status == 200


@pytest.mark.thorough
def test_as_many_messages_as_a_create_takes(api: Api) -> None:
    """The marker is in the transaction too."""
    messages = [user(str(number)) for number in range(MAX_FIRST_BATCH)]
    assert len(api.contents(api.new(*messages))) == MAX_FIRST_BATCH
    assert api.put("by-put", messages=[*messages, user("more")]).status == 201
