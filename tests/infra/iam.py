"""A role as IAM weighs it: what its policies allow, within its boundary. As much of IAM as the template uses.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from ast import literal_eval
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Statement = dict[str, Any]
Context = dict[str, list[str]]


class Role(NamedTuple):
    """A role.

    Attributes:
        own: statements of its inline policies, which the template writes.
        attached: statements of the managed policies, by the policy's name.
        boundary: statements beyond which nothing is allowed.
    """

    own: list[Statement]
    attached: dict[str, list[Statement]]
    boundary: list[Statement]

    def allows(self, action: str, resource: str, context: Context | None = None) -> bool:
        """Whether the role may do this."""
        granted = [*self.own, *(one for statements in self.attached.values() for one in statements)]
        return _decision(granted, action, resource, context or {}) and _decision(
            self.boundary, action, resource, context or {}
        )

    def answer_where_nothing_is(self, bucket: str, key: str) -> int:
        """What S3 answers to a GET or a HEAD of a key under which there is no object.

        404, if the role may list the bucket; else 403, which does not tell. S3 asks for that with the key as
        `s3:prefix`, though the request has no such parameter: so a condition on the prefix holds. AWS says
        the first (docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html); the second was seen by
        others (github.com/ceph/ceph/pull/68577, github.com/kopia/kopia/pull/3072).
        """
        reads = self.allows("s3:GetObject", f"{bucket}/{key}")
        return 404 if reads and self.allows("s3:ListBucket", bucket, {"s3:prefix": [key]}) else 403


def role(client: Any, name: str) -> Role:
    """The role with this name, as it is in the account of the IAM client."""
    own = [
        statement
        for policy in client.list_role_policies(RoleName=name)["PolicyNames"]
        for statement in _statements(
            client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        )
    ]
    attached = {
        policy["PolicyName"]: _document(client, policy["PolicyArn"])
        for policy in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    }
    boundary = client.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    return Role(own, attached, _document(client, boundary))


def covers(statement: Statement, action: str, resource: str, context: Context) -> bool:
    """Whether the statement is about this."""
    return (
        any(_like(pattern.lower(), action.lower()) for pattern in _list(statement["Action"]))
        and any(_like(pattern, resource) for pattern in _list(statement["Resource"]))
        and all(
            _holds(operator, context.get(key, []), _list(expected))
            for operator, keys in statement.get("Condition", {}).items()
            for key, expected in keys.items()
        )
    )


def actions(statement: Statement) -> list[str]:
    """The actions that the statement names."""
    return _list(statement["Action"])


def _decision(statements: Iterable[Statement], action: str, resource: str, context: Context) -> bool:
    effects = {one["Effect"] for one in statements if covers(one, action, resource, context)}
    return effects == {"Allow"}


def _holds(operator: str, values: list[str], expected: list[str]) -> bool:
    """A condition operator. `ForAllValues` holds for none, the others do not."""
    every = operator.startswith("ForAllValues:")
    match operator.removeprefix("ForAllValues:"):
        case "StringEquals":
            held = [value in expected for value in values]
        case "StringLike" | "ArnLike":
            held = [any(_like(pattern, value) for pattern in expected) for value in values]
        case "StringNotLike":
            held = [not any(_like(pattern, value) for pattern in expected) for value in values]
        case unknown:
            raise NotImplementedError(unknown)
    return all(held) and (every or bool(values))


def _like(pattern: str, value: str) -> bool:
    regex = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(regex, value, re.DOTALL) is not None


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _document(client: Any, arn: str) -> list[Statement]:
    version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return _statements(
        client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    )


def _statements(document: Any) -> list[Statement]:
    """Moto gives the document of a role's inline policy as Python would write it."""
    read = literal_eval(document) if isinstance(document, str) else document
    statements: list[Statement] = read["Statement"]
    return statements
