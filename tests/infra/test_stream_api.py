"""The REST API that serves streams, deployed into moto; what moto does not keep, of the template."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import boto3

from infra import template
from tests.infra.cloudformation import load
from tests.infra.moto_types import MADE

if TYPE_CHECKING:
    from tests.infra.cloudformation import Stack

(ROUTE,) = template.streaming_routes()
PICTURED = ("RestApi", "Resource", "Authorizer", "Method", "GatewayResponse")


def methods(stack: Stack) -> dict[str, Any]:
    """The methods of the one path that has any."""
    client = boto3.client("apigateway")
    resources = client.get_resources(restApiId=stack["StreamApi"])["items"]
    (found,) = (one for one in resources if one.get("resourceMethods"))
    assert found["path"] == ROUTE.path
    described: dict[str, Any] = found["resourceMethods"]
    return {
        name: client.get_method(restApiId=stack["StreamApi"], resourceId=found["id"], httpMethod=name)
        for name in described
    }


def test_a_streams_events_are_streamed_by_the_live_alias(plain: Stack) -> None:
    found = methods(plain)
    assert found.keys() == {"GET", "OPTIONS"}
    for method in found.values():
        integration = method["methodIntegration"]
        assert integration["type"] == "AWS_PROXY"
        alias = plain["FollowStreamFunctionAliaslive"]
        assert integration["uri"].endswith(
            f":lambda:path/2021-11-15/functions/{alias}/response-streaming-invocations"
        )
    for name in ("FollowStreamMethod", "FollowStreamPreflight"):
        integration = plain.template["Resources"][name]["Properties"]["Integration"]
        assert integration["ResponseTransferMode"] == "STREAM"
        # Longer than an answer goes on, and as long as the function may take.
        assert integration["TimeoutInMillis"] == ROUTE.function.timeout * 1000 > 60_000


def test_it_asks_for_a_token_as_the_http_api_does(plain: Stack) -> None:
    assert plain.template["Resources"]["FollowStreamMethod"]["Properties"]["AuthorizationType"] == "JWT"
    (authorizer,) = MADE["Authorizer"]
    assert (authorizer["Type"], authorizer["IdentitySource"]) == (
        "JWT",
        "method.request.header.Authorization",
    )
    (issuer,) = authorizer["JwtConfiguration"]["Issuers"]
    assert issuer == {"Issuer": "https://issuer.example/", "Audiences": ["chat", "agents"]}
    assert methods(plain)["OPTIONS"]["authorizationType"] == "NONE"  # browsers send none there


def test_api_gateway_may_call_the_function_for_streams_alone(plain: Stack) -> None:
    policy = json.loads(
        boto3.client("lambda").get_policy(FunctionName=plain["FollowStreamFunctionAliaslive"])["Policy"]
    )
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    source = statement["Condition"]["ArnLike"]["AWS:SourceArn"]
    assert source.endswith(f":{plain['StreamApi']}/*/*/sessions/*/streams/*/events")


def test_it_throttles_and_says_where_it_is(plain: Stack) -> None:
    (stage,) = MADE["Stage"]
    (every,) = stage["MethodSettings"]
    assert (every["ThrottlingRateLimit"], every["ThrottlingBurstLimit"]) == (500, 1000)
    assert "Variables" not in stage
    assert plain.outputs["StreamUrl"] == (
        f"https://{plain['StreamApi']}.execute-api.us-east-1.amazonaws.com/live"
    )


def test_the_function_starts_the_runtime_loop_of_its_own(plain: Stack) -> None:
    configuration = boto3.client("lambda").get_function_configuration(FunctionName="turnlog-FollowStream")
    variables = configuration["Environment"]["Variables"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/functions/streaming.sh"
    assert variables["TURNLOG_TABLE"] == plain["SessionsTable"]
    resources = plain.template["Resources"]
    # The loop does not answer for a snapshot.
    assert resources["FollowStreamFunction"]["Properties"]["SnapStart"] == {"ApplyOn": "None"}
    for name in ("FollowStream", "ReadEvents"):
        described = boto3.client("lambda").get_function_concurrency(FunctionName=f"turnlog-{name}")
        assert "ReservedConcurrentExecutions" not in described


def test_what_is_deployed_is_the_api_as_it_is() -> None:
    """A deployment is a picture: CloudFormation takes another one where the resource has another name."""
    resources = load("template.yaml")["Resources"]
    pictured = {
        name: one
        for name, one in resources.items()
        if one["Type"] in {f"AWS::ApiGateway::{kind}" for kind in PICTURED}
    }
    name = f"StreamDeployment{sha256(json.dumps(pictured, sort_keys=True).encode()).hexdigest()[:8]}"
    (found,) = (name for name, one in resources.items() if one["Type"] == "AWS::ApiGateway::Deployment")
    assert found == name, f"name it {name} in template.yaml: the REST API has changed"
    assert resources["StreamStage"]["Properties"]["DeploymentId"] == {"Ref": name}
