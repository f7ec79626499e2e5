"""The template as CloudFormation gets it: packaged, transformed by SAM's translator, deployed into moto."""

from __future__ import annotations

import copy
import io
import json
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
PARAMETERS = {"JwtIssuer": "https://issuer.example/", "JwtAudience": "chat,agents"}


def load(path: str) -> dict[str, Any]:
    """A template of the repository, with CloudFormation's short tags made long."""
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
    template = copy.deepcopy(load("template.yaml"))
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
    given = PARAMETERS | parameters
    moto_types.MADE.clear()
    with (
        pytest.MonkeyPatch.context() as environment,
        mock_aws(config={"iam": {"load_aws_managed_policies": True}}),
        warnings.catch_warnings(),
    ):
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        # A type that moto lacks belongs into moto_types.
        warnings.filterwarnings("error", message="Tried to parse")
        template = transformed(packaged(), given)
        boto3.client("cloudformation").create_stack(
            StackName="turnlog",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        yield Stack("turnlog", template)
