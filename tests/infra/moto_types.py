"""What moto's CloudFormation lacks of the template, made by way of moto's own APIs where it has those.

- API Gateway v2: the API with what its OpenAPI body says, and its stage, as API Gateway would make of them.
- CloudWatch's alarms, and a function's alias.
- The table's key, time to live and point-in-time recovery, and a role's managed policies, which moto's
  CloudFormation leaves out.
- A REST API's authorizer for JWTs, its stage and its own answers: kept to be looked at, as the next.
- ElastiCache's serverless cache, user and user group: their properties are kept to be looked at (`MADE`),
  nothing is behind them. What ElastiCache makes of them is not shown here.
"""

from __future__ import annotations

from ipaddress import ip_network
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from moto.awslambda.models import LambdaVersion
from moto.cloudformation import parsing
from moto.cloudformation.models import Stack as NestedStack
from moto.core.common_models import CloudFormationModel
from moto.dynamodb.models.table import Table
from moto.iam.models import Role

if TYPE_CHECKING:
    from collections.abc import Callable

Properties = dict[str, Any]

MADE: dict[str, list[Properties]] = {}
"""The resolved properties of resources behind which there is nothing, by type."""


class Result(NamedTuple):  # what `Ref` and `GetAtt` say of a resource
    ref: str
    attributes: dict[str, str]


def install() -> None:
    """Teach moto's CloudFormation these types."""
    for kind, make in _MAKERS.items():
        _define(kind, make)
    _complete_functions()
    # Attributes that these lack.
    for owner, attribute in ((LambdaVersion, _version), (NestedStack, _output)):
        setattr(owner, "get_cfn_attribute", attribute)  # noqa: B010 (which mypy knows to be missing)
    _extend(Table, _finish_table, _prepare_table)
    _extend(Role, _finish_role)


def _extend(
    owner: Any,
    finish: Callable[[Any, Properties], None],
    prepare: Callable[[Properties], None] = lambda _: None,
) -> None:
    """Do more before and after moto makes a resource."""
    plain = owner.create_from_cloudformation_json.__func__

    def create(cls: Any, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        prepare(cloudformation_json["Properties"])
        made = plain(cls, resource_name, cloudformation_json, *args, **kwargs)
        finish(made, cloudformation_json["Properties"])
        return made

    owner.create_from_cloudformation_json = classmethod(create)


def _prepare_table(properties: Properties) -> None:
    if sse := properties.get("SSESpecification"):
        properties["SSESpecification"] = _typed({"Enabled": sse.pop("SSEEnabled"), **sse})


def _finish_table(table: Any, properties: Properties) -> None:
    client, name = boto3.client("dynamodb"), table.name
    ttl = _typed(properties["TimeToLiveSpecification"])
    client.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
    recovery = _typed(properties["PointInTimeRecoverySpecification"])
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def _finish_role(made: Any, properties: Properties) -> None:
    for arn in properties.get("ManagedPolicyArns", ()):
        boto3.client("iam").attach_role_policy(RoleName=made.name, PolicyArn=arn)


def _version(version: Any, _: str) -> str:
    return str(version.version)


def _output(stack: Any, name: str) -> str:
    """`Outputs.Name` of a nested stack."""
    (value,) = [output.value for output in stack.output_map.values() if f"Outputs.{output.key}" == name]
    return str(value)


def _complete_functions() -> None:
    """CloudFormation drops AWS::NoValue from a list, where moto leaves a null; and it knows Fn::Cidr."""
    plain: Any = parsing.clean_json

    def clean_json(value: Any, resources: Any) -> Any:
        if isinstance(value, dict) and "Fn::Cidr" in value:
            block, count, bits = clean_json(value["Fn::Cidr"], resources)
            subnets = ip_network(block).subnets(new_prefix=32 - int(bits))
            return [str(subnet) for subnet in islice(subnets, int(count))]
        cleaned = plain(value, resources)
        return [item for item in cleaned if item is not None] if isinstance(cleaned, list) else cleaned

    parsing.clean_json = clean_json  # type: ignore[assignment]


def _define(kind: str, make: Callable[[str, Properties], Result]) -> None:
    """A class is how moto knows a type: it looks for subclasses of this one."""

    class Made(CloudFormationModel):
        def __init__(self, result: Result) -> None:
            self.physical_resource_id = result.ref
            self._attributes = result.attributes

        @staticmethod
        def cloudformation_name_type() -> str:
            return ""

        @staticmethod
        def cloudformation_type() -> str:
            return kind

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:
            del attr
            return True

        def get_cfn_attribute(self, name: str) -> str:
            return self._attributes[name]

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, *_: Any, **__: Any
        ) -> Made:
            return cls(make(resource_name, cloudformation_json["Properties"]))

        @classmethod
        def update_from_cloudformation_json(cls, *_: Any, **__: Any) -> Any:
            raise NotImplementedError

        @classmethod
        def delete_from_cloudformation_json(cls, *_: Any, **__: Any) -> None:
            raise NotImplementedError

        def is_created(self) -> bool:
            return True

    _KEPT.append(Made)


