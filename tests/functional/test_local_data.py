"""`DATA=folder make run`: what was acknowledged is there after a restart, however the server ended."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from http.client import HTTPException
from itertools import count
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import boto3
import pytest

from infra.local import data, embedded
from infra.local.errors import CannotStart
from infra.local.table import ensure_table
from tests.functional.api import Api, user
from tests.functional.bucket import BucketView
from tests.functional.test_files import encoded, file, files, sent, uploaded
from tests.functional.test_transcripts_large import noise
from tests.functional.world import TableView, wait_until
from tests.http_client import PATIENCE
from tests.local import local_client
from turnlog.records.keys import EXPIRY, SessionKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.http_client import Reply


class Started(NamedTuple):
    process: subprocess.Popen[str]
    url: str
    dynamodb_url: str
    region: str


def environment(folder: Path, **given: str) -> dict[str, str]:
    own = {
        "PATH": os.environ["PATH"],
        "PORT": "0",
        "TURNLOG_CACHE_URL": "",
        "TURNLOG_LOCAL_DATA": str(folder),
    }
    return own | given


@contextmanager
def serving(folder: Path, **given: str) -> Iterator[Started]:
    """The server as a process that keeps its data in a folder; it is stopped with SIGTERM."""
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, "-m", "infra.local"],
            env=environment(folder, **given),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(2)]
            if not all(lines):
                log.seek(0)
                pytest.fail(log.read().decode())
            urls = [word.rstrip(",") for line in lines for word in line.split() if word.startswith("http")]
            assert str(folder) in lines[1]
            yield Started(process, urls[0], urls[-1], given.get("AWS_DEFAULT_REGION", "us-east-1"))
            process.terminate()
            assert process.wait(PATIENCE) in {0, -signal.SIGKILL}
        finally:
            process.kill()


@contextmanager
def looking(started: Started) -> Iterator[TableView]:
    """The table as it lies."""
    with client("dynamodb", started) as dynamodb:
        yield TableView(dynamodb, "SessionsTable")


@contextmanager
def bucket_of(started: Started) -> Iterator[BucketView]:
    """The bucket as it lies."""
    with client("s3", started) as s3:
        yield BucketView(s3, "turnlog-transcripts")


@contextmanager
def client(service: str, started: Started) -> Iterator[Any]:
    found = boto3.client(
        service,
        endpoint_url=started.dynamodb_url,
        region_name=started.region,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 (asked for, and not checked)
    )
    try:
        yield found
    finally:
        found.close()


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """The file, for a change that is in it when the context is left."""
    database = sqlite3.connect(folder / data.NAME)
    with closing(database), database:
        yield database


def refused(folder: Path, **given: str) -> str:
    """What it says where it does not start: one line, without what tells that it waits."""
    found = subprocess.run(
        [sys.executable, "-m", "infra.local"],
        env=environment(folder, **given),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (found.returncode, found.stdout) == (2, "")
    *waits, line = found.stderr.splitlines()
    assert all("Waiting" in each for each in waits)
    return line


class Traffic:
    """Clients of one server that work until it is gone, each on a session of its own.

    Attributes:
        contents, entries: by session, what was sent; of it `acknowledged[session]` were acknowledged.
        deleted: sessions that were deleted, or may have been.
    """

    def __init__(self, api: Api, *, acknowledgements: int) -> None:
        self.api = api
        self.contents: dict[str, list[str]] = {}
        self.entries: dict[str, list[str]] = {}
        self.acknowledged: dict[str, int] = {}
        self.deleted: list[str] = []
        self._enough = acknowledgements
        self._threads = [
            Thread(target=self._work, args=(step,))
            for step in (self._append, self._append, self._enter, self._delete)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: sum(self.acknowledged.values()) >= self._enough and len(self.deleted) > 1)
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)

    def _work(self, step: Any) -> None:
        try:
            session_id = self.api.new()
            self.acknowledged[session_id] = 0
            while True:
                reply: Reply = step(session_id)
                assert reply.status in {201, 204}
                self.acknowledged[session_id] += 1
        except (OSError, HTTPException):
            return  # the server is gone

    def _append(self, session_id: str) -> Reply:
        sent = self.contents.setdefault(session_id, [])
        sent.append(f"{session_id} {len(sent)}")
        return self.api.append(session_id, user(sent[-1]))

    def _enter(self, session_id: str) -> Reply:
        sent = self.entries.setdefault(session_id, [])
        sent.append(noise(random.choice([1, 900])))  # the larger is an object of the bucket
        return self.api.entries(session_id, "main", {"t": sent[-1]})

    def _delete(self, _: str) -> Reply:
        doomed = self.api.new(*(user("q") for _ in range(50)))
        assert self.api.entries(doomed, "main", {"t": noise(900)}).status == 201
        self.deleted.append(doomed)
        return self.api.delete(doomed)


def entries(api: Api, session_id: str) -> list[str]:
    """All entries' texts."""
    found: list[str] = []
    page: dict[str, Any] = {"next_after": -1, "has_more": True}
    while page["has_more"]:
        more = {"after": page["next_after"]} if found else {}
        page = api.transcript(session_id, "main", **more).body
        found += [entry["t"] for entry in page["entries"]]
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_what_was_acknowledged_is_there_after_a_restart(how: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "made" / "when asked"
    with serving(folder) as started, Traffic(Api(started.url, "alice"), acknowledgements=40) as traffic:
        started.process.send_signal(how)
    # Another region, and so another table for moto; to a developer it is the same one.
    with serving(folder, AWS_DEFAULT_REGION="eu-central-1") as started:
        api = Api(started.url, "alice")
        for session_id, sent in traffic.contents.items():
            found = api.contents(session_id)
            # What was on its way is there or not.
            assert found in (sent, sent[:-1])
            assert len(found) >= traffic.acknowledged[session_id]
        for session_id, sent in traffic.entries.items():
            kept = entries(api, session_id)
            assert kept in (sent, sent[:-1])
            assert len(kept) >= traffic.acknowledged[session_id]
        sessions = {one["session_id"] for one in api.list(limit=100).body["sessions"]}
        assert {*traffic.contents, *traffic.entries} <= sessions
        assert not sessions & {*traffic.deleted[:-1]}
        assert api.list().body["total"] == len(sessions)
        # A purge that was due, or cut off, is done.
        with looking(started) as table, bucket_of(started) as bucket:
            table.settled()
            for session_id in traffic.deleted[:-1]:
                assert len(table.session("alice", session_id)) == 1
                assert bucket.of("alice", session_id) == []


@pytest.mark.thorough
def test_files_are_there_after_a_kill(tmp_path: Path) -> None:
    """Those whose bytes had come, and promises whose bytes come to the next server."""
    body = encoded({"messages": [user(noise(6_000), message_id="large")]})
    with serving(tmp_path) as started:
        api = Api(started.url, "alice")
        session = api.new(user("q"))
        there = uploaded(api, session, b"bytes", name="chart \u00e4.png")
        named = uploaded(api, session, body, purpose="body")
        started.process.kill()
    with serving(tmp_path) as started:
        api = Api(started.url, "alice")
        (listed,) = files(api, session)["files"]
        assert (listed["file_id"], listed["uploaded"], listed["size"]) == (there, True, 5)
        found = file(api, session, there).body
        reply = sent(found["download"])
        assert (reply.status, reply.raw) == (200, b"bytes")
        assert reply.headers["content-type"] == "image/png"
        path = f"/sessions/{session}/messages"
        assert api.call("POST", path, query={"body_file": named}).status == 201
        started.process.kill()
    with serving(tmp_path) as started:
        api = Api(started.url, "alice")
        (message,) = api.messages(session, after=0).body["messages"]
        data = gzip.decompress(sent({"method": "GET", "headers": {}, **message["file"]}).raw)
        assert json.loads(data)["content"] == json.loads(body)["messages"][0]["content"]
        assert sent({"method": "GET", "headers": {}, **api.export(session).body["file"]}).status == 200
        assert api.call("DELETE", f"/sessions/{session}/files/{there}").status == 204
        started.process.kill()
    with serving(tmp_path) as started:
        assert files(Api(started.url, "alice"), session)["files"] == []
    with opened(tmp_path) as database:
        # An answer that lay in the bucket is not kept: nothing would ever delete it.
        assert database.execute("SELECT * FROM objects WHERE key LIKE 'answers/%'").fetchall() == []


@pytest.mark.thorough
def test_what_ended_meanwhile_is_deleted_after_a_restart(tmp_path: Path) -> None:
    """Its item was written by the server before. The purge is told of a retention's marker, and renews it."""
    with serving(tmp_path, TURNLOG_RETENTION_DAYS="1") as started:
        key = SessionKey("alice", Api(started.url, "alice").new(user("q")))
    with opened(tmp_path) as database:
        changed = database.execute(
            "UPDATE items SET item = json_set(item, '$.expires_at.N', '1') WHERE key LIKE '%EXPIRY%'"
        )
        assert changed.rowcount == 1
    with serving(tmp_path, TURNLOG_RETENTION_DAYS="1") as started, looking(started) as table:

        def ends() -> int:
            item = table.session(*key).get((key.partition, EXPIRY), {})
            return int(item.get("expires_at", {"N": "0"})["N"])

        wait_until(lambda: ends() > 1)


@pytest.mark.thorough
def test_an_object_is_as_old_as_before(tmp_path: Path) -> None:
    """The purge goes by that. What was deleted, and a table that was, is not there again."""

    def listed(s3: Any) -> list[Any]:
        page = s3.list_objects_v2(Bucket="bucket")
        return [(each["Key"], each["LastModified"], each["Size"]) for each in page.get("Contents", ())]

    with embedded.dynamodb(tmp_path) as url, local_client("s3", url) as s3:
        s3.create_bucket(Bucket="bucket")
        for key in ("stays", "goes"):
            s3.put_object(Bucket="bucket", Key=key, Body=b"x")
        s3.delete_object(Bucket="bucket", Key="goes")
        before = listed(s3)
        with local_client("dynamodb", url) as dynamodb:
            for name in ("stays", "goes"):
                ensure_table(dynamodb, name)
                dynamodb.put_item(
                    TableName=name, Item={"PK": {"S": "p"}, "SK": {"S": "s"}, "b": {"B": b"\xff"}}
                )
            dynamodb.delete_table(TableName="goes")
    with (
        embedded.dynamodb(tmp_path) as url,
        local_client("s3", url) as s3,
        local_client("dynamodb", url) as dynamodb,
    ):
        s3.create_bucket(Bucket="bucket")
        assert listed(s3) == before
        assert s3.get_object(Bucket="bucket", Key="stays")["Body"].read() == b"x"
        found = {}
        for name in ("stays", "goes"):
            ensure_table(dynamodb, name)
            found[name] = dynamodb.scan(TableName=name)["Items"]
        assert found == {"stays": [{"PK": {"S": "p"}, "SK": {"S": "s"}, "b": {"B": b"\xff"}}], "goes": []}


@pytest.mark.thorough
def test_what_is_answered_is_in_the_file(tmp_path: Path) -> None:
    """A copy of the files, at the moment of the answer, is what `kill -9` would leave."""
    folder, copies = tmp_path / "data", count()

    def left() -> tuple[list[Any], list[Any]]:
        copy = shutil.copytree(folder, tmp_path / f"copy-{next(copies)}")
        file = data.DataFile(copy)
        try:
            return file.items("t"), [kept.data for kept in file.objects("bucket")]
        finally:
            file.close()

    with (
        embedded.dynamodb(folder) as url,
        local_client("s3", url) as s3,
        local_client("dynamodb", url) as dynamodb,
    ):
        ensure_table(dynamodb, "t")
        s3.create_bucket(Bucket="bucket")
        key = {"PK": {"S": "p"}, "SK": {"S": "s"}}
        dynamodb.put_item(TableName="t", Item=key | {"n": {"N": "1"}})
        assert left() == ([key | {"n": {"N": "1"}}], [])
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
        assert left()[1] == [b"x"]
        refused = {"TableName": "t", "Key": key, "ConditionExpression": "attribute_not_exists(PK)"}
        put = {"TableName": "t", "Item": key | {"SK": {"S": "t"}}}
        with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
            dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": refused}])
        assert left() == ([key | {"n": {"N": "1"}}], [b"x"])
        dynamodb.transact_write_items(
            TransactItems=[{"Put": put}, {"Delete": {"TableName": "t", "Key": key}}]
        )
        assert left() == ([put["Item"]], [b"x"])
        s3.delete_object(Bucket="bucket", Key="k")
        assert left()[1] == []


def test_a_folder_that_is_in_use_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = data.DataFile(tmp_path)
    monkeypatch.setattr(data, "LOCK_SECONDS", 0)
    with pytest.raises(CannotStart) as refused:
        data.DataFile(tmp_path)
    assert str(refused.value) == (
        f"The data in {tmp_path} is in use by another server. Stop that one, or choose another folder."
    )
    file.close()
    data.DataFile(tmp_path).close()


def of_another_format(folder: Path) -> None:
    with opened(folder) as database:
        database.execute(f"PRAGMA user_version = {data.FORMAT + 1}")


def of_another_program(folder: Path) -> None:
    (folder / data.NAME).unlink()
    with opened(folder) as database:
        database.executescript("CREATE TABLE items (a); PRAGMA user_version = 1;")


def cut(folder: Path) -> None:
    content = (folder / data.NAME).read_bytes()
    (folder / data.NAME).write_bytes(content[: len(content) // 2])


def garbled(folder: Path) -> None:
    content = (folder / data.NAME).read_bytes()
    middle = len(content) // 2
    (folder / data.NAME).write_bytes(content[:middle] + bytes(4096) + content[middle + 4096 :])


def no_json(folder: Path) -> None:
    with opened(folder) as database:
        database.execute("UPDATE items SET item = substr(item, 2)")


def empty(folder: Path) -> None:
    (folder / data.NAME).write_bytes(b"")


def garbage(folder: Path) -> None:
    (folder / data.NAME).write_bytes(b"garbage" * 999)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            of_another_format,
            "was written by another version of Turnlog (format 2); this version reads format 1.",
        ),
        (of_another_program, "was written by another program; this version reads format 1."),
        (empty, "is damaged: it is no SQLite file."),
        (garbage, "is damaged: it is no SQLite file."),
        (cut, "is damaged: "),
        (garbled, "is damaged: "),
        (no_json, "is damaged: "),
    ],
)
def test_a_file_that_cannot_be_read_is_said_and_left_as_it_is(
    tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    file = data.DataFile(tmp_path)
    keys = [{"PK": {"S": f"{number}"}, "SK": {"S": "HEAD"}} for number in range(200)]
    with file:
        file.add("SessionsTable", [data.Record(None, key) for key in keys], 0, keys)
    file.close()
    spoil(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CannotStart) as refused:
        data.DataFile(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / data.NAME} {said}")
    assert "It is left as it is." in str(refused.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.thorough
def test_a_place_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert refused(tmp_path / "file").startswith(f"Data cannot be kept in {tmp_path / 'file'}: ")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.thorough
def test_a_folder_beside_a_table_of_ones_own_is_said(tmp_path: Path) -> None:
    line = refused(tmp_path, AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9")
    assert line.startswith("A folder for data is for the embedded table, and AWS_ENDPOINT_URL_DYNAMODB names")
    assert list(tmp_path.iterdir()) == []
