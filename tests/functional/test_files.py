"""Files of a session: their bytes go to the bucket, and come from it, without a function in between."""

from __future__ import annotations

import json
import random
import socket
import subprocess
from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from tests.functional.api import assistant, user
from tests.functional.test_programs import BOTH, program
from tests.functional.world import wait_until
from tests.http_client import PATIENCE, request
from turnlog.errors import Invalid, NotFound, NotUploaded

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.server import LocalServer
    from tests.functional.api import Api
    from tests.functional.bucket import BucketView
    from tests.functional.world import TableView
    from tests.http_client import Reply
    from turnlog import AsyncTurnlog

_NOBODY = "0" * 32


def described(data: bytes, **other: Any) -> dict[str, Any]:
    return {
        "name": "chart.png",
        "media_type": "image/png",
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
        **other,
    }


def promised(api: Api, session: str, data: bytes, **other: Any) -> Any:
    reply = api.call("POST", f"/sessions/{session}/files", described(data, **other))
    assert reply.status == 201, reply.raw
    return reply.body


def sent(address: Any, data: bytes | None = None, headers: Any = None) -> Reply:
    """Send what an address says, as any client does; with other headers than it says, if they are given."""
    parts = urlsplit(address["url"])
    given = {name: value for name, value in address["headers"].items() if name != "content-length"}
    given |= headers or {}
    return request(
        f"{parts.scheme}://{parts.netloc}", address["method"], f"{parts.path}?{parts.query}", data, given
    )


def uploaded(api: Api, session: str, data: bytes, **other: Any) -> str:
    file = promised(api, session, data, **other)
    assert sent(file["upload"], data).status == 200
    file_id: str = file["file_id"]
    return file_id


def file(api: Api, session: str, file_id: str) -> Reply:
    return api.call("GET", f"/sessions/{session}/files/{file_id}")


def files(api: Api, session: str, **query: Any) -> Any:
    return api.call("GET", f"/sessions/{session}/files", query=query).body


def ended(api: Api, session: str, file_id: str) -> None:
    """The marker's time is over: the stream tells, and the purge looks."""
    key = {"PK": {"S": f"USER#{api.user}#SESSION#{session}"}, "SK": {"S": f"LOOK#{file_id}"}}
    record = {"eventName": "REMOVE", "dynamodb": {"Keys": key, "SequenceNumber": "1"}}
    path = "/2015-03-31/functions/PurgeSessionFunction/invocations"
    assert api.call("POST", path, {"Records": [record]}).body == {"batchItemFailures": []}


def test_the_bytes_go_to_the_bucket_and_come_as_a_download(api: Api) -> None:
    session, data = api.new(), random.randbytes(100_000)
    promise = promised(api, session, data, name='Umsätze "2026".png')
    assert sent(promise["upload"], data).status == 200
    found = file(api, session, promise["file_id"]).body
    told = {name: found[name] for name in ("name", "media_type", "size", "sha256", "created_at")}
    assert told == {name: promise[name] for name in told}
    read = sent(found["download"])
    assert read.raw == data
    assert read.headers["content-type"] == "image/png"
    assert read.headers["content-disposition"] == (
        "attachment; filename=\"Ums_tze _2026_.png\"; filename*=UTF-8''Ums%C3%A4tze%20%222026%22.png"
    )


def test_a_file_is_not_there_before_its_bytes_are(api: Api) -> None:
    session = api.new()
    promise = promised(api, session, b"bytes")
    reply = file(api, session, promise["file_id"])
    assert (reply.status, reply.body["type"]) == (409, "not_uploaded")
    assert [one["uploaded"] for one in files(api, session)["files"]] == [False]
    sent(promise["upload"], b"bytes")
    assert [one["uploaded"] for one in files(api, session)["files"]] == [True]
    assert sent(promise["upload"], b"bytes").status == 200  # once more
    assert file(api, session, promise["file_id"]).status == 200


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b"other bytes", {}),  # longer
        (b"byte", {}),  # shorter
        (b"BYTES", {}),
        (b"BYTES", {"x-amz-checksum-sha256": b64encode(sha256(b"BYTES").digest()).decode()}),
        (b"bytes", {"content-type": "text/html"}),
    ],
)
def test_other_bytes_than_were_promised_are_refused(api: Api, data: bytes, headers: Any) -> None:
    session = api.new()
    promise = promised(api, session, b"bytes")
    assert sent(promise["upload"], data, headers).status in {400, 403}
    assert file(api, session, promise["file_id"]).body["type"] == "not_uploaded"


