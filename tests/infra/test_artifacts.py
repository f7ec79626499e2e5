"""What `sam build` ships, under the real Lambda runtime, on DynamoDB Local and a real Valkey."""

from __future__ import annotations

import json
import random
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from botocore import xform_name
from botocore.session import get_session

from infra.build import LOCK, OPERATIONS, ROOT, WRAPPER, build_function, build_layer, this_platform
from infra.local import embedded
from infra.local.dynamodb_local import dynamodb_local
from infra.local.embedded import valkey
from infra.local.table import ensure_table
from infra.template import environment, functions
from tests.infra.emulator import emulated, runtimes
from tests.infra.test_events import STORY
from tests.local import local_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.infra.emulator import Lambda

pytestmark = pytest.mark.real

EVENTS = Path(__file__).parent.parent.parent / "infra" / "events"
LOCAL = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}


class Built(NamedTuple):
    """What was built for a version of Python."""

    python: str
    function: Path
    layer: Path

    def emulated(
        self, handler: str, variables: dict[str, str], wrapper: Path | None = None
    ) -> AbstractContextManager[Lambda]:
        return emulated(handler, [self.function, self.layer / "python"], variables, self.python, wrapper)


def build(folder: Path, python: str) -> Built:
    build_function(folder / "function", python)
    build_layer(folder / "layer", python, this_platform())
    return Built(python, folder / "function", folder / "layer")


@pytest.fixture(scope="module", params=runtimes())
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("artifacts"), request.param)


@pytest.fixture(scope="module")
def variables(built: Built) -> Iterator[dict[str, str]]:
    """Of a function, with a table and a cache of its own for each version of Python."""
    with dynamodb_local() as dynamodb_url, valkey() as cache_url:
        table = f"{environment()['TURNLOG_TABLE']}-{built.python}"
        with local_client("dynamodb", dynamodb_url) as client:
            ensure_table(client, table)
        yield LOCAL | {
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
            "TURNLOG_TABLE": table,
            "TURNLOG_CACHE_URL": cache_url,
        }


def test_every_function_answers_its_recorded_event(built: Built, variables: dict[str, str]) -> None:
    handlers = {function.handler.split(".")[1]: function.handler for function in functions()}
    del handlers["follow_stream"]  # it runs on a loop of its own, see below
    answers = {}
    story = {name: status for name, status in STORY.items() if name in handlers}
    for name in [*story, "sweep_jobs", "purge_session"]:
        with built.emulated(handlers[name], variables) as function:
            answers[name] = function.invoke(_event(name))[0]
    assert answers.keys() == handlers.keys()
    assert answers.pop("purge_session") == {"batchItemFailures": []}
    assert answers.pop("sweep_jobs") is None
    statuses = {name: answer["statusCode"] for name, answer in answers.items()}
    # Here is no bucket, so files are off.
    assert statuses == story | {"create_file": 404, "list_files": 404}, answers
    assert json.loads(answers["get_session"]["body"])["session_id"] == "demo"
    assert json.loads(answers["check_health"]["body"])["cache"] == "ok"


def test_a_direct_invoke_answers_the_same_body(built: Built, variables: dict[str, str]) -> None:
    with built.emulated("functions.list_sessions.handler", variables) as function:
        answer, _ = function.invoke(_event("list_sessions.direct"))
        enveloped, _ = function.invoke(_event("list_sessions"))
    assert answer == {"status": 200, "body": json.loads(enveloped["body"])}


def test_an_artifact_holds_what_it_imports_and_no_more(built: Built) -> None:
    function = built.function
    assert {path.name for path in function.iterdir()} == {"functions", "turnlog"}
    assert {path.name for path in built.layer.iterdir()} == {"python"}
    packages = {
        path.name for path in (built.layer / "python").iterdir() if not path.name.endswith(".dist-info")
    }
    assert packages == {
        "__pycache__",
        "annotated_types",
        "aws_lambda_powertools",
        "botocore",
        "dateutil",
        "hiredis",
        "jmespath",
        "pydantic",
        "pydantic_core",
        "six.py",
        "typing_extensions.py",
        "typing_inspection",
        "urllib3",
    }
    assert {path.suffix for path in function.rglob("*") if path.is_file()} == {".py", ".pyc", ".sh"}


def test_every_module_has_its_bytecode_for_this_python(built: Built) -> None:
    """Lambda could not keep what it compiles."""
    tag = f"cpython-{built.python.replace('.', '')}"
    for folder in (built.function, built.layer / "python"):
        sources = {path.with_suffix("") for path in folder.rglob("*.py")}
        compiled = {
            path.parent.parent / path.name.removesuffix(f".{tag}.pyc") for path in folder.rglob("*.pyc")
        }
        assert compiled == sources


