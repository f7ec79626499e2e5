"""Other choices of the template's parameters, each deployed into an empty account of moto."""

from __future__ import annotations

import boto3

from tests.infra.cloudformation import deployed


def test_without_alarms_there_is_no_such_stack() -> None:
    with deployed(Alarms="disabled") as stack:
        assert not stack.of_type("AWS::CloudFormation::Stack")
        assert "Dashboard" not in stack.outputs


def test_an_own_cache_needs_no_stack() -> None:
    with deployed(
        Cache="own",
        CacheUrl="rediss://user:word@cache.internal",
        CacheSubnetIds="subnet-1,subnet-2",
        CacheSecurityGroupId="sg-1",
    ) as stack:
        assert stack.of_type("AWS::CloudFormation::Stack") == ["ObservabilityStack"]
        configuration = boto3.client("lambda").get_function_configuration(FunctionName="turnlog-GetSession")
        assert (
            configuration["Environment"]["Variables"]["TURNLOG_CACHE_URL"]
            == "rediss://user:word@cache.internal"
        )
        assert configuration["VpcConfig"]["SubnetIds"] == ["subnet-1", "subnet-2"]
        assert configuration["VpcConfig"]["SecurityGroupIds"] == ["sg-1"]
