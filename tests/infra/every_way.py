"""Every function, asked for all that it can do, see `tests.infra.recorded`."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from tests.functional.api import assistant, user
from tests.functional.follower import Follower
from tests.functional.test_files import ended, promised, sent, uploaded
from tests.functional.test_streams import Streamed, throttled
from tests.functional.world import TableView, first, hurried, wait_until
from tests.http_client import request
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from tests.functional.api import Api

# Stored by another release in two parts, because it did not compress; a tool call makes it one part.
_LARGE = "compress me " * 50_000


def drive(api: Api, table: Any, name: str) -> None:
    """Every function, through every way that leads to another request."""
    call = {"id": "c", "function": {"name": "f"}}
    session = api.new(user("Hi", message_id="m"), metadata={"a": 1})
    api.call("POST", "/sessions", {"session_id": session})  # a retry
    api.list(limit=1)
    api.append(session, user("Again", message_id="n"))
    api.append(session, user("Again", message_id="n"))  # a replay
    for read in (api.get, api.messages, api.export, api.exported):
        api.call("DELETE", f"/sessions/{session}/cache")
        assert read(session).status == 200
        assert read(session).status == 200  # from the cache
    assert api.get(session, draft="true").status == 200
    api.call("DELETE", f"/sessions/{session}/cache")
    api.put(session, messages=[user("Hi"), user("Again"), user("More")])
    api.put(f"{session}-2", messages=[user("Hi")], title="Sums")
    api.patch(session, metadata={"b": 2})
    for there in (session, "nothing"):
        api.title(there, "Title")
        api.call("PUT", f"/sessions/{there}/draft", {"messages": [assistant("So")]})
        api.call("GET", f"/sessions/{there}/draft")
        api.call("DELETE", f"/sessions/{there}/draft")
        api.patch(there, metadata={"b": None})
        api.append(there, user("To nobody"))
    api.tool_call(session, call)
    api.tool_call(session, call | {"id": "d"})
    _edit(api, session)
    _shrink(api, table, name, session)
    _large(api)
    _rewind(api, table, name, session)
    _fork(api)
    api.call("GET", "/health")
    _transcripts(api, session)
    _files(api, session)
    _jobs(api, table, name)
    _streams(api, TableView(table, name))
    _purge(api, table, name, session)


def _transcripts(api: Api, session: str) -> None:
    """With objects: one is put, read, taken back, and goes with its transcript."""
    big = {"uuid": "big", "t": random.randbytes(400_000).hex()}
    path = f"/sessions/{session}/transcripts"
    assert api.entries(session, "main", big).status == 201
    assert api.entries(session, "main", big).status == 200
    text = api.transcript(session, "main", format="jsonl").raw
    assert api.import_(session, "main", text + b"{}\n").status == 200
    assert api.import_(session, "copy", text).status == 201
    with first("TransactWriteItems", lambda: api.entries(session, "late", {"uuid": "big"})):
        assert api.entries(session, "late", big).status == 409
    with first("TransactWriteItems", lambda: api.entries(session, "later", {"uuid": "big"})):
        assert api.import_(session, "later", text).status == 409
    assert api.call("GET", path).status == 200
    for _ in range(3):
        assert api.entries(session, "long", {"t": "x" * 2_000_000}).status == 201
    assert api.transcript(session, "long", format="jsonl").body.keys() == {"file"}
    assert api.call("DELETE", f"{path}/copy").status == 204
    gone = api.new()
    api.entries(gone, "main", {"uuid": "a"})
    api.delete(gone)
    path = f"/sessions/{gone}/transcripts"
    for method, place, body in (
        ("GET", "", None),
        ("GET", "/main", None),
        ("POST", "/main", {"entries": [big]}),
        ("PUT", "/main", {}),
        ("DELETE", "/main", None),
    ):
        assert api.call(method, f"{path}{place}", body).status == 404
    # Another session under the id: where the head is not looked at first, the first try is refused.
    assert api.call("POST", "/sessions", {"session_id": gone}).status == 410
    assert api.call("POST", "/sessions", {"session_id": gone, "recreate": True}).status == 201
    for name in ("main", "main", "big"):
        assert api.entries(gone, name, big | {"uuid": name}).status in {200, 201}
    assert api.call("DELETE", f"/sessions/{gone}/cache").status == 204
    assert api.entries(gone, "other", big).status == 201
    assert api.import_(gone, "copy", b"{}\n").status == 201
    assert api.title(gone, "Title").status == 200
    assert api.append(gone, user("Hi")).status == 201
    assert api.delete(gone).status == 204


def _edit(api: Api, session: str) -> None:
    """A message is read, and edited: it gets an object, loses it, and gets another."""
    large = random.randbytes(500_000).hex()
    for said in (large, "short", large):
        assert api.edit(session, 0, replace=user(said)).status == 200
        for _ in range(2):  # the second time from the cache
            assert api.message(session, 0).status == 200
            api.call("DELETE", f"/sessions/{session}/cache")
    assert api.edit(session, 0, removed=True).status == 200
    for there in (session, "nothing"):
        assert api.message(there, 99).status == 404
        assert api.edit(there, 99, removed=True).status == 404


def _files(api: Api, session: str) -> None:
    """With bytes and without; what the client sends it sends as the role of the function that signed it."""
    data = json.dumps({"messages": [user("from a file")]}).encode()
    file_id = uploaded(api, session, data, purpose="body")
    query = {"body_file": file_id}
    pending = promised(api, session, data)["file_id"]
    path = f"/sessions/{session}"
    assert api.call("POST", f"{path}/messages", query=query).status == 201
    assert api.call("PUT", path, query=query).status in {200, 409}
    assert api.call("POST", f"{path}/transcripts/file", query=query).status == 422
    assert api.call("PUT", f"{path}/transcripts/file", query={"format": "jsonl", **query}).status == 201
    assert api.call("GET", f"{path}/files").status == 200
    assert sent(api.call("GET", f"{path}/files/{file_id}").body["download"]).raw == data
    assert api.call("GET", f"{path}/files/{pending}").status == 409
    for each in (file_id, pending):
        ended(api, session, each)
    assert api.call("DELETE", f"{path}/files/{uploaded(api, session, data)}").status == 204
    gone = api.new()
    api.delete(gone)
    for method, place in (("GET", ""), ("GET", f"/{pending}"), ("DELETE", f"/{pending}")):
        assert api.call(method, f"/sessions/{gone}/files{place}").status == 404
    body = {"name": "a", "media_type": "a/b", "size": 5, "sha256": "0" * 64}
    assert api.call("POST", f"/sessions/{gone}/files", body).status == 404


def _streams(api: Api, table: TableView) -> None:
    """Every operation, and every other one that ends a stream that nobody ends."""

    def followed(stream: Streamed) -> Follower:
        return Follower(api.url, f"{stream.path}/events", api.user)

    def dead(session: str, *names: str) -> Streamed:
        stream = Streamed(api, session)
        stream.append(1, {"type": "a"})
        stream.moved_back(table, 200, *names or ("lease_until",))
        return stream

    session = api.new(user("Hi"))
    stream = Streamed(api, session)
    fence = {"stream_id": stream.stream_id, "epoch": stream.epoch}
    assert stream.append(1, {"type": "a"}).status == 200
    assert stream.append(1, {"type": "a"}, {"type": "b"}, flush=True).status == 200
    assert stream.append(5, {"type": "a"}).status == 409
    large = assistant(random.randbytes(400_000).hex(), message_id="large")
    assert api.append(session, large, stream=fence).status == 201
    assert api.append(session, user("No"), stream={**fence, "epoch": 1}).status == 409
    assert api.edit(session, 0, replace=user("Ho"), stream={**fence, "epoch": 1}).status == 409
    assert api.rewind(session, 1, 2, stream={**fence, "epoch": 1}).status == 409
    assert stream.call("POST", "/heartbeat", {"epoch": stream.epoch}).status == 200
    assert stream.call("POST", "/heartbeat", {"epoch": 1}).status == 409
    with throttled(), hurried():  # then the cache alone has it, and a heartbeat puts it into the table
        assert stream.append(3, {"type": "a", "data": "a" * 70_000}).status == 503
    assert stream.call("POST", "/heartbeat", {"epoch": stream.epoch}).body["durable_seq"] == 3
    assert stream.events(wait=1).status == 200
    with followed(stream) as reader:  # from the cache
        assert reader.next()
    assert stream.call("GET", "/snapshot").status == 200
    assert stream.call("POST", "/cancel", {}).status == 202
    body = assistant(random.randbytes(400_000).hex())
    assert stream.finish(large, body, first_seq=4, events=[{"type": "c"}]).status == 200
    stream = Streamed(api, session)
    with first("TransactWriteItems", stream.finish):
        assert stream.finish(assistant(random.randbytes(400_000).hex())).status == 409
    for look in (
        lambda one: one.call("GET"),
        lambda one: one.events(),
        lambda one: followed(one).rest(),
        lambda one: one.call("GET", "/snapshot"),
        lambda one: one.call("POST", "/cancel", {}),
        lambda one: one.call("POST", "/take-over", {}),
        lambda one: api.rewind(one.session, 2, api.get(one.session).body["message_count"]),
        lambda one: api.edit(one.session, 0, replace=user("Hey")),
    ):
        look(dead(session))
    dead(session)
    assert Streamed(api, session).finish().status == 200
    stream = Streamed(api, session)
    stream.moved_back(table, 20, "lease_until")
    assert stream.call("POST", "/take-over", {}).status == 200
    assert Streamed(api, session, on_active="interrupt").opened.status == 201
    # Forgotten: its item ends by its time to live, and the stream of the table asks for its events.
    item = table.item(api.user or "", session, f"STREAM#{stream.stream_id}")
    table.put(item | {"expires_at": {"N": "1"}})
    wait_until(
        lambda: (
            not [name for _, name in table.session(api.user, session) if f"{stream.stream_id}#SEG" in name]
        )
    )
    assert api.delete(session).status == 204
    for method, place, body_ in (
        ("GET", "", None),
        ("GET", "/events", None),
        ("GET", "/snapshot", None),
        ("POST", "/events", {"epoch": 1, "first_seq": 1, "events": [{"type": "a"}]}),
        ("POST", "/heartbeat", {"epoch": 1}),
        ("POST", "/cancel", {}),
        ("POST", "/take-over", {}),
        ("POST", "/finish", {"epoch": 1, "state": "failed"}),
    ):
        assert stream.call(method, place, body_).status == 404
    assert api.call("POST", f"/sessions/{session}/streams", {}).status == 404
    assert followed(stream).status == 404


_BY_WORKERS: dict[str, dict[str, Any]] = {
    "complete": {"attempt": 1, "result": 1},
    "fail": {"attempt": 1, "error": "no paper"},
    "cancel": {},
    "ask": {"attempt": 1, "prompt": "?"},
    "input": {"input": 1},
    "claim": {},
    "heartbeat": {"attempt": 1},
}


def _jobs(api: Api, table: Any, name: str) -> None:
    """Each way in which a job ends: without a call, and with one where a rewind has left something over."""
    for way in ("complete", "fail", "cancel", "get", "list", "hook", "sweep"):
        for call in (None, "c"):
            session = api.new(user("Hi"), assistant(None, tool_calls=[{"id": "c"}]), user("No"))
            started = _started(api, session, {"tool_call_id": call, "webhook": True})
            path = f"/sessions/{session}/jobs/{started['job']['job_id']}"
            if way in {"complete", "fail"}:
                assert api.call("POST", f"{path}/claim", {}).status == 200
            if call:
                assert api.rewind(session, 2, 3).status == 200
                _leave_over(api, table, name, session)
            if way in {"get", "list", "sweep"}:
                _expire(api, table, name, path)
            _end(api, way, path, started["webhook"]["token"])
    _large_results(api)
    session = api.new()
    job_id = _started(api, session, {"webhook": True})["job"]["job_id"]
    assert _started(api, session, {"webhook": True})["job"]["job_id"] == job_id  # a replay
    path = f"/sessions/{session}/jobs/{job_id}"
    for way in ("claim", "ask", "input", "heartbeat"):
        assert api.call("POST", f"{path}/{way}", _BY_WORKERS[way]).status == 200
    assert api.call("POST", f"{path}/fail", {**_BY_WORKERS["fail"], "retry": True}).status == 200
    assert api.call("POST", f"{path}/claim", {}).status == 200
    assert api.call("POST", f"{path}/cancel", {}).status == 202
    _expire(api, table, name, path)
    api.delete(session)
    api.invoke("SweepJobsFunction")
    for way, body in _BY_WORKERS.items():
        assert api.call("POST", f"{path}/{way}", body).status == 404
    assert api.call("GET", path).status == 404
    assert api.call("GET", f"/sessions/{session}/jobs").status == 404
    headers = {"idempotency-key": "k"}
    assert api.call("POST", f"/sessions/{session}/jobs", {"tool": "t"}, headers=headers).status == 404


def _large_results(api: Api) -> None:
    """Those that are objects: put by a worker and by a webhook, and read by each who answers the job."""
    result = random.Random(0).randbytes(400_000).hex()
    for hooked in (False, True):
        session = api.new(user("Hi"), assistant(None, tool_calls=[{"id": "c"}]))
        body = {"tool_call_id": "c", "webhook": True}
        started = _started(api, session, body)
        path = f"/sessions/{session}/jobs/{started['job']['job_id']}"
        assert api.call("POST", f"{path}/claim", {}).status == 200
        assert api.call("POST", f"{path}/ask", _BY_WORKERS["ask"]).status == 200
        assert api.call("POST", f"{path}/input", _BY_WORKERS["input"]).status == 200
        if hooked:
            headers = {"authorization": f"Bearer {started['webhook']['token']}"}
            given = {"state": "completed", "result": result}
            assert request(api.url, "POST", "/hooks/jobs", given, headers).status == 200
        else:
            assert api.call("POST", f"{path}/complete", {"attempt": 1, "result": result}).status == 200
    for way in ("complete", "fail", "cancel", "input"):
        assert api.call("POST", f"{path}/{way}", _BY_WORKERS[way]).body["job"]["result"] == result
    assert _started(api, session, body)["job"]["result"] == result
    assert api.call("GET", path).body["job"]["result"] == result
    assert wait_until(lambda: api.call("GET", path.rpartition("/")[0]).body["jobs"])[0]["result"] == result
    api.delete(session)


def _end(api: Api, way: str, path: str, token: str) -> None:
    match way:
        case "get":
            assert api.call("GET", path).body["job"]["state"] == "expired"
        case "list":
            listed = wait_until(lambda: api.call("GET", path.rpartition("/")[0]).body["jobs"])
            assert listed[0]["state"] == "expired"
        case "hook":
            headers = {"authorization": f"Bearer {token}"}
            for state in ("running", "completed"):
                reply = request(api.url, "POST", "/hooks/jobs", {"state": state}, headers)
                assert reply.status == 200, reply.raw
        case "sweep":
            api.invoke("SweepJobsFunction")
            assert api.call("GET", path).body["job"]["state"] == "expired"
        case _:
            assert api.call("POST", f"{path}/{way}", _BY_WORKERS[way]).status == 200


def _started(api: Api, session: str, body: dict[str, Any]) -> Any:
    headers = {"idempotency-key": "k"}
    return api.call("POST", f"/sessions/{session}/jobs", {"tool": "t", **body}, headers=headers).body


def _leave_over(api: Api, table: Any, name: str, session: str) -> None:
    """A message with an object, behind the end of the log."""
    key = {"PK": {"S": f"USER#{api.user}#SESSION#{session}"}}
    objects = SessionKey(api.user or "", session).at(0).message_objects
    message = {"SK": {"S": "MSG#0000000002"}, "object": {"S": f"{objects}none"}}
    table.put_item(TableName=name, Item=key | message)
    table.update_item(
        TableName=name,
        Key=key | {"SK": {"S": "HEAD"}},
        UpdateExpression="SET leftover = :end",
        ExpressionAttributeValues={":end": {"N": "3"}},
    )


def _expire(api: Api, table: Any, name: str, path: str) -> None:
    """As if the job were past its deadline."""
    _, _, session, _, job_id = path.split("/")
    key = {"PK": {"S": f"USER#{api.user}#SESSION#{session}"}, "SK": {"S": f"JOB#{job_id}"}}
    table.update_item(
        TableName=name,
        Key=key,
        UpdateExpression="SET deadline = :then, due_at = :then",
        ExpressionAttributeValues={":then": {"S": "2020-01-01T00:00:00.000000Z"}},
    )


def _large(api: Api) -> None:
    """Messages with objects: put, read, changed, taken back, and left over by a rewind."""

    def large(message_id: str) -> Any:
        return assistant(random.randbytes(400_000).hex(), message_id=message_id)

    session = api.new(large("a"))
    body = {"session_id": session, "messages": [large("b")]}
    assert api.call("POST", "/sessions", body).status == 200  # it is there
    raced = f"{session}-raced"
    with first("TransactWriteItems", lambda: api.put(raced, title="Sums"), after=1):
        lost = api.call("POST", "/sessions", {**body, "session_id": raced})
        assert lost.status == 200  # a lost race, behind the marker
    assert api.put(f"{session}-put", messages=[large("b")]).status == 201
    for read in (api.get, api.messages, api.export, api.exported):
        assert read(session).status == 200
    assert api.tool_call(session, {"id": "g", "function": {"name": "f"}}).status == 200
    message = large("c")
    assert api.append(session, message).status == 201
    assert api.append(session, message).status == 200
    assert api.put(session, messages=api.get(session).body["messages"]).status == 200
    assert api.put(session, start_sequence=2, messages=[large("d")]).status == 200
    with first("TransactWriteItems", lambda: api.append(session, user("first"))):
        assert api.put(session, start_sequence=3, messages=[large("e")]).status == 409
    with first("TransactWriteItems", lambda: api.append(session, user("x", message_id="f"))):
        assert api.append(session, large("f")).status == 409
    assert api.rewind(session, 1, 5).status == 200
    session = api.new(user("Hi"))
    assert api.append(session, {"role": "user", "content": ["a"] * 200_000}).status == 201
    for read in (api.export, api.exported):
        assert read(session).body.keys() == {"file"}


def _fork(api: Api) -> None:
    """A session that is edited while it is forked, and one that is cut; one that was deleted."""

    def large() -> Any:
        return assistant(random.randbytes(400_000).hex())

    def fork(into: str) -> int:
        return api.call("POST", f"/sessions/{session}/fork", {"session_id": into}).status

    session = api.new(large(), user("Hi"))
    # Before the last transaction, behind the beginning and one step.
    with first("TransactWriteItems", lambda: api.edit(session, 0, replace=large()), after=2):
        assert fork("f0") == 201
    session = api.new(*[user("Hi") for _ in range(30)], large())
    with first("TransactWriteItems", lambda: api.rewind(session, 2, 31), after=3):
        assert fork("f1") == 201
    api.delete(session)
    assert fork("f2") == 404


def _shrink(api: Api, table: Any, name: str, session: str) -> None:
    """A tool call for a message that another release stored without compressing it, and an edit of one."""
    _in_two_parts(api, table, name, session)
    assert api.tool_call(session, {"id": "e", "function": {"name": "f"}}).status == 200
    last = _in_two_parts(api, table, name, session)
    assert api.edit(session, last, metadata={"rating": 5}).status == 200


def _in_two_parts(api: Api, table: Any, name: str, session: str) -> int:
    """Store the last message in two parts; its sequence."""
    shown = api.messages(session).body["messages"][-1] | {"content": _LARGE}
    rows = table.query(
        TableName=name,
        KeyConditionExpression="PK = :session",
        ExpressionAttributeValues={":session": {"S": f"USER#{api.user}#SESSION#{session}"}},
    )["Items"]
    last = max((row for row in rows if row["SK"]["S"].startswith("MSG#")), key=lambda row: row["SK"]["S"])
    blob = json.dumps(shown).encode()
    halves = [blob[: len(blob) // 2], blob[len(blob) // 2 :]]
    table.put_item(TableName=name, Item=last | {"data": {"B": halves[0]}, "parts": {"N": "2"}})
    part = {"PK": last["PK"], "SK": {"S": f"{last['SK']['S']}#1"}, "data": {"B": halves[1]}}
    table.put_item(TableName=name, Item=part)
    api.call("DELETE", f"/sessions/{session}/cache")
    sequence: int = shown["sequence"]
    return sequence


def _rewind(api: Api, table: Any, name: str, session: str) -> None:
    """A rewind, and each writer of messages where one has left something over."""
    key = {"PK": {"S": f"USER#{api.user}#SESSION#{session}"}}

    def end(*, left_over: bool = True) -> int:
        count: int = api.get(session).body["message_count"]
        if left_over:
            table.put_item(TableName=name, Item=key | {"SK": {"S": f"MSG#{count:010}"}})
            table.update_item(
                TableName=name,
                Key=key | {"SK": {"S": "HEAD"}},
                UpdateExpression="SET leftover = :end",
                ExpressionAttributeValues={":end": {"N": str(count + 1)}},
            )
            api.call("DELETE", f"/sessions/{session}/cache")
        return count

    assert api.rewind(session, 2, end(left_over=False)).status == 200
    assert api.put(session, start_sequence=end(), messages=[user("On")]).status == 200
    end()
    assert api.append(session, user("And on")).status == 201
    end()
    assert api.tool_call(session, {"id": "f", "function": {"name": "f"}}).status == 200
    stream = Streamed(api, session)
    end()
    assert stream.finish(assistant("Done")).status == 200
    assert api.rewind(session, 1, end()).status == 200


def _purge(api: Api, table: Any, name: str, session: str) -> None:
    """A session that was deleted; one whose marker has gone, before its time and in time."""
    key = {"PK": {"S": f"USER#{api.user}#SESSION#{session}"}, "SK": {"S": "HEAD"}}
    change = {"Keys": key | {"SK": {"S": "EXPIRY"}}, "SequenceNumber": "1"}
    record = {"eventName": "REMOVE", "dynamodb": change}

    def ended() -> None:
        reply = api.call(
            "POST", "/2015-03-31/functions/PurgeSessionFunction/invocations", {"Records": [record]}
        )
        assert reply.body == {"batchItemFailures": []}, reply.raw

    ended()
    table.update_item(
        TableName=name,
        Key=key,
        UpdateExpression="SET updated_at = :then",
        ExpressionAttributeValues={":then": {"S": "2020-01-01T00:00:00.000000Z"}},
    )
    ended()
    assert api.get(session).status == 404
    api.delete(f"{session}-2")
    wait_until(lambda: "expires_at" in table.get_item(TableName=name, Key=key, ConsistentRead=True)["Item"])