def test_the_address_fixes_length_checksum_and_type(api: Api) -> None:
    address = promised(api, api.new(), b"bytes")["upload"]
    assert address["headers"].keys() == {"content-length", "content-type", "x-amz-checksum-sha256"}
    fixed = "content-length;content-type;host;x-amz-checksum-sha256"
    assert f"X-Amz-SignedHeaders={fixed.replace(';', '%3B')}" in address["url"]


def test_an_address_is_for_one_file_and_one_purpose(api: Api) -> None:
    session = api.new()
    one, other = promised(api, session, b"bytes"), promised(api, session, b"bytes")
    url = one["upload"]["url"].replace(one["file_id"], other["file_id"])
    assert sent({**one["upload"], "url": url}, b"bytes").status == 403
    later = one["upload"]["url"].replace("X-Amz-Expires=900", "X-Amz-Expires=90000")
    assert sent({**one["upload"], "url": later}, b"bytes").status == 403


def test_files_are_listed_page_by_page_in_their_order(api: Api) -> None:
    session = api.new()
    ids = [promised(api, session, b"bytes", name=f"{at}.png")["file_id"] for at in range(5)]
    promised(api, session, b"bytes", purpose="body")
    found, cursor = [], None
    while True:
        page = files(api, session, limit=2, **({"cursor": cursor} if cursor else {}))
        found += [one["file_id"] for one in page["files"]]
        assert len(page["files"]) <= 2
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == ids


def test_a_deleted_file_is_gone_with_its_bytes(api: Api, bucket: BucketView) -> None:
    session = api.new()
    promise = promised(api, session, b"bytes")
    file_id = promise["file_id"]
    assert sent(promise["upload"], b"bytes").status == 200
    download = file(api, session, file_id).body["download"]
    assert api.call("DELETE", f"/sessions/{session}/files/{file_id}").status == 204
    assert bucket.of(api.user, session) == []
    assert sent(download).status in {403, 404}
    assert api.call("DELETE", f"/sessions/{session}/files/{file_id}").status == 404
    assert file(api, session, file_id).status == 404
    assert files(api, session) == {"files": [], "next_cursor": None}
    # Its bytes come once more, at an address that has not ended: they go a day later.
    assert sent(promise["upload"], b"bytes").status == 200
    assert file(api, session, file_id).status == 404
    ended(api, session, file_id)
    assert bucket.of(api.user, session) == []


def test_after_a_day_what_did_not_come_goes_and_what_came_stays(api: Api, bucket: BucketView) -> None:
    session = api.new()
    pending = promised(api, session, b"bytes")["file_id"]
    there = uploaded(api, session, b"bytes")
    body = uploaded(api, session, b"bytes", purpose="body")
    for file_id in (pending, there, body):
        ended(api, session, file_id)
    assert [one["file_id"] for one in files(api, session)["files"]] == [there]
    assert file(api, session, there).status == 200
    assert file(api, session, pending).status == file(api, session, body).status == 404
    assert [key.rpartition("/")[2] for key in bucket.of(api.user, session)] == [there]


def test_a_marker_ends_after_a_day(api: Api, table: TableView) -> None:
    session = api.new()
    promise = promised(api, session, b"bytes")
    items = {sort_key: item for (_, sort_key), item in table.session(api.user, session).items()}
    marker = items[f"LOOK#{promise['file_id']}"]
    promised_at = datetime.fromisoformat(promise["created_at"]).timestamp()
    assert int(marker["expires_at"]["N"]) == pytest.approx(promised_at + 86_400, abs=2)


def test_files_go_with_their_session(api: Api, bucket: BucketView, table: TableView) -> None:
    session = api.new()
    file_id = uploaded(api, session, b"bytes")
    api.delete(session)
    assert file(api, session, file_id).status == 404
    assert files(api, session)["type"] == "not_found"
    assert api.call("POST", f"/sessions/{session}/files", described(b"x")).status == 404
    wait_until(lambda: not bucket.of(api.user, session))
    wait_until(lambda: [sort_key for _, sort_key in table.session(api.user, session)] == ["HEAD"])
    api.call("POST", "/sessions", {"session_id": session, "recreate": True})
    assert file(api, session, file_id).status == 404
    assert files(api, session)["files"] == []


