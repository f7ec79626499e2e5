"""The template with all that its parameters can add, deployed into moto; see `test_stack`."""

from __future__ import annotations

from ast import literal_eval
from typing import TYPE_CHECKING

import boto3
import pytest

from infra import template
from tests.infra.cloudformation import load
from tests.infra.conftest import FULL
from tests.infra.moto_types import MADE

if TYPE_CHECKING:
    from tests.infra.cloudformation import Stack

pytestmark = [pytest.mark.thorough, pytest.mark.whole]


def test_tables_key_is_the_given_one(full: Stack) -> None:
    described = boto3.client("dynamodb").describe_table(TableName=full["SessionsTable"])["Table"]
    assert described["SSEDescription"] == {
        "Status": "ENABLED",
        "SSEType": "KMS",
        "KMSMasterKeyArn": FULL["KmsKeyArn"],
    }


def test_pages_of_the_given_origins_may_call(full: Stack) -> None:
    cors = boto3.client("apigatewayv2").get_api(ApiId=full["HttpApi"])["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://a.example", "https://b.example"]
    assert set(cors["AllowMethods"]) == {route.method for route in template.routes()}
    assert "authorization" in cors["AllowHeaders"]


def test_pages_of_the_given_origins_may_read_streams(full: Stack) -> None:
    (stage,) = MADE["Stage"]
    assert stage["Variables"] == {"CorsOrigins": "https://a.example,https://b.example"}
    assert {one["ResponseType"] for one in MADE["GatewayResponse"]} == {"DEFAULT_4XX", "DEFAULT_5XX"}
    assert full.outputs["StreamUrl"]


def test_every_function_has_its_alarms(full: Stack) -> None:
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    topic = full["AlarmTopic"]
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms)
    watched = {
        (alarm["MetricName"], dimension["Value"])
        for alarm in alarms
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "FunctionName"
    }
    for function in template.functions():
        name = f"turnlog-{function.name.removesuffix('Function')}"
        assert {("Errors", name), ("Throttles", name), ("Duration", name)} <= watched
    assert ("IteratorAge", "turnlog-PurgeSession") in watched
    others = {alarm["MetricName"] for alarm in alarms} - {metric for metric, _ in watched}
    assert others == {
        "5xx",
        "ReadThrottleEvents",
        "WriteThrottleEvents",
        "TransactionConflict",
        "ApproximateNumberOfMessagesVisible",
    }


def test_a_function_is_slow_when_one_call_in_a_hundred_is(full: Stack) -> None:
    """For a quarter of an hour; what waits when it may run out of its time."""
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    slow = {alarm["Dimensions"][0]["Value"]: alarm for alarm in alarms if alarm["MetricName"] == "Duration"}
    assert len(slow) == len(template.functions())
    assert {alarm["ExtendedStatistic"] for alarm in slow.values()} == {"p99"}
    assert {alarm["Period"] * alarm["EvaluationPeriods"] for alarm in slow.values()} == {900}
    assert slow.pop(f"{full.name}-PurgeSession")["Threshold"] == 300_000 * 0.8
    for waits, milliseconds in (
        ("ReadEvents", 29_000),
        ("FollowStream", 90_000),
        ("GetJob", 29_000),
        ("SweepJobs", 50_000),
    ):
        assert slow.pop(f"{full.name}-{waits}")["Threshold"] == milliseconds * 0.8
    assert {alarm["Threshold"] for alarm in slow.values()} == {float(FULL["SlowMilliseconds"])}


