"""What a deployed stack left in its account, for tests that look at it when the account is empty again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import boto3

from infra import template
from tests.infra.cloudformation import deployed
from tests.infra.iam import role

if TYPE_CHECKING:
    from tests.infra.cloudformation import Stack
    from tests.infra.iam import Role

_NAMES = [function.name for function in template.functions()]
_SEEN: dict[tuple[tuple[str, str], ...], Account] = {}


class Account(NamedTuple):
    """Roles by function, and what they are about."""

    roles: dict[str, Role]
    table: str
    stream: str
    queue: str
    bucket: str


def note(stack: Stack, **parameters: str) -> Account:
    """Read the account while the stack is there, and keep that for `account`."""
    iam = boto3.client("iam")
    table = boto3.client("dynamodb").describe_table(TableName=stack["SessionsTable"])["Table"]
    queue = boto3.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["DeadLetterQueueUrl"], AttributeNames=["QueueArn"]
    )
    seen = Account(
        roles={name: role(iam, stack[f"{name}Role"]) for name in _NAMES},
        table=table["TableArn"],
        stream=table["LatestStreamArn"],
        queue=queue["Attributes"]["QueueArn"],
        bucket=f"arn:aws:s3:::{stack.outputs['BucketName']}",
    )
    return _SEEN.setdefault(tuple(sorted(parameters.items())), seen)


def account(**parameters: str) -> Account:
    """The account with these parameters. The stack is deployed if no test before has done that."""
    if seen := _SEEN.get(tuple(sorted(parameters.items()))):
        return seen
    with deployed(**parameters) as stack:
        return note(stack, **parameters)