def test_another_users_file_is_not_found(api: Api, other: Api) -> None:
    session = api.new()
    file_id = uploaded(api, session, b"bytes")
    theirs = other.new()
    for place in (session, theirs):
        assert file(other, place, file_id).status == 404
        assert other.call("DELETE", f"/sessions/{place}/files/{file_id}").status == 404
    assert other.call("POST", f"/sessions/{session}/files", described(b"x")).status == 404
    assert file(api, api.new(), file_id).status == 404
    assert file(api, session, file_id).status == 200


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"size": -1}, 422),
        ({"size": "5"}, 422),
        ({"size": 512 * 1024 * 1024 + 1}, 413),
        ({"size": 64 * 1024 * 1024 + 1, "purpose": "body"}, 413),
        ({"sha256": "x"}, 422),
        ({"size": 10**15}, 413),
        ({"name": ""}, 422),
        ({"name": "a/b"}, 422),
        ({"name": "a\r\nb"}, 422),
        ({"name": "x" * 256}, 422),
        ({"media_type": "png"}, 422),
        ({"media_type": "image/png\r\nx: y"}, 422),
        ({"media_type": "text/plain; a b"}, 422),
        ({"purpose": "other"}, 422),
        ({"colour": "red"}, 422),
    ],
)
def test_what_is_no_file_is_refused(api: Api, wrong: Any, status: int) -> None:
    session = api.new()
    assert api.call("POST", f"/sessions/{session}/files", described(b"x", **wrong)).status == status
    assert files(api, session)["files"] == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": "a/b"}, "name must be a name, not a path: without slashes"),
        ({"name": "x" * 256}, "name must be 1 to 255 characters"),
        ({"media_type": "png"}, "media_type must be a media type, such as image/png"),
    ],
)
def test_a_refusal_says_what_is_wrong(api: Api, wrong: Any, told: str) -> None:
    reply = api.call("POST", f"/sessions/{api.new()}/files", described(b"x", **wrong))
    assert (reply.status, reply.body["errors"][0]["loc"][-1]) == (422, next(iter(wrong)))
    assert told.partition(" ")[2] in reply.body["errors"][0]["msg"]


@pytest.mark.parametrize(
    "media_type", ['text/plain; charset="utf 8"', 'multipart/mixed; boundary="a b;c"; x=y', "a/b;c=d"]
)
def test_a_media_type_has_any_parameters_and_a_checksum_any_case(api: Api, media_type: str) -> None:
    session, data = api.new(), b"bytes"
    digest = sha256(data).hexdigest().upper()
    file_id = uploaded(api, session, data, media_type=media_type, sha256=digest)
    found = file(api, session, file_id).body
    assert (found["media_type"], found["sha256"]) == (media_type, digest.lower())
    assert sent(found["download"]).headers["content-type"] == media_type


def test_a_create_and_a_fork_take_no_file(api: Api) -> None:
    session = api.new(user("q"))
    body_file = uploaded(api, session, encoded({"title": "T"}), purpose="body")
    for path in ("/sessions", f"/sessions/{session}/fork"):
        reply = api.call("POST", path, query={"body_file": body_file})
        assert (reply.status, reply.body["errors"][0]["loc"]) == (422, ["query", "body_file"])
        assert "without messages, then PUT them" in reply.body["detail"]


@pytest.mark.parametrize("name", ["a+b c%20d & e=f#g.txt", "\u5009 \u2013 it's.txt", ".", "x" * 255])
def test_a_file_has_any_name_and_may_be_empty(api: Api, name: str) -> None:
    session = api.new()
    file_id = uploaded(api, session, b"", name=name, media_type="text/plain; charset=utf-8")
    reply = sent(file(api, session, file_id).body["download"])
    assert (reply.status, reply.raw) == (200, b"")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    told = reply.headers["content-disposition"]
    assert unquote(told.partition("filename*=UTF-8''")[2]) == name
    assert told.isascii()


def test_curl_sends_a_file_as_it_does_by_itself(api: Api, tmp_path: Path) -> None:
    """It asks first whether it may (`Expect: 100-continue`), where the file is not small."""
    session, data = api.new(), random.randbytes(3_000_000)
    promise = promised(api, session, data)
    (tmp_path / "file").write_bytes(data)
    headers = [f"-H{name}: {value}" for name, value in promise["upload"]["headers"].items()]
    command = ["curl", "-sS", "--fail", "-H", "Expect: 100-continue", *headers, "-T", str(tmp_path / "file")]
    subprocess.run([*command, promise["upload"]["url"]], check=True, timeout=PATIENCE)
    assert sent(file(api, session, promise["file_id"]).body["download"]).raw == data


