"""Other choices of the template's parameters, each deployed into an empty account of moto."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import boto3
import pytest

from infra import template
from tests.infra.cloudformation import (
    PARAMETERS,
    broken_rules,
    deployed,
    load,
    packaged,
    transformed,
)

pytestmark = pytest.mark.thorough

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:cache-AbCdEf"  # noqa: S105 (its name)
VERSION = "12345678-1234-1234-1234-123456789012"


def test_without_alarms_there_is_no_such_stack() -> None:
    with deployed(Alarms="disabled") as stack:
        assert not stack.of_type("AWS::CloudFormation::Stack")
        assert "Dashboard" not in stack.outputs


def test_an_own_cache_needs_no_stack() -> None:
    with deployed(
        Cache="own",
        CacheUrl="rediss://user@cache.internal",
        CacheSecretArn=SECRET,
        CacheSecretVersion=VERSION,
        CacheSubnetIds="subnet-1,subnet-2",
        CacheSecurityGroupId="sg-1",
    ) as stack:
        assert stack.of_type("AWS::CloudFormation::Stack") == ["ObservabilityStack"]
        configuration = boto3.client("lambda").get_function_configuration(FunctionName="turnlog-GetSession")
        variables = configuration["Environment"]["Variables"]
        assert variables["TURNLOG_CACHE_URL"] == "rediss://user@cache.internal"
        # What CloudFormation puts the password in the place of; moto does not.
        reference = f"{{{{resolve:secretsmanager:{SECRET}:SecretString:password::{VERSION}}}}}"
        assert variables["TURNLOG_CACHE_PASSWORD"] == reference
        assert configuration["VpcConfig"]["SubnetIds"] == ["subnet-1", "subnet-2"]
        assert configuration["VpcConfig"]["SecurityGroupIds"] == ["sg-1"]


def test_snapshots_are_of_the_versions_behind_the_alias() -> None:
    """SnapStart applies to published versions alone: the alias that is called has to be one's."""
    with deployed(SnapStart="PublishedVersions") as stack:
        resources = stack.template["Resources"]
        for function in template.functions():
            if function.operation == "follow_stream":
                continue  # its runtime loop takes no snapshots
            assert resources[function.name]["Properties"]["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
            alias = resources[f"{function.name}Aliaslive"]["Properties"]
            (version,) = alias["FunctionVersion"]["Fn::GetAtt"][:1]
            assert resources[version]["Type"] == "AWS::Lambda::Version"
            assert alias["Name"] == "live"


def test_streams_are_not_streamed_unless_that_is_asked_for() -> None:
    assert load("template.yaml")["Parameters"]["StreamServing"]["Default"] == "off"
    with deployed(StreamServing="off") as stack:
        assert "StreamUrl" not in stack.outputs
        assert not stack.of_type("AWS::ApiGateway::RestApi")
        functions = stack.of_type("AWS::Lambda::Function")
        assert "FollowStreamFunction" not in functions
        assert "ReadEventsFunction" in functions
        alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
        assert not [alarm for alarm in alarms if "FollowStream" in str(alarm["Dimensions"])]


def test_readers_that_wait_can_be_bounded() -> None:
    """Each of them is one of the account's concurrent executions."""
    with deployed(ReadEventsReserved="20", FollowStreamReserved="30", StreamMemory="512"):
        client = boto3.client("lambda")
        for name, reserved in (("turnlog-ReadEvents", 20), ("turnlog-FollowStream", 30)):
            described = client.get_function_concurrency(FunctionName=name)
            assert described["ReservedConcurrentExecutions"] == reserved
            assert client.get_function_configuration(FunctionName=name)["MemorySize"] == 512


def test_what_is_built_by_default_is_what_the_template_asks_for_by_default() -> None:
    parameters = load("template.yaml")["Parameters"]
    makefile = (template.TEMPLATE.parent / "Makefile").read_text(encoding="utf-8")
    assert f"LAMBDA_PYTHON ?= {parameters['PythonRuntime']['Default'].removeprefix('python')}\n" in makefile
    assert f"LAMBDA_ARCHITECTURE ?= {parameters['Architecture']['Default']}\n" in makefile


def test_the_readme_names_every_parameter() -> None:
    readme = (template.TEMPLATE.parent / "infra" / "README.md").read_text(encoding="utf-8")
    deploy = readme.partition("\n## Deploy\n")[2].partition("\n## ")[0]
    assert [name for name in load("template.yaml")["Parameters"] if f"`{name}`" not in deploy] == []


def broken(**given: str) -> set[str]:
    """What CloudFormation would say of these parameters; moto does not look at rules."""
    return broken_rules(load("template.yaml"), PARAMETERS | given)


OWN = {"Cache": "own", "CacheUrl": "rediss://cache"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Cache": "serverless"},
        OWN,
        OWN | {"CacheSubnetIds": "subnet-1", "CacheSecurityGroupId": "sg-1"},
        OWN | {"CacheSecretArn": SECRET},
        OWN | {"CacheSecretArn": SECRET, "CacheSecretVersion": VERSION},
        {"AlarmEmail": "oncall@example.com"},
        {"AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:mine"},
        {"SnapStart": "PublishedVersions", "PythonRuntime": "python3.12"},
    ],
)
def test_choices_that_go_together_are_taken(given: dict[str, str]) -> None:
    assert not broken(**given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Cache": "own"}, "Cache=own needs CacheUrl."),
        ({"CacheUrl": "rediss://cache"}, "CacheUrl is for Cache=own."),
        ({"Cache": "serverless", "CacheUrl": "rediss://cache"}, "CacheUrl is for Cache=own."),
        ({"CacheSecretArn": SECRET}, "CacheSecretArn is for Cache=own."),
        (OWN | {"CacheSecretVersion": VERSION}, "CacheSecretVersion needs CacheSecretArn."),
        ({"CacheSubnetIds": "subnet-1", "CacheSecurityGroupId": "sg-1"}, "CacheSubnetIds are for Cache=own."),
        (OWN | {"CacheSubnetIds": "subnet-1"}, "CacheSubnetIds need CacheSecurityGroupId."),
        (
            {"AlarmEmail": "a@example.com", "AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:mine"},
            "Give AlarmEmail or AlarmTopicArn.",
        ),
    ],
)
def test_choices_that_do_not_are_refused_before_anything_is_made(given: dict[str, str], said: str) -> None:
    assert broken(**given) == {said}


def test_another_layer_makes_new_versions_of_the_functions() -> None:
    """The alias is of a version: it would go on with the packages of before."""
    with deployed():
        ours = packaged()
        before = versions(ours)
        ours["Resources"]["DependenciesLayer"]["Properties"]["ContentUri"] += "-2"
        assert len(before) == len(template.functions())
        assert not before & versions(ours)


def versions(ours: dict[str, Any]) -> set[str]:
    resources = transformed(deepcopy(ours), PARAMETERS)["Resources"]
    return {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"}
