"""Each role holds exactly what its function was seen to need, and nothing reaches beyond the stack."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra import template
from tests.infra.account import account
from tests.infra.cloudformation import load
from tests.infra.conftest import FULL
from tests.infra.iam import actions, covers
from turnlog.records.keys import ANSWER_PREFIX
from turnlog.store.stream_cache import APPEND, MARK, READ, RESET

if TYPE_CHECKING:
    from tests.infra.account import Account

SCRIPTS = (APPEND, READ, RESET, MARK)
NAMES = [function.name for function in template.functions()]
LEADING_KEYS = "dynamodb:LeadingKeys"


pytestmark = [pytest.mark.thorough, pytest.mark.whole]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `tests.infra.recorded` saw."""
    file = tmp_path_factory.mktemp("recorded") / "calls.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.infra.recorded", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def plain() -> Account:
    return account()


@pytest.fixture(scope="module")
def full() -> Account:
    return account(**FULL)


def requests(
    made_in: Account, seen: dict[str, Any], function: str
) -> list[tuple[str, str, dict[str, list[str]]]]:
    """Action, resource and context of each request that the function was seen to make."""
    return [
        (action, made_in.table + (f"/{part}" if part != "table" else ""), {LEADING_KEYS: [key]})
        for name, action, part, key in seen["table"]
        if name == function
    ]


def test_every_function_was_seen(seen: dict[str, Any]) -> None:
    unseen = set(NAMES) - {call[0] for call in seen["table"]}
    assert not unseen, f"call {sorted(unseen)} in tests/infra/every_way.py, in every way that it has"


@pytest.mark.parametrize("function", NAMES)
def test_nothing_is_missing(full: Account, seen: dict[str, Any], function: str) -> None:
    for request in requests(full, seen, function):
        assert full.roles[function].allows(*request), request


@pytest.mark.parametrize("function", NAMES)
def test_nothing_is_unused(full: Account, seen: dict[str, Any], function: str) -> None:
    """Every action of every statement about the table was needed for a request that no other one covers."""
    made = requests(full, seen, function)
    statements = [one for one in full.roles[function].own if actions(one)[0].startswith("dynamodb:")]
    assert statements
    for statement in statements:
        for action in actions(statement):
            needing = [request for request in made if request[0] == action and covers(statement, *request)]
            assert needing, (action, statement)
            others = [{**one, "Action": actions(one)} for one in statements if one is not statement]
            assert any(not any(covers(other, *request) for other in others) for request in needing), action


@pytest.mark.parametrize("function", NAMES)
def test_the_bucket_is_for_what_each_function_does_with_it(
    full: Account, seen: dict[str, Any], function: str
) -> None:
    """Whoever reads an object is told where there is none; of what is not Turnlog's, nothing is told."""
    held = full.roles[function]
    made = {(action, place) for name, action, place in seen["bucket"] if name == function}
    made |= {("s3:ListBucket", "sessions/") for action, _ in made if action == "s3:GetObject"}
    for action, place in made:
        listing = action == "s3:ListBucket"
        resource = full.bucket if listing else f"{full.bucket}/{place}"
        assert held.allows(action, resource, {"s3:prefix": [place]} if listing else {}), action
        elsewhere = full.bucket if listing else f"{full.bucket}/other/{place}"
        assert not held.allows(action, elsewhere, {"s3:prefix": ["other/"]}), action
        assert not held.allows(action, f"{resource}-another".replace(full.bucket, f"{full.bucket}-2"))
        # An answer that lies apart is read at an address alone, where 403 is as good.
        if action == "s3:GetObject" and not place.startswith(ANSWER_PREFIX):
            assert held.answer_where_nothing_is(full.bucket, place) == 404
            assert held.answer_where_nothing_is(full.bucket, f"other/{place}") == 403
    own = {action for one in held.own for action in actions(one) if action.startswith("s3:")}
    assert own == {action for action, _ in made}


def test_only_those_connect_to_the_cache_that_use_it(full: Account, seen: dict[str, Any]) -> None:
    users = {call[0] for call in seen["cache"]}
    holders = {name for name in NAMES if any("CachePolicy" in held for held in full.roles[name].attached)}
    assert users == holders, (
        f"{sorted(users ^ holders)}: in template.yaml, those that use the cache have CachePolicy, and no "
        "others. If one was not seen to use it, add how it does to tests/infra/every_way.py."
    )
    assert "ListSessionsFunction" not in users


