"""What `sam build` ships, under the real Lambda runtime, on DynamoDB Local and a real Valkey."""

from __future__ import annotations

import filecmp
import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name
from botocore.session import get_session

from infra.build import OPERATIONS, build_function, build_layer, this_platform
from infra.local import embedded
from infra.local.dynamodb_local import dynamodb_local
from infra.local.embedded import valkey
from infra.local.table import ensure_table
from infra.template import environment, functions
from tests.infra.emulator import emulated
from tests.local import local_client

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

EVENTS = Path(__file__).parent.parent.parent / "infra" / "events"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
LOCAL = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}

# The recorded events speak of one session, in this order.
FIRST = ["create_session", "append_messages", "put_draft"]
LAST = ["delete_draft", "delete_session", "purge_session"]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("artifacts")
    build_function(folder / "function", PYTHON)
    build_layer(folder / "layer", PYTHON, this_platform())
    return [folder / "function", folder / "layer" / "python"]


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    with dynamodb_local() as dynamodb_url, valkey() as cache_url:
        table = environment()["TURNLOG_TABLE"]
        with local_client("dynamodb", dynamodb_url) as client:
            ensure_table(client, table)
        yield LOCAL | {
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
            "TURNLOG_TABLE": table,
            # The emulator starts many processes at once: what is asked here is not how fast they are.
            "TURNLOG_CACHE_URL": f"{cache_url}?socket_timeout=5",
        }


def test_every_function_answers_its_recorded_event(artifacts: list[Path], variables: dict[str, str]) -> None:
    handlers = {function.handler.split(".")[1]: function.handler for function in functions()}
    between = sorted(handlers.keys() - {*FIRST, *LAST})
    answers = {}
    for name in [*FIRST, *between, *LAST]:
        with emulated(handlers[name], artifacts, variables) as function:
            answers[name] = function.invoke(_event(name))[0]
    purged = answers.pop("purge_session")
    assert purged == {"batchItemFailures": []}
    statuses = {name: answer.get("statusCode") for name, answer in answers.items()}
    assert set(statuses.values()) <= {200, 201, 204}, answers
    assert statuses["create_session"] == 201
    assert json.loads(answers["get_session"]["body"])["session_id"] == "demo"
    assert json.loads(answers["check_health"]["body"])["cache"] == "ok"


def test_a_direct_invoke_answers_the_same_body(artifacts: list[Path], variables: dict[str, str]) -> None:
    with emulated("functions.list_sessions.handler", artifacts, variables) as function:
        answer, _ = function.invoke(_event("list_sessions.direct"))
        enveloped, _ = function.invoke(_event("list_sessions"))
    assert answer == {"status": 200, "body": json.loads(enveloped["body"])}


def test_an_artifact_holds_what_it_imports_and_no_more(artifacts: list[Path]) -> None:
    function, layer = artifacts
    assert {path.name for path in function.iterdir()} == {"functions", "shared"}
    packages = {path.name for path in layer.iterdir() if not path.name.endswith(".dist-info")}
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
    # Every module has its bytecode: Lambda could not keep what it compiles.
    sources = {path.with_suffix("").relative_to(function) for path in function.rglob("*.py")}
    compiled = {path.parent.parent / path.name.split(".")[0] for path in function.rglob("*.pyc")}
    assert {path.relative_to(function) for path in compiled} == sources


def test_the_layer_knows_the_operations_that_are_made(artifacts: list[Path]) -> None:
    sources = [source.read_text(encoding="utf-8") for source in artifacts[0].rglob("*.py")]
    for service, operations in OPERATIONS.items():
        (data,) = (artifacts[1] / "botocore" / "data" / service).glob("*/service-2.json")
        model = json.loads(data.read_text(encoding="utf-8"))
        assert set(model["operations"]) == operations
        known = get_session().get_service_model(service).operation_names
        # Of the table by the API's name, of the bucket by the client's.
        spelt = {name: xform_name(name) if service == "s3" else name for name in known}
        made = {name for name, word in spelt.items() if any(f'"{word}"' in source for source in sources)}
        assert made == operations


def test_a_large_batch_goes_into_the_bucket(artifacts: list[Path], variables: dict[str, str]) -> None:
    entry = {"uuid": "big", "t": random.randbytes(500_000).hex()}
    asked = {"user_id": "alice", "session_id": "large", "name": "main"}
    with embedded.dynamodb() as s3_url, local_client("s3", s3_url) as client:
        client.create_bucket(Bucket="large")
        with_bucket = variables | {"TURNLOG_BUCKET": "large", "AWS_ENDPOINT_URL_S3": s3_url}

        def invoke(name: str, **event: Any) -> Any:
            with emulated(f"functions.{name}.handler", artifacts, with_bucket) as function:
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


def test_a_build_is_the_same_each_time(artifacts: list[Path], tmp_path: Path) -> None:
    build_function(tmp_path, PYTHON)
    files = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert filecmp.cmpfiles(tmp_path, artifacts[0], files, shallow=False)[1:] == ([], [])


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event
