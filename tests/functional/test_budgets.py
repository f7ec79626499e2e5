"""G8: what an operation costs, counted in requests; it does not grow with the session."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.bucket import bucket_requests
from tests.functional.test_files import encoded, uploaded
from tests.functional.test_large import noise
from tests.functional.world import after_first, counted, hook, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra.local.server import LocalServer
    from tests.functional.world import TableView
    from tests.http_client import Reply


@contextmanager
def cache_commands(valkey: Any) -> Iterator[Counter[str]]:
    """How often the cache ran which command, by its own account."""

    def calls() -> Counter[str]:
        stats = valkey.info("commandstats")
        return Counter({name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()})

    before = calls()
    found: Counter[str] = Counter()
    yield found
    found.update(calls() - before)
    # Our own, and those of a new connection.
    for name in ("info", "select", "client|setinfo", "hello"):
        del found[name]


def session_of(api: Api, length: int) -> str:
    """A session of this many messages, all of them in the cache."""
    session_id = f"s{length}"
    messages = [user(f"q{number}") for number in range(length)]
    assert api.put(session_id, messages=messages).status == 201
    return session_id


LONG = 2_000


@pytest.fixture(scope="module")
def long(server: LocalServer) -> tuple[Api, str]:
    """A session of `LONG` messages, of a user of its own; a test leaves it a few longer or shorter."""
    api = Api(server.url, f"long-{uuid4().hex}")
    return api, session_of(api, LONG)


@pytest.fixture
def session(request: pytest.FixtureRequest, api: Api, length: int) -> tuple[Api, str]:
    """A session of about so many messages, all of them in the cache, and the API for its user."""
    if length < LONG:
        return api, session_of(api, length)
    long: tuple[Api, str] = request.getfixturevalue("long")
    long[0].get(long[1])
    return long


def count(api: Api, session_id: str) -> int:
    """How many messages there are."""
    length: int = api.title(session_id, "t").body["message_count"]
    return length


@pytest.mark.parametrize("length", [1, 100, LONG])
def test_append_and_get(session: tuple[Api, str], valkey: Any) -> None:
    api, session_id = session
    length = count(api, session_id)
    # What a warm cache is for an append: the head alone.
    with counted() as warm, cache_commands(valkey) as commands:
        assert api.append(session_id, user("one more")).status == 201
    assert warm == ["TransactWriteItems"]
    assert commands == {"get": 1, "hset": 1, "expire": 1, "set": 1}
    with counted() as reading, cache_commands(valkey) as commands:
        assert len(api.get(session_id).body["messages"]) == length + 1
    # One command is one round trip.
    assert (reading, commands) == (["GetItem"], {"hmget": 1})
    api.call("DELETE", f"/sessions/{session_id}/cache")
    with counted() as cold:
        assert api.append(session_id, user("one more")).status == 201
    assert cold == ["GetItem", "TransactWriteItems"]
    with counted() as unchanged, cache_commands(valkey) as commands:
        assert api.get(session_id, {"If-None-Match": "*"}).status == 304
    assert (unchanged, commands) == (["GetItem"], {})


def test_append_after_a_title_or_a_tool_call_is_warm(api: Api) -> None:
    session_id = api.new(user("q"), assistant("a"))
    changes: tuple[Callable[[], Reply], ...] = (
        lambda: api.title(session_id, "t"),
        lambda: api.patch(session_id, metadata={"a": 1}),
        lambda: api.tool_call(session_id, {"id": "c"}),
        lambda: api.put(session_id, title="u"),
        lambda: api.append(session_id, user("p")),
    )
    for change in changes:
        change()
        with counted() as requests:
            api.append(session_id, assistant("b"))
        assert requests == ["TransactWriteItems"]
        with counted() as requests:
            api.get(session_id)
        assert requests == ["GetItem"]


def test_files(api: Api) -> None:
    """Their bytes go past the functions; the number of files and of messages changes nothing."""
    session_id = session_of(api, 100)
    path = f"/sessions/{session_id}/files"
    body = {"name": "a", "media_type": "a/b", "size": 5, "sha256": "0" * 64}
    api.call("POST", path, {**body, "purpose": "body"})
    for _ in range(3):
        with counted() as requests, bucket_requests() as asked:
            file_id = api.call("POST", path, body).body["file_id"]
        assert (requests, asked) == (["GetItem", "TransactWriteItems"], [])
    for _ in range(5):  # of which a list knows nothing
        assert api.call("POST", path, {**body, "purpose": "body"}).status == 201
    with counted() as requests, bucket_requests() as asked:
        assert len(api.call("GET", path, query={"limit": 2}).body["files"]) == 2
    assert (requests, asked) == (["GetItem", "Query"], ["HeadObject"] * 2)
    with counted() as requests, bucket_requests() as asked:
        assert api.call("GET", f"{path}/{file_id}").status == 409
    assert (requests, asked) == (["GetItem", "GetItem"], ["HeadObject"])
    with counted() as requests, bucket_requests() as asked:
        assert api.call("DELETE", f"{path}/{file_id}").status == 204
    assert (requests, asked) == (["GetItem", "GetItem", "TransactWriteItems"], ["DeleteObject"])


def test_a_page_of_a_long_session_reads_a_page(api: Api, valkey: Any) -> None:
    session_id = session_of(api, 500)
    for query in ({"limit": 5}, {"after": 100, "limit": 5}, {"before": 50, "limit": 5}):
        with counted() as requests, cache_commands(valkey) as commands:
            assert len(api.messages(session_id, **query).body["messages"]) == 5
        assert (requests, commands) == (["GetItem"], {"hmget": 1})


def test_a_window_with_large_messages_reads_what_it_shows(api: Api) -> None:
    """Of 500 messages, ten of them in the bucket, the newest 50 with the five that are among them."""
    session_id = "s"
    large = [assistant(noise(700_000)) for _ in range(5)]
    messages = [*large, *[user(f"q{number}") for number in range(490)], *large]
    for start in (0, 300):  # two bodies of 5 MB
        body = messages[start : start + 300]
        assert api.put(session_id, start_sequence=start, messages=body).status == 201 - bool(start)
    api.call("DELETE", f"/sessions/{session_id}/cache")
    # The first 16 at once, then as many as are likely to fit.
    for expected in (["GetItem", *["Query"] * 3], ["GetItem"]):
        with counted() as requests, bucket_requests() as asked:
            page = api.get(session_id, limit=50).body
        assert [one["content"] for one in page["messages"]] == [one["content"] for one in messages[-50:]]
        assert (requests, asked) == (expected, ["GetObject"] * 5)


def test_an_export_reads_the_log_once(api: Api, valkey: Any) -> None:
    """A window reads no more than itself, and message 0 where that is to be in front."""
    session_id = session_of(api, 500)
    windows: tuple[tuple[dict[str, Any], int], ...] = (
        ({}, 1),
        ({"limit": 50}, 1),
        ({"limit": 50, "before": 100}, 1),
        ({"limit": 50, "keep_system": "true"}, 2),
    )
    for export in (api.export, api.exported):
        for query, reads in windows:
            export(session_id, **query)  # what a longer append has put aside is in the cache now
            with counted() as requests, cache_commands(valkey) as commands:
                assert len(export(session_id, **query).body["messages"]) >= 1
            assert (requests, commands) == (["GetItem"], {"hmget": reads})
            api.call("DELETE", f"/sessions/{session_id}/cache")
            with counted() as requests:
                export(session_id, **query)
            assert requests == ["GetItem", *["Query"] * reads]


def test_an_export_that_no_answer_holds(api: Api) -> None:
    """One object is read, and one put; the whole of a transcript is put as one, too."""
    session_id = api.new(user("q"))
    large = encoded({"messages": [assistant(noise(6_000_000))]})
    named = uploaded(api, session_id, large, purpose="body")
    path = f"/sessions/{session_id}/messages"
    assert api.call("POST", path, query={"body_file": named}).status == 201
    for export in (api.export, api.exported):
        export(session_id)  # what it says of the message is in the cache now
        with counted() as requests, bucket_requests() as asked:
            assert export(session_id).body.keys() == {"file"}
        assert (requests, asked) == (["GetItem"], ["GetObject", "PutObject"])
    for _ in range(3):
        assert api.entries(session_id, "t", {"t": "x" * 2_000_000}).status == 201
    with counted() as requests, bucket_requests() as asked:
        assert api.transcript(session_id, "t", format="jsonl").body.keys() == {"file"}
    assert (requests, asked) == (["GetItem", "GetItem", "Query"], ["PutObject"])


@pytest.mark.parametrize("length", [1, 100, 128, 129, LONG])
def test_rewind(session: tuple[Api, str], valkey: Any) -> None:
    """What goes is read, and above 128 messages as many that the ring then lacks; the cache stays warm."""
    api, session_id = session
    length = count(api, session_id)
    assert api.append(session_id, user("one more")).status == 201
    api.get(session_id)
    for end in (length + 1, length):
        with counted() as requests, cache_commands(valkey) as commands:
            assert api.rewind(session_id, end - 1, end).status == 200
        reads = ["Query", "Query"] if end > 128 else ["Query"]
        assert requests == ["GetItem", *reads, "TransactWriteItems"]
        assert commands == {"multi": 1, "rename": 1, "hdel": 1, "set": 1, "exec": 1}
    with counted() as reading:
        assert len(api.get(session_id).body["messages"]) == length - 1
    assert reading == ["GetItem"]
    with counted() as warm:
        assert api.append(session_id, user("another")).status == 201
    assert warm == ["TransactWriteItems"]


@pytest.mark.parametrize("length", [1, 100, LONG])
def test_edit_and_get_one(session: tuple[Api, str], valkey: Any) -> None:
    """An edit is three requests, also beside busy writers; one message is one look."""
    api, session_id = session
    length = count(api, session_id)
    api.get(session_id)
    last = length - 1
    for edit in ({"metadata": {"x": length}}, {"replace": user("edited")}):
        with counted() as requests, cache_commands(valkey) as commands:
            assert api.edit(session_id, last, **edit).status == 200
        assert requests == ["GetItem", "Query", "TransactWriteItems"]
        assert commands == {"multi": 1, "hset": 1, "expire": 1, "rename": 1, "set": 1, "exec": 1}
    with counted() as requests:
        assert api.edit(session_id, last, metadata={}).status == 200
    assert requests == ["GetItem", "Query"]
    with counted() as requests:
        assert api.edit(session_id, last, metadata={}, edit_id=f"at {length}").status == 200
    assert requests == ["GetItem", "Query", "TransactWriteItems"]
    with after_first("Query", lambda: api.append(session_id, user("beside"))), counted() as requests:
        assert api.edit(session_id, last, removed=True).status == 200
    assert requests == ["GetItem", "Query", "TransactWriteItems", "TransactWriteItems"]  # one is the append's
    with counted() as requests, cache_commands(valkey) as commands:
        assert api.message(session_id, last).status == 200
    assert (requests, commands) == (["GetItem"], {"hmget": 1})
    with counted() as requests:
        assert len(api.get(session_id).body["messages"]) == length + 1
    assert requests in (["GetItem"], ["GetItem", "Query"])  # what was appended may lie under the older key
    api.append(session_id, user("after"))  # which finds the head that it passed by, and leaves the newest one


def test_title(api: Api) -> None:
    session_id = api.new(*[user("q")] * 97)
    for body in ({}, {"only_if_unset": True}):
        with counted() as requests:
            assert api.title(session_id, "t", **body).status == 200
        assert requests == ["UpdateItem"]


def test_list(api: Api) -> None:
    for _ in range(5):
        api.new(user("q"))
    for query in ({}, {"limit": 2}, {"limit": 2, "offset": 2}):
        with counted() as requests:
            assert api.list(**query).body["total"] == 5
        assert sorted(requests) == ["GetItem", "Query"]


def test_create_and_delete(api: Api, table: TableView) -> None:
    """The answer comes before the messages are purged."""
    with counted() as requests:
        api.put("s", messages=[])
    assert requests == ["GetItem", "TransactWriteItems"]
    with counted() as requests:
        session_id = api.new(*[user("q")] * 97)
    assert requests == ["TransactWriteItems"]
    api.append(session_id, *[user("q")] * 99)
    with counted() as requests:
        assert api.delete(session_id).status == 204
    assert requests == ["TransactWriteItems"]
    wait_until(lambda: len(table.session(api.user, session_id)) == 1)


def test_the_2000th_message_costs_what_the_150th_did(api: Api, long: tuple[Api, str]) -> None:
    """In write units too: the item that an append changes does not grow."""
    sizes: list[int] = []
    found: list[int] = []

    def measure(params: dict[str, bytes], **_: object) -> None:
        sizes.append(len(params["body"]))

    early = Api(api.url, f"shrt-{uuid4().hex}")  # as long a name as the other's
    with hook("before-call.dynamodb.TransactWriteItems", measure):
        for whose, session_id in ((early, session_of(early, 150)), long):
            whose.get(session_id)
            sizes.clear()
            with counted() as requests:
                assert whose.append(session_id, user("hello")).status == 201
            assert requests == ["TransactWriteItems"]
            found.append(sizes[0])
    assert found[1] - found[0] < 32  # digits of the counts
    assert len(long[0].contents(long[1])) == count(*long)


@pytest.mark.parametrize("length", [1, 1_000, 5_000])
def test_transcripts(api: Api, valkey: Any, length: int) -> None:
    """An append is a look at the transcript's head and one transaction; a page is two looks and the page."""
    session_id = api.new()
    api.import_(session_id, "main", b"".join(b'{"uuid":"%d"}\n' % number for number in range(length)))
    with counted() as requests, cache_commands(valkey) as commands:
        assert api.entries(session_id, "main", {"uuid": "new"}).status == 201
    assert (requests, commands) == (["GetItem", "TransactWriteItems"], {})
    with counted() as requests:
        assert api.entries(session_id, "main", {"uuid": "new"}).status == 200
    assert requests == ["GetItem", "GetItem", "Query"]
    with counted() as requests:
        assert len(api.transcript(session_id, "main").body["entries"]) == length + 1
    assert requests == ["GetItem", "GetItem", "Query"]
    with counted() as requests:
        assert len(api.transcript(session_id, "main", after=length - 1).body["entries"]) == 1
    assert requests == ["GetItem", "GetItem", "Query"]
    with counted() as requests:
        assert api.call("GET", f"/sessions/{session_id}/transcripts").status == 200
    assert requests == ["GetItem", "Query"]
    # A later step of an import reads nothing of what stands before it; a repeat, no more than its lines.
    for step, expected in (
        (b'{"uuid":"s"}\n{"t":1}\n', ["GetItem", "GetItem", "TransactWriteItems"]),
        (b'{"uuid":"s"}\n{"t":1}\n', ["GetItem", "GetItem", "Query"]),
    ):
        with counted() as requests:
            api.import_(session_id, "main", step, start_position=length + 1)
        assert sorted(requests) == sorted(expected)
    with counted() as requests:
        assert api.entries(session_id, "main", {"t": random.randbytes(400_000).hex()}).status == 201
    assert requests == ["GetItem", "GetItem", "TransactWriteItems"]
    with counted() as requests:
        assert api.call("DELETE", f"/sessions/{session_id}/transcripts/main").status == 204
    assert requests == ["GetItem", "GetItem", "TransactWriteItems"]
    # A message behind entries: the cached head is refused, and the refusal brings the head as it is.
    api.append(session_id, user("q"))
    api.entries(session_id, "main", {})
    with counted() as requests:
        assert api.append(session_id, user("q")).status == 201
    assert requests == ["TransactWriteItems", "TransactWriteItems"]


def test_the_10000th_entry_costs_what_the_first_did(api: Api) -> None:
    """In bytes sent too, but for the ring, which is full after 512."""
    session_id = api.new()
    sizes: list[int] = []

    def measure(params: dict[str, bytes], **_: object) -> None:
        sizes.append(len(params["body"]))

    api.entries(session_id, "main", *[{"n": number} for number in range(500)])
    api.entries(session_id, "main", *[{"n": number} for number in range(12)])
    with hook("before-call.dynamodb.TransactWriteItems", measure):
        api.entries(session_id, "main", {"n": 0})
        early = sizes.pop()
        for _ in range(19):
            api.entries(session_id, "main", *[{"n": number} for number in range(500)])
        sizes.clear()
        assert api.entries(session_id, "main", {"n": 0}).body["last_position"] == 10_013
    assert sizes[0] - early < 32  # digits of the counts