def test_the_caches_user_may_do_what_the_functions_do_and_no_more(seen: dict[str, Any]) -> None:
    """Every function ran as this user; Valkey logs what it refuses."""
    assert seen["refusals"] == 0
    access = load("infra/cache.yaml")["Resources"]["CacheUser"]["Properties"]["AccessString"].split()
    allowed = {word[1:] for word in access if word.startswith("+")}
    in_scripts = {word.lower() for script in SCRIPTS for word in re.findall(r"call\('(\w+)'", script)}
    assert allowed == {command for _, command in seen["cache"]} | in_scripts
    assert access[:3] == ["on", "~turnlog:*", "-@all"]


@pytest.mark.thorough
@pytest.mark.parametrize("function", NAMES)
def test_without_a_cache_nobody_connects_to_one(plain: Account, function: str) -> None:
    held = plain.roles[function]
    assert not any("CachePolicy" in name for name in held.attached)
    assert not held.allows(
        "elasticache:Connect", "arn:aws:elasticache:us-east-1:123456789012:serverlesscache:x"
    )


@pytest.mark.parametrize("function", NAMES)
def test_what_aws_grants_to_all_is_bound_to_this_stack(plain: Account, function: str) -> None:
    """SAM's managed policies are for every resource of the account."""
    held, here = plain.roles[function], "us-east-1:123456789012"
    logs = f"arn:aws:logs:{here}:log-group:"
    assert held.allows("logs:PutLogEvents", f"{logs}/aws/lambda/turnlog")
    assert held.allows("xray:PutTraceSegments", "*")
    for action, resource in (
        ("logs:PutLogEvents", f"{logs}/aws/lambda/another"),
        ("logs:CreateLogGroup", f"{logs}/aws/lambda/turnlog"),
        ("ec2:CreateNetworkInterface", "*"),
        ("dynamodb:Scan", plain.table),
        ("dynamodb:DeleteTable", plain.table),
        ("dynamodb:GetItem", plain.table + "-another"),
        ("dynamodb:GetRecords", f"arn:aws:dynamodb:{here}:table/another/stream/1"),
        ("s3:GetObject", "arn:aws:s3:::another/sessions/a"),
        ("s3:DeleteBucket", plain.bucket),
        ("kms:Decrypt", "*"),
        ("sqs:SendMessage", f"arn:aws:sqs:{here}:another"),
        ("iam:PassRole", "*"),
    ):
        assert not held.allows(action, resource, {LEADING_KEYS: ["USER#alice#SESSION#s"]}), action


@pytest.mark.parametrize("function", NAMES)
def test_in_a_network_lambda_makes_the_interface_and_the_function_cannot(
    full: Account, function: str
) -> None:
    held = full.roles[function]
    assert held.allows("ec2:CreateNetworkInterface", "*")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:turnlog-Any"
    assert not held.allows("ec2:CreateNetworkInterface", "*", {"lambda:SourceFunctionArn": [arn]})


def test_only_the_purge_reads_the_stream_and_writes_to_the_queue(plain: Account) -> None:
    for action, resource in (("dynamodb:GetRecords", plain.stream), ("sqs:SendMessage", plain.queue)):
        assert [name for name in NAMES if plain.roles[name].allows(action, resource)] == [
            "PurgeSessionFunction"
        ]


def test_the_own_key_serves_dynamodb_and_s3_alone(full: Account) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/own"
    for function in NAMES:
        held = full.roles[function]
        for service in ("dynamodb", "s3"):
            assert held.allows("kms:Decrypt", key, {"kms:ViaService": [f"{service}.us-east-1.amazonaws.com"]})
        assert not held.allows("kms:Decrypt", key, {"kms:ViaService": ["sqs.us-east-1.amazonaws.com"]})
        assert not held.allows(
            "kms:Decrypt", f"{key}-2", {"kms:ViaService": ["dynamodb.us-east-1.amazonaws.com"]}
        )


@pytest.mark.parametrize("function", NAMES)
def test_sessions_counts_and_health_are_parted(plain: Account, function: str) -> None:
    """`dynamodb:LeadingKeys`, as far as it can hold: each function serves every user."""
    held = plain.roles[function]
    writes = ("dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem")
    count, session = {LEADING_KEYS: ["USER#alice"]}, {LEADING_KEYS: ["USER#alice#SESSION#s"]}
    assert not any(held.allows(action, plain.table, count) for action in writes)
    counts = {f"{name}SessionFunction" for name in ("Create", "Delete", "Fork", "Purge", "Put")}
    assert held.allows("dynamodb:UpdateItem", plain.table, count) is (function in counts)
    assert held.allows("dynamodb:GetItem", plain.table, count) is (function == "ListSessionsFunction")
    if function in {"ListSessionsFunction", "CheckHealthFunction"}:
        assert not held.allows("dynamodb:GetItem", plain.table, session)
        assert not held.allows("dynamodb:Query", plain.table, session)