def test_a_slow_upload_keeps_nobody_waiting(api: Api) -> None:
    session, data = api.new(), random.randbytes(1_000_000)
    address = promised(api, session, data)["upload"]
    url = urlsplit(address["url"])
    told = "".join(f"{name}: {value}\r\n" for name, value in address["headers"].items())
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n{told}\r\n".encode()
    with socket.create_connection((url.hostname, url.port or 80), PATIENCE) as upload:
        upload.sendall(head + data[:1_000])
        assert api.get(session).status == 200
        upload.sendall(data[1_000:])
        assert b" 200 " in upload.recv(1_000)


def test_an_address_that_is_none_or_leads_to_nothing(api: Api) -> None:
    """As S3 answers; a program can tell one from the other."""
    session = api.new()
    file_id = uploaded(api, session, b"bytes")
    download = file(api, session, file_id).body["download"]
    wrong = download["url"].replace("X-Amz-Date=2", "X-Amz-Date=garbage")
    assert sent({**download, "url": wrong}).status == 400
    assert api.call("DELETE", f"/sessions/{session}/files/{file_id}").status == 204
    reply = sent(download)
    assert (reply.status, b"NoSuchKey" in reply.raw) == (404, True)


def test_a_body_in_chunks_is_refused(api: Api) -> None:
    """So S3 does too: a client that streams what it reads has to say the length."""
    session = api.new()
    address = promised(api, session, b"bytes")["upload"]
    reply = httpx.put(
        address["url"],
        content=iter([b"byt", b"es"]),
        headers={name: value for name, value in address["headers"].items() if name != "content-length"},
    )
    assert reply.status_code in {403, 411, 501}
    assert [one["uploaded"] for one in files(api, session)["files"]] == [False]


def test_the_largest_file_is_promised(api: Api) -> None:
    promised(api, api.new(), b"x", size=512 * 1024 * 1024)


def test_what_is_no_id_is_refused(api: Api) -> None:
    session = api.new()
    for wrong in ("x", "A" * 32, "%E2%82%AC"):
        assert file(api, session, wrong).status == 422
    assert file(api, session, _NOBODY).status == 404
    assert files(api, session, cursor="x")["type"] == "invalid"


def test_a_page_of_this_machine_may_send_and_read(api: Api) -> None:
    session = api.new()
    address = promised(api, session, b"bytes")["upload"]
    page = {"Origin": "http://localhost:5173"}
    asked = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-amz-checksum-sha256",
    }
    before = sent({**address, "method": "OPTIONS", "headers": {}}, headers=page | asked)
    assert before.status == 200
    assert before.headers["access-control-allow-origin"] in {"*", page["Origin"]}
    reply = sent(address, b"bytes", page)
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] in {"*", page["Origin"]}
    assert sent(address, b"bytes", {"Origin": "https://elsewhere.example"}).status == 403


