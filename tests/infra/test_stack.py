"""The template, deployed into moto: what is asked for is what the account then has.

Asserted of the deployed stack where moto keeps it; what moto's Lambda does not keep (tracing, log group,
layers, aliases' settings) of the template that SAM's translator made.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from infra import template
from turnlog.client.request import TAKE_FILES
from turnlog.http import telemetry

if TYPE_CHECKING:
    from tests.infra.cloudformation import Stack


def table(stack: Stack) -> dict[str, Any]:
    described: dict[str, Any] = boto3.client("dynamodb").describe_table(TableName=stack["SessionsTable"])[
        "Table"
    ]
    return described


def test_table_is_the_designs(plain: Stack) -> None:
    described = table(plain)
    assert described["KeySchema"] == [
        {"AttributeName": "PK", "KeyType": "HASH"},
        {"AttributeName": "SK", "KeyType": "RANGE"},
    ]
    index, due = described["GlobalSecondaryIndexes"]
    assert due["IndexName"] == "GSI2"
    assert [key["AttributeName"] for key in due["KeySchema"]] == ["GSI2PK", "due_at"]
    assert due["Projection"]["ProjectionType"] == "KEYS_ONLY"
    assert index["IndexName"] == "GSI1"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["GSI1PK", "GSI1SK"]
    assert index["Projection"]["ProjectionType"] == "INCLUDE"
    assert {"title", "version", "n"} < set(index["Projection"]["NonKeyAttributes"])
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_table_is_kept_safe(plain: Stack) -> None:
    described, client = table(plain), boto3.client("dynamodb")
    assert described["DeletionProtectionEnabled"] is True
    resource = plain.template["Resources"]["SessionsTable"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    backups = client.describe_continuous_backups(TableName=plain["SessionsTable"])
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    ttl = client.describe_time_to_live(TableName=plain["SessionsTable"])["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_tables_key_is_awss_own_unless_one_is_given(plain: Stack) -> None:
    assert "SSEDescription" not in table(plain)


def test_bucket_is_private_encrypted_and_kept(plain: Stack) -> None:
    client, name = boto3.client("s3"), plain["TranscriptsBucket"]
    blocked = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    encryption = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    (rule,) = encryption["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    (owner,) = client.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert owner == {"ObjectOwnership": "BucketOwnerEnforced"}
    (statement,) = json.loads(client.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )
    assert set(statement["Resource"]) == {f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"}
    resource = plain.template["Resources"]["TranscriptsBucket"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_bucket_can_go_back_as_far_as_the_table(plain: Stack) -> None:
    client, name = boto3.client("s3"), plain["TranscriptsBucket"]
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rules = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    found = {rule["ID"]: rule for rule in rules}
    assert found["deleted"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 35}
    assert found["answers"]["Filter"] == {"Prefix": "answers/"}
    assert found["answers"]["Expiration"] == {"Days": 1}
    assert found["answers"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert found["incomplete"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def routes(stack: Stack) -> dict[str, dict[str, Any]]:
    items = boto3.client("apigatewayv2").get_routes(ApiId=stack["HttpApi"])["Items"]
    return {route["RouteKey"]: route for route in items}


def test_routes_lead_to_their_functions_live_alias(plain: Stack) -> None:
    client = boto3.client("apigatewayv2")
    found = routes(plain)
    assert found.keys() == {f"{route.method} {route.path}" for route in template.routes()}
    for route in template.routes():
        target = found[f"{route.method} {route.path}"]["Target"].partition("/")[2]
        integration = client.get_integration(ApiId=plain["HttpApi"], IntegrationId=target)
        alias = plain[f"{route.function.name}Aliaslive"]
        assert alias.endswith(f":function:turnlog-{route.function.name.removesuffix('Function')}:live")
        assert integration["IntegrationUri"].endswith(f"/functions/{alias}/invocations")
        assert integration["PayloadFormatVersion"] == "2.0"


def test_api_gateway_may_call_just_these(plain: Stack) -> None:
    client = boto3.client("lambda")
    for route in template.routes():
        policy = json.loads(
            client.get_policy(FunctionName=plain[f"{route.function.name}Aliaslive"])["Policy"]
        )
        (statement,) = policy["Statement"]
        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        pattern = statement["Condition"]["ArnLike"]["AWS:SourceArn"]
        assert pattern.partition(f":{plain['HttpApi']}/*/")[2].startswith(route.method + "/")


def test_all_but_health_and_webhooks_ask_for_a_users_token(plain: Stack) -> None:
    client = boto3.client("apigatewayv2")
    found = routes(plain)
    for open_to_all in ("GET /health", "POST /hooks/jobs"):
        assert found.pop(open_to_all)["AuthorizationType"] == "NONE"
    assert {route["AuthorizationType"] for route in found.values()} == {"JWT"}
    (authorizer,) = {route["AuthorizerId"] for route in found.values()}
    described = client.get_authorizer(ApiId=plain["HttpApi"], AuthorizerId=authorizer)
    assert described["IdentitySource"] == ["$request.header.Authorization"]
    assert described["JwtConfiguration"] == {
        "Issuer": "https://issuer.example/",
        "Audience": ["chat", "agents"],
    }


def test_stage_throttles_and_logs(plain: Stack) -> None:
    stage = boto3.client("apigatewayv2").get_stage(ApiId=plain["HttpApi"], StageName="$default")
    assert stage["AutoDeploy"] is True
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 500
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 1000
    assert stage["RouteSettings"]["GET /health"]["ThrottlingRateLimit"] == 5
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"request_id", "ip", "user", "route", "status", "milliseconds"} < logged.keys()
    assert ":log-group:/aws/vendedlogs/turnlog-api" in stage["AccessLogSettings"]["DestinationArn"]


def test_no_page_may_call_unless_its_origin_is_given(plain: Stack) -> None:
    assert "AllowOrigins" not in boto3.client("apigatewayv2").get_api(ApiId=plain["HttpApi"]).get(
        "CorsConfiguration", {}
    )


def test_every_function_is_as_the_globals_say(plain: Stack) -> None:
    resources = plain.template["Resources"]
    large = TAKE_FILES | {"export_session", "export_openai_messages"}
    for function in template.functions():
        properties = resources[function.name]["Properties"]
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert properties["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": "FunctionLogs"}}
        assert properties["Architectures"] == [{"Ref": "Architecture"}]
        snapshots = {"Ref": "SnapStart"} if function.operation != "follow_stream" else "None"
        assert properties["SnapStart"] == {"ApplyOn": snapshots}
        assert len(properties["Layers"]) == 1
        deployed_as = boto3.client("lambda").get_function_configuration(
            FunctionName=f"turnlog-{function.name.removesuffix('Function')}"
        )
        assert deployed_as["Handler"] == function.handler
        assert deployed_as["Timeout"] == function.timeout
        waits = function.operation in {"read_events", "follow_stream"}
        memory = 1769 if function.operation in large else 256 if waits else 512
        assert deployed_as["MemorySize"] == memory
        assert "SubnetIds" not in deployed_as.get("VpcConfig", {})
        variables = deployed_as["Environment"]["Variables"]
        assert variables["TURNLOG_TABLE"] == plain["SessionsTable"]
        assert variables["TURNLOG_CACHE_URL"] == ""
        assert "TURNLOG_CACHE_PASSWORD" not in variables
        assert not [name for name in variables if "SAM" in name]  # what would open SAM local's door
        assert "AWS_ENDPOINT_URL_DYNAMODB" not in variables


@pytest.mark.parametrize("name", ["FunctionLogs", "AccessLogs"])
def test_logs_end(plain: Stack, name: str) -> None:
    (group,) = boto3.client("logs").describe_log_groups(logGroupNamePrefix=plain[name])["logGroups"]
    assert group["retentionInDays"] == 90


def test_purge_is_fed_by_the_stream_and_gives_up_into_the_queue(plain: Stack) -> None:
    (mapping,) = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["EventSourceArn"] == table(plain)["LatestStreamArn"]
    assert ":turnlog-PurgeSession" in mapping["FunctionArn"]
    properties = plain.template["Resources"]["PurgeSessionFunctionStream"]["Properties"]
    assert properties["BisectBatchOnFunctionError"] is True
    assert 0 < properties["MaximumRetryAttempts"] <= 100
    assert 0 < properties["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties["DestinationConfig"] == {
        "OnFailure": {"Destination": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}
    }
    queue = boto3.client("sqs").get_queue_attributes(
        QueueUrl=plain.outputs["DeadLetterQueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    assert queue["SqsManagedSseEnabled"] == "true"
    assert queue["MessageRetentionPeriod"] == str(14 * 24 * 3600)


def test_alarms_tell_nobody_unless_asked_to(plain: Stack) -> None:
    alarms = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarms
    assert not any(alarm["AlarmActions"] for alarm in alarms)
    assert not plain.of_type("AWS::SNS::Topic")


def test_dashboard_is_json(plain: Stack) -> None:
    body = boto3.client("cloudwatch").get_dashboard(DashboardName=plain.outputs["Dashboard"])["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    assert len(widgets) == 12
    assert "${" not in body


def test_dashboard_searches_for_metrics_as_the_functions_send_them(
    plain: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """A search finds metrics of exactly these dimensions."""
    telemetry.count("any", Counter(appends=1))
    (sent,) = json.loads(capsys.readouterr().out)["_aws"]["CloudWatchMetrics"]
    schema = ",".join([sent["Namespace"], *sent["Dimensions"][0]])
    body = boto3.client("cloudwatch").get_dashboard(DashboardName=plain.outputs["Dashboard"])["DashboardBody"]
    assert body.count(f"SEARCH('{{{schema}}} MetricName=") == 7


def test_a_version_is_another_where_the_configuration_is(plain: Stack) -> None:
    """A version's description is never changed in place, nor is that of the policy which it names."""
    configuration = plain["Configuration"]
    described = boto3.client("iam").get_policy(PolicyArn=configuration)["Policy"]["Description"]
    assert " CacheTtl=43200 " in described
    resources = plain.template["Resources"]
    for function in template.functions():
        (version,) = resources[f"{function.name}Aliaslive"]["Properties"]["FunctionVersion"]["Fn::GetAtt"][:1]
        assert resources[version]["Properties"]["Description"] == {"Ref": "Configuration"}
        deployed_as = boto3.client("lambda").get_function_configuration(
            FunctionName=f"turnlog-{function.name.removesuffix('Function')}"
        )
        assert deployed_as["Description"] == configuration
        assert len(configuration) <= 256


def test_outputs_say_where_things_are(plain: Stack) -> None:
    given = plain.outputs
    assert given["ApiUrl"] == f"https://{plain['HttpApi']}.execute-api.us-east-1.amazonaws.com"
    assert given["TableName"] == plain["SessionsTable"]
    assert (given["FunctionLogGroup"], given["AccessLogGroup"]) == (
        plain["FunctionLogs"],
        plain["AccessLogs"],
    )
    assert given["DeadLetterQueueUrl"] == plain["DeadLetterQueue"]
    prefix = given["FunctionArnPattern"].removesuffix("*")
    for function in template.functions():
        alias = plain[f"{function.name}Aliaslive"]
        assert alias == f"{prefix}{function.name.removesuffix('Function')}:live"


def test_without_a_cache_there_is_no_network(plain: Stack) -> None:
    assert "CacheStack" not in plain.of_type("AWS::CloudFormation::Stack")
    vpcs = boto3.client("ec2").describe_vpcs()["Vpcs"]
    assert all(vpc["IsDefault"] for vpc in vpcs)