def test_alarms_ring_at_the_first_failure_and_for_conflicts_at_many(full: Stack) -> None:
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["ComparisonOperator"] for alarm in alarms} == {"GreaterThanThreshold"}
    assert {alarm["TreatMissingData"] for alarm in alarms} == {"notBreaching"}
    thresholds = {alarm["MetricName"]: alarm["Threshold"] for alarm in alarms}
    for metric in ("Errors", "Throttles", "5xx", "ReadThrottleEvents", "WriteThrottleEvents"):
        assert thresholds[metric] == 0
    assert thresholds["ApproximateNumberOfMessagesVisible"] == 0
    assert thresholds["TransactionConflict"] == 100
    assert thresholds["IteratorAge"] == 3_600_000
    of = {
        alarm["MetricName"]: {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        for alarm in alarms
        if alarm["MetricName"] in {"5xx", "TransactionConflict", "ApproximateNumberOfMessagesVisible"}
    }
    queue = full.outputs["DeadLetterQueueUrl"].rpartition("/")[2]
    assert of == {
        "5xx": {"ApiId": full["HttpApi"]},
        "TransactionConflict": {"TableName": full["SessionsTable"]},
        "ApproximateNumberOfMessagesVisible": {"QueueName": queue},
    }


def test_buckets_key_is_the_given_one(full: Stack) -> None:
    client = boto3.client("s3")
    described = client.get_bucket_encryption(Bucket=full["TranscriptsBucket"])
    (rule,) = described["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": FULL["KmsKeyArn"],
    }


def test_functions_reach_the_cache_dynamodb_and_s3_and_nothing_else(full: Stack) -> None:
    client, cache = boto3.client("ec2"), full.nested("CacheStack")
    gateways = client.describe_internet_gateways()["InternetGateways"]
    attached = {attachment["VpcId"] for gateway in gateways for attachment in gateway["Attachments"]}
    assert cache["Vpc"] not in attached
    assert not client.describe_nat_gateways()["NatGateways"]
    endpoints = client.describe_vpc_endpoints()["VpcEndpoints"]
    for endpoint in endpoints:
        assert (endpoint["VpcEndpointType"], endpoint["RouteTableIds"]) == ("Gateway", [cache["RouteTable"]])
    # moto keeps the policy as Python writes it.
    policies = {
        one["ServiceName"].rpartition(".")[2]: literal_eval(one["PolicyDocument"]) for one in endpoints
    }
    arns = {service: policy["Statement"][0]["Resource"][0] for service, policy in policies.items()}
    table = boto3.client("dynamodb").describe_table(TableName=full["SessionsTable"])["Table"]["TableArn"]
    assert arns == {"dynamodb": table, "s3": f"arn:aws:s3:::{full['TranscriptsBucket']}"}
    functions = client.describe_security_groups(GroupIds=[cache["FunctionSecurityGroup"]])["SecurityGroups"][
        0
    ]
    assert not functions["IpPermissions"]
    # moto's CloudFormation leaves rules for the way out out.
    group = load("infra/cache.yaml")["Resources"]["FunctionSecurityGroup"]["Properties"]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]] == [
        (443, 443),
        (6379, 6380),
    ]
    guard = client.describe_security_groups(GroupIds=[cache["CacheSecurityGroup"]])["SecurityGroups"][0]
    (rule,) = guard["IpPermissions"]
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [cache["FunctionSecurityGroup"]]
    assert not rule["IpRanges"]


def test_cache_lets_in_whom_iam_lets_in(full: Stack) -> None:
    cache = full.nested("CacheStack")
    ((made,), (user,), (group,)) = MADE["ServerlessCache"], MADE["User"], MADE["UserGroup"]
    name = made["ServerlessCacheName"]
    assert name == name.lower()
    assert len(name) <= 40
    assert user["AuthenticationMode"] == {"Type": "iam"}
    assert user["UserId"] == user["UserName"] == name  # or IAM does not take it
    assert group["UserIds"] == [name]
    assert made["UserGroupId"] == group["UserGroupId"]
    assert made["Engine"] == "valkey"
    assert made["SubnetIds"] == [cache["SubnetA"], cache["SubnetB"]]
    configuration = boto3.client("lambda").get_function_configuration(FunctionName="turnlog-GetSession")
    assert configuration["VpcConfig"]["SubnetIds"] == [cache["SubnetA"], cache["SubnetB"]]
    assert configuration["VpcConfig"]["SecurityGroupIds"] == [cache["FunctionSecurityGroup"]]
    url = configuration["Environment"]["Variables"]["TURNLOG_CACHE_URL"]
    assert url == f"rediss://{name}@{name}.cache.example:6379?iam={name}"