def large(size: int, **fields: Any) -> dict[str, Any]:
    return assistant(random.randbytes(size // 2).hex(), **fields)


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.thorough
def test_a_body_that_is_too_large_goes_as_a_file(api: Api) -> None:
    session = api.new()
    message = large(20_000_000, message_id="m")
    body = uploaded(api, session, encoded({"messages": [message]}), purpose="body")
    path = f"/sessions/{session}/messages"
    reply = api.call("POST", path, query={"body_file": body}, headers={"prefer": "return=minimal"})
    assert reply.status == 201, reply.raw
    assert "messages" not in reply.body
    again = api.call("POST", path, query={"body_file": body})
    assert (again.status, again.body["replayed"]) == (200, True)
    assert files(api, session)["files"] == []


@pytest.mark.thorough
def test_each_operation_with_a_body_of_messages_takes_a_file(api: Api) -> None:
    session = api.new()

    def from_file(method: str, path: str, data: bytes, **query: Any) -> Reply:
        body = uploaded(api, session, data, purpose="body")
        return api.call(method, f"/sessions/{session}{path}", query={"body_file": body, **query})

    message = user("Hi", message_id="m")
    assert from_file("POST", "/messages", encoded({"messages": [message]})).status == 201
    assert from_file("PUT", "", encoded({"messages": [message, user("More")]})).status == 200
    assert api.contents(session) == ["Hi", "More"]
    entry = {"uuid": "e", "text": "\ud83d"}
    assert from_file("POST", "/transcripts/main", encoded({"entries": [entry]})).status == 201
    assert from_file("PUT", "/transcripts/copy", encoded(entry) + b"\n", format="jsonl").status == 201
    for name in ("main", "copy"):
        assert api.transcript(session, name).body["entries"] == [entry]
    assert from_file("POST", "/messages", b"no JSON").status == 400
    assert from_file("POST", "/messages", b"[]").status == 422


@pytest.mark.thorough
def test_a_body_of_too_many_values_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are few bytes each, and much in memory; a text of as many commas is one value."""
    session = api.new()

    def answer(path: str, method: str, data: bytes, **query: Any) -> Reply:
        named = uploaded(api, session, data, purpose="body")
        return api.call(method, f"/sessions/{session}{path}", query={"body_file": named, **query})

    result = {"role": "tool", "tool_call_id": "c", "content": "", "data": [1] * 1_000_000}
    passes = encoded({"messages": [{**result, "content": "[1]," * 2_000_000}]})
    assert answer("/messages", "POST", passes).status == 201
    many = b'{"messages":[{"role":"user","content":"","data":[[]%b]}]}' % (b",[]" * 5_000_000)
    lines = b'{"uuid":"a","data":[[]%b]}\n' % (b",[]" * 5_000_000)
    for reply in (
        answer("/messages", "POST", many),
        answer("", "PUT", many),
        answer("/transcripts/t", "POST", b'{"entries":[%b]}' % lines.strip()),
        answer("/transcripts/t", "PUT", lines, format="jsonl"),
    ):
        assert "5000000 JSON values" in reply.problem(413, "too_large")["detail"]
    assert api.get(session, limit=0).body["message_count"] == 1
    # A request that has its body with it, and a program on the table, are bounded alike.
    monkeypatch.setattr("turnlog.http.events.VALUES_LIMIT", 100)
    api.append(session, user("q", data=[1] * 100)).problem(413, "too_large")
    assert api.append(session, user("q", data=[1] * 50)).status == 201


def test_a_direct_invoke_takes_a_body_as_a_file(api: Api) -> None:
    session = api.new()
    text = b'{"uuid":"e"}\n'
    body = uploaded(api, session, text, purpose="body")
    query = {"body_file": body, "format": "jsonl"}
    reply = api.invoke("ImportTranscriptFunction", session, name="main", query=query)
    assert reply["status"] == 201


def test_a_body_of_others_or_that_is_not_there_is_refused(api: Api, other: Api) -> None:
    session, data = api.new(), encoded({"messages": [user("Hi")]})
    theirs = uploaded(other, other.new(), data, purpose="body")
    elsewhere = uploaded(api, api.new(), data, purpose="body")
    path = f"/sessions/{session}/messages"

    def answer(body_file: str, body: Any = None) -> tuple[int, str]:
        reply = api.call("POST", path, body, query={"body_file": body_file})
        return reply.status, reply.body["type"]

    assert answer(theirs) == answer(elsewhere) == answer(_NOBODY) == (404, "not_found")
    assert answer("x") == (422, "invalid")
    pending = promised(api, session, data, purpose="body")["file_id"]
    assert answer(pending) == (409, "not_uploaded")
    huge = promised(api, session, data, size=400_000_000)["file_id"]
    assert answer(huge) == (413, "too_large")
    mine = uploaded(api, session, data, purpose="body")
    assert answer(mine, {"messages": [user("Ho")]}) == (422, "invalid")
    assert api.contents(session) == []


@BOTH
def test_a_program_sends_and_reads_a_file(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        about = described(b"bytes")
        promise = await turnlog.create_file("s", **about)
        with pytest.raises(NotUploaded):
            await turnlog.get_file("s", promise.file_id)
        assert sent(promise.upload.raw, b"bytes").status == 200
        (listed,) = (await turnlog.list_files("s", limit=1)).files
        assert (listed.file_id, listed.uploaded) == (promise.file_id, True)
        found = await turnlog.get_file("s", promise.file_id)
        assert sent(found.download.raw).raw == b"bytes"
        await turnlog.delete_file("s", promise.file_id)
        for call in (turnlog.get_file, turnlog.delete_file):
            with pytest.raises(NotFound):
                await call("s", promise.file_id)
        with pytest.raises(Invalid):
            await turnlog.get_file("s", "x")

    program(way, server, what)


def test_without_a_bucket_there_are_no_files(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from turnlog.drivers import blocking  # noqa: PLC0415

    session = api.new()
    monkeypatch.setattr(blocking, "objects", lambda: None)
    for method, path, body in (
        ("POST", "/files", described(b"x")),
        ("GET", "/files", None),
        ("GET", f"/files/{_NOBODY}", None),
        ("DELETE", f"/files/{_NOBODY}", None),
        ("POST", f"/messages?body_file={_NOBODY}", None),
    ):
        reply = api.call(method, f"/sessions/{session}{path}", body)
        assert (reply.status, reply.body["type"]) == (404, "files_off")