def test_a_layer_holds_what_the_lock_names(built: Built) -> None:
    """Each package in its locked version, and no other."""
    locked = re.findall(r"^([a-z0-9-]+)==([^ ]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(locked) > 5
    found = [path.name for path in (built.layer / "python").glob("*.dist-info")]
    assert sorted(found) == sorted(
        f"{name.replace('-', '_')}-{version}.dist-info" for name, version in locked
    )


def test_the_layer_knows_the_operations_that_are_made(built: Built) -> None:
    sources = [source.read_text(encoding="utf-8") for source in built.function.rglob("*.py")]
    for service, operations in OPERATIONS.items():
        (data,) = (built.layer / "python" / "botocore" / "data" / service).glob("*/service-2.json")
        model = json.loads(data.read_text(encoding="utf-8"))
        assert set(model["operations"]) == operations
        known = get_session().get_service_model(service).operation_names
        # Of the table by the API's name, of the bucket by the client's.
        spelt = {name: xform_name(name) if service == "s3" else name for name in known}
        made = {name for name, word in spelt.items() if any(f'"{word}"' in source for source in sources)}
        assert made == operations


def test_a_large_batch_goes_into_the_bucket(built: Built, variables: dict[str, str]) -> None:
    entry = {"uuid": "big", "t": random.randbytes(500_000).hex()}
    asked = {"user_id": "alice", "session_id": "large", "name": "main"}
    with embedded.dynamodb() as s3_url, local_client("s3", s3_url) as client:
        client.create_bucket(Bucket="large")
        with_bucket = variables | {"TURNLOG_BUCKET": "large", "AWS_ENDPOINT_URL_S3": s3_url}

        def invoke(name: str, **event: Any) -> Any:
            with built.emulated(f"functions.{name}.handler", with_bucket) as function:
                return function.invoke(asked | event)[0]

        invoke("create_session", body={"session_id": "large"})
        assert invoke("append_entries", body={"entries": [entry]})["status"] == 201
        assert client.list_objects_v2(Bucket="large")["KeyCount"] == 1
        assert invoke("read_entries")["body"]["entries"] == [entry]
        assert invoke("delete_session")["status"] == 204
        head = {"PK": {"S": "USER#alice#SESSION#large"}, "SK": {"S": "HEAD"}}
        record = {"eventName": "MODIFY", "dynamodb": {"Keys": head, "SequenceNumber": "1"}}
        assert invoke("purge_session", Records=[record]) == {"batchItemFailures": []}
        assert client.list_objects_v2(Bucket="large")["KeyCount"] == 0


def test_streams_are_streamed_by_the_runtime_loop_of_our_own(built: Built, variables: dict[str, str]) -> None:
    """As Lambda starts it; the emulator hands on an answer when that has ended."""

    def invoke(name: str, **event: Any) -> Any:
        with built.emulated(f"functions.{name}.handler", variables) as function:
            return function.invoke({"user_id": "alice", **event})[0]

    place = {"session_id": "followed", "stream_id": "answer-1"}
    invoke("create_session", body={"session_id": "followed"})
    opened = invoke("open_stream", session_id="followed", body={"stream_id": "answer-1"})
    finish = {"epoch": opened["body"]["stream"]["epoch"], "first_seq": 1, "events": [{"type": "start"}]}
    assert invoke("finish_stream", **place, body={**finish, "state": "completed"})["status"] == 200
    wrapper = built.function / WRAPPER.relative_to(ROOT)
    with built.emulated("functions.follow_stream.handler", variables, wrapper) as function:
        event = _event("follow_stream")
        event["pathParameters"] = place
        prelude, body = function.streamed(event)
        assert prelude["statusCode"] == 200
        assert prelude["headers"]["content-type"] == "text/event-stream"
        assert prelude["headers"]["access-control-allow-origin"] == "https://chat.example.com"
        assert body.startswith(b"retry: 1000\n\nid: answer-1.")
        assert b'\ndata: {"type":"start"}\n\nevent: end\n' in body
        event["pathParameters"] = place | {"stream_id": "none"}
        prelude, body = function.streamed(event)
        assert (prelude["statusCode"], json.loads(body)["type"]) == (404, "not_found")
        answer, _ = function.invoke({"user_id": "alice", **place})
        assert (answer["status"], answer["body"]["state"]) == (200, "completed")


def test_a_build_is_the_same_each_time(built: Built, tmp_path: Path) -> None:
    """All of it, bytecode too, wherever it is built: else a deployment would publish all functions anew."""
    again = build(tmp_path / "in" / "another" / "folder", built.python)
    assert digests(again.function) == digests(built.function)
    assert digests(again.layer) == digests(built.layer)
    assert len(digests(built.layer)) > 500


def digests(folder: Path) -> dict[str, str]:
    """The content of every file, by its place."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_only_sam_local_opens_the_door_without_an_authorizer(built: Built, variables: dict[str, str]) -> None:
    """The artifact itself; see `test_sam_local` for every way in which it stays shut."""
    event = _event("list_sessions")
    del event["requestContext"]["authorizer"]
    event["headers"]["authorization"] = "Bearer mallory"
    for more, status in (({}, 401), ({"AWS_SAM_LOCAL": "true"}, 200)):
        with built.emulated("functions.list_sessions.handler", variables | more) as function:
            assert function.invoke(event)[0]["statusCode"] == status


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event