_KEPT: list[type] = []  # a class that nobody holds is no subclass any more


def _http_api(name: str, properties: Properties) -> Result:
    client, body = boto3.client("apigatewayv2"), properties["Body"]
    cors = {
        key[0].upper() + key[1:]: value for key, value in body.get("x-amazon-apigateway-cors", {}).items()
    }
    api = client.create_api(Name=name, ProtocolType="HTTP", CorsConfiguration=cors)["ApiId"]
    authorizers = {
        scheme: client.create_authorizer(
            ApiId=api,
            Name=scheme,
            AuthorizerType=authorizer["type"].upper(),
            IdentitySource=[authorizer["identitySource"]],
            JwtConfiguration={
                "Issuer": authorizer["jwtConfiguration"]["issuer"],
                "Audience": authorizer["jwtConfiguration"]["audience"],
            },
        )["AuthorizerId"]
        for scheme, described in body["components"]["securitySchemes"].items()
        for authorizer in [described["x-amazon-apigateway-authorizer"]]
    }
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            _route(client, api, f"{method.upper()} {path}", operation, authorizers)
    return Result(api, {"ApiId": api})


def _route(client: Any, api: str, key: str, operation: dict[str, Any], authorizers: dict[str, str]) -> None:
    target = operation["x-amazon-apigateway-integration"]
    integration = client.create_integration(
        ApiId=api,
        IntegrationType=target["type"].upper(),
        IntegrationUri=target["uri"],
        PayloadFormatVersion=target["payloadFormatVersion"],
    )["IntegrationId"]
    # A scheme that is not defined, as SAM's NONE, asks for nothing.
    schemes = [
        authorizers[scheme] for entry in operation["security"] for scheme in entry if scheme in authorizers
    ]
    asked = (
        {"AuthorizationType": "JWT", "AuthorizerId": schemes[0]} if schemes else {"AuthorizationType": "NONE"}
    )
    client.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration}", **asked)


def _stage(_: str, properties: Properties) -> Result:
    boto3.client("apigatewayv2").create_stage(**_typed(properties))
    return Result(properties["StageName"], {})


def _alarm(name: str, properties: Properties) -> Result:
    boto3.client("cloudwatch").put_metric_alarm(AlarmName=name, **_typed(properties))
    return Result(name, {"Arn": f"alarm:{name}"})


def _alias(_: str, properties: Properties) -> Result:
    return Result(boto3.client("lambda").create_alias(**properties)["AliasArn"], {})


def _kept(kind: str, name_of: str, **attributes: str) -> Callable[[str, Properties], Result]:
    def make(_: str, properties: Properties) -> Result:
        MADE.setdefault(kind, []).append(properties)
        name = properties[name_of]
        known = {key: value.format(name=name) for key, value in attributes.items()}
        arn = f"arn:aws:elasticache:us-east-1:123456789012:{kind.lower()}:{name}"
        return Result(name, {"Arn": arn, "ARN": arn, **known})

    return make


def _typed(value: Any) -> Any:
    """Moto resolves a parameter of type Number to text; CloudFormation makes of it what the API asks for."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


_MAKERS = {
    "AWS::ApiGatewayV2::Api": _http_api,
    "AWS::ApiGatewayV2::Stage": _stage,
    "AWS::ApiGateway::Authorizer": _kept("Authorizer", "Name"),
    "AWS::ApiGateway::Stage": _kept("Stage", "StageName"),
    "AWS::ApiGateway::GatewayResponse": _kept("GatewayResponse", "ResponseType"),
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::Lambda::Alias": _alias,
    "AWS::ElastiCache::User": _kept("User", "UserId"),
    "AWS::ElastiCache::UserGroup": _kept("UserGroup", "UserGroupId"),
    "AWS::ElastiCache::ServerlessCache": _kept(
        "ServerlessCache",
        "ServerlessCacheName",
        **{"Endpoint.Address": "{name}.cache.example", "Endpoint.Port": "6379"},
    ),
}
