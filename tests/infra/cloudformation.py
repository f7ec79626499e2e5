"""The template as CloudFormation gets it: packaged, transformed by SAM's translator, deployed into moto."""

from __future__ import annotations

import copy
import io
import json
import re
import warnings
import zipfile
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from moto import mock_aws
from samtranslator.translator.transform import transform

from infra.template import TEMPLATE, _Loader
from tests.infra import moto_types

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "artifacts"
PARAMETERS = {"JwtIssuer": "https://issuer.example/", "JwtAudience": "chat,agents", "StreamServing": "on"}


def load(path: str) -> dict[str, Any]:
    """A template of the repository, with CloudFormation's short tags made long."""
    return copy.deepcopy(_parsed(path))


@cache
def _parsed(path: str) -> dict[str, Any]:
    with (TEMPLATE.parent / path).open(encoding="utf-8") as file:
        template: dict[str, Any] = yaml.load(file, _Loader)  # noqa: S506 (a SafeLoader)
    return template


@cache
def _managed_policies() -> dict[str, str]:
    """AWS's own policies, as moto knows them: name → ARN."""
    pages = boto3.client("iam").get_paginator("list_policies").paginate(Scope="AWS")
    return {policy["PolicyName"]: policy["Arn"] for page in pages for policy in page["Policies"]}


class _Policies:
    """What the translator asks for AWS's policies."""

    def load(self) -> dict[str, str]:
        return _managed_policies()


def packaged() -> dict[str, Any]:
    """What `sam package` makes of the template: code and nested templates are in a bucket."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("code", "")
    s3.put_object(Bucket=BUCKET, Key="code", Body=archive.getvalue())
    template = load("template.yaml")
    code = f"s3://{BUCKET}/code"
    template["Globals"]["Function"]["CodeUri"] = code
    for resource in template["Resources"].values():
        properties = resource["Properties"]
        if "ContentUri" in properties:
            properties["ContentUri"] = code
        if "TemplateURL" in properties:
            path = properties["TemplateURL"]
            s3.put_object(Bucket=BUCKET, Key=path, Body=json.dumps(load(path)))
            properties["TemplateURL"] = f"https://s3.amazonaws.com/{BUCKET}/{path}"
    return template


def transformed(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """What SAM's macro makes of it in CloudFormation."""
    given = {name: described.get("Default", "") for name, described in template["Parameters"].items()}
    result: dict[str, Any] = transform(template, given | parameters, _Policies())
    return result


class Stack:
    """A deployed stack.

    Attributes:
        template: as it was deployed.
        outputs: by name.
    """

    def __init__(self, name: str, template: dict[str, Any]) -> None:
        self.name = name
        self.template = template
        client = boto3.client("cloudformation")
        (stack,) = client.describe_stacks(StackName=name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
        pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
        self._resources = {
            resource["LogicalResourceId"]: resource
            for page in pages
            for resource in page["StackResourceSummaries"]
        }

    def __getitem__(self, logical_id: str) -> str:
        """A resource's physical id."""
        physical: str = self._resources[logical_id]["PhysicalResourceId"]
        return physical

    def of_type(self, kind: str) -> list[str]:
        """The logical ids of the resources of a type."""
        return [name for name, resource in self._resources.items() if resource["ResourceType"] == kind]

    def nested(self, logical_id: str) -> Stack:
        """A stack that is a resource of this one."""
        return Stack(self[logical_id], {})


@contextmanager
def deployed(**parameters: str) -> Iterator[Stack]:
    """The stack in an empty account."""
    with _empty_account():
        yield _made(packaged(), PARAMETERS | parameters)


@contextmanager
def deployed_again(
    template: dict[str, Any], objects: dict[str, bytes], parameters: dict[str, str]
) -> Iterator[Stack]:
    """The stack of a template that was packaged already, in an empty account.

    Args:
        template: as it lies in the bucket.
        objects: what it refers to, by their URLs.
        parameters: as they were given to CloudFormation.
    """
    with _empty_account():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        text = json.dumps(template)
        for number, (url, body) in enumerate(objects.items()):
            s3.put_object(Bucket=BUCKET, Key=str(number), Body=body)
            scheme = "s3://" if url.startswith("s3://") else "https://s3.amazonaws.com/"
            text = text.replace(json.dumps(url), json.dumps(f"{scheme}{BUCKET}/{number}"))
        yield _made(json.loads(text), parameters)


@contextmanager
def _empty_account() -> Iterator[None]:
    moto_types.MADE.clear()
    with (
        pytest.MonkeyPatch.context() as environment,
        mock_aws(config={"iam": {"load_aws_managed_policies": True}}),
        warnings.catch_warnings(),
    ):
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        # A type that moto lacks belongs into moto_types.
        warnings.filterwarnings("error", message="Tried to parse")
        yield


def _made(packaged_template: dict[str, Any], parameters: dict[str, str]) -> Stack:
    template = transformed(packaged_template, parameters)
    boto3.client("cloudformation").create_stack(
        StackName="turnlog",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    return Stack("turnlog", template)


def refused_values(template: dict[str, Any], given: dict[str, str]) -> set[str]:
    """The parameters that CloudFormation would refuse by themselves."""
    declared = template.get("Parameters", {})
    values = {name: one["Default"] for name, one in declared.items() if "Default" in one} | given
    return {
        *(f"{name} has no value" for name in declared.keys() - values.keys()),
        *(f"{name} is no parameter" for name in given.keys() - declared.keys()),
        *(
            one.get("ConstraintDescription", f"{name}: {values[name]!r} is not allowed")
            for name, one in declared.items()
            if name in values and not _allowed(one, str(values[name]))
        ),
    }


def _allowed(declared: dict[str, Any], value: str) -> bool:
    return (
        bool(re.fullmatch(declared.get("AllowedPattern", "(?s).*"), value))
        and value in map(str, declared.get("AllowedValues", [value]))
        and (declared["Type"] != "Number" or float(value) >= declared.get("MinValue", float("-inf")))
        and (declared["Type"] != "Number" or float(value) <= declared.get("MaxValue", float("inf")))
    )


def broken_rules(template: dict[str, Any], given: dict[str, str]) -> set[str]:
    """What CloudFormation would say of parameters that do not go together; moto does not look at rules."""
    values = {name: str(one.get("Default", "")) for name, one in template.get("Parameters", {}).items()}
    values |= given
    return {
        assertion["AssertDescription"]
        for rule in template.get("Rules", {}).values()
        if _holds(rule["RuleCondition"], values)
        for assertion in rule["Assertions"]
        if not _holds(assertion["Assert"], values)
    }


def _holds(condition: Any, values: dict[str, str]) -> bool:
    match condition:
        case {"Fn::Equals": [{"Ref": name}, expected]}:
            return values[name] == str(expected)
        case {"Fn::Not": [inner]}:
            return not _holds(inner, values)
        case other:
            raise NotImplementedError(other)
