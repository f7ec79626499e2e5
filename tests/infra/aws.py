"""As much of an AWS account as `sam deploy` asks: S3 and STS, by moto, and CloudFormation, which remembers.

What CloudFormation would refuse before it makes anything is refused here too: parameters that their template
does not allow, broken rules, missing capabilities. No resource is made but the bucket of SAM's own stack.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import yaml

from infra.local import embedded
from infra.local.ports import LOOPBACK
from infra.template import _Loader
from tests.infra.cloudformation import broken_rules, refused_values
from tests.local import local_client

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMS_OWN = "aws-sam-cli-managed-default"
BUCKET = "aws-sam-cli-managed-default-samclisourcebucket-1"
_ARN = "arn:aws:cloudformation:us-east-1:123456789012"


class Refused(Exception):
    """CloudFormation's error."""

    def __init__(self, message: str, code: str = "ValidationError") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class ChangeSet:
    """What CreateChangeSet was asked for.

    Attributes:
        template: the one that was given, or that lies at the URL which was given.
        parameters: name → value.
        executed: whether ExecuteChangeSet followed.
    """

    kind: str
    template: dict[str, Any]
    parameters: dict[str, str]
    capabilities: set[str]
    tags: list[Any]
    executed: bool = False


@dataclass
class Account:
    """The account: its services' addresses, and what arrived there.

    Attributes:
        s3: a client.
        change_sets: by the name of their stack, the newest last.
    """

    moto_url: str
    s3: Any
    cloudformation_url: str = ""
    change_sets: dict[str, list[ChangeSet]] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """What has AWS's tools talk to this account."""
        return {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nowhere",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
            "AWS_ENDPOINT_URL": self.moto_url,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": self.cloudformation_url,
            "NO_PROXY": LOOPBACK,
            "no_proxy": LOOPBACK,
        }

    def stored(self, url: str) -> bytes:
        """The object at `s3://bucket/key`, or at an address of S3's, with the bucket in its path."""
        parts = urlsplit(url)
        path = parts.netloc + parts.path if parts.scheme == "s3" else parts.path.removeprefix("/")
        bucket, _, key = path.partition("/")
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """CloudFormation's answer to a request.

        Raises:
            Refused: it is refused.
        """
        known = {
            "CreateChangeSet": self._create,
            "DescribeChangeSet": self._describe_change_set,
            "DescribeStackEvents": self._events,
            "DescribeStacks": self._describe,
            "ExecuteChangeSet": self._execute,
            "GetTemplateSummary": self._summary,
        }
        stack = request["StackName"].removeprefix(f"{_ARN}:stack/").partition("/")[0]  # or its id
        return known[request["Action"]](stack, request)

    def _create(self, stack: str, request: dict[str, Any]) -> dict[str, Any]:
        text = request.get("TemplateBody") or self.stored(request["TemplateURL"]).decode()
        made = ChangeSet(
            kind=request["ChangeSetType"],
            template=yaml.load(text, _Loader),  # noqa: S506 (a SafeLoader)
            parameters={one["ParameterKey"]: one["ParameterValue"] for one in request.get("Parameters", ())},
            capabilities=set(request.get("Capabilities", ())),
            tags=request.get("Tags", []),
        )
        if refused := refused_values(made.template, made.parameters) or broken_rules(
            made.template, made.parameters
        ):
            raise Refused("; ".join(sorted(refused)))
        if missing := _needed(made.template) - made.capabilities:
            raise Refused(f"Requires capabilities : {sorted(missing)}", "InsufficientCapabilitiesException")
        if stack == SAMS_OWN:
            self.s3.create_bucket(Bucket=BUCKET)
        self.change_sets.setdefault(stack, []).append(made)
        return {"Id": f"{_ARN}:changeSet/{request['ChangeSetName']}/1", "StackId": _stack_id(stack)}

    def _describe_change_set(self, stack: str, _: object) -> dict[str, Any]:
        changes = [
            {"Type": "Resource", "ResourceChange": {"Action": "Add", "LogicalResourceId": name} | _type(one)}
            for name, one in self._newest(stack).template["Resources"].items()
        ]
        return {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", "Changes": changes}

    def _execute(self, stack: str, _: object) -> dict[str, Any]:
        self._newest(stack).executed = True
        return {}

    def _describe(self, stack: str, _: object) -> dict[str, Any]:
        outputs = [{"OutputKey": "SourceBucket", "OutputValue": BUCKET}] if stack == SAMS_OWN else []
        described = {
            "StackName": stack,
            "StackId": _stack_id(stack),
            "CreationTime": "2026-11-28T08:00:00Z",
            "StackStatus": self._status(stack),
            "Tags": self._newest(stack).tags,
            "Outputs": outputs,
        }
        return {"Stacks": [described]}

    def _events(self, stack: str, _: object) -> dict[str, Any]:
        # Each is later than what was there before.
        updates, executed = len(self.change_sets[stack]), int(self._newest(stack).executed)
        event = {
            "EventId": f"{updates}-{executed}",
            "StackName": stack,
            "StackId": _stack_id(stack),
            "PhysicalResourceId": _stack_id(stack),
            "LogicalResourceId": stack,
            "ResourceType": "AWS::CloudFormation::Stack",
            "ResourceStatus": self._status(stack),
            "Timestamp": f"2026-11-28T08:{updates:02}:0{executed}Z",
        }
        return {"StackEvents": [event]}

    def _summary(self, stack: str, _: object) -> dict[str, Any]:
        return {"Parameters": [{"ParameterKey": name} for name in self._newest(stack).parameters]}

    def _newest(self, stack: str) -> ChangeSet:
        try:
            return self.change_sets[stack][-1]
        except KeyError:
            raise Refused(f"Stack with id {stack} does not exist") from None

    def _status(self, stack: str) -> str:
        newest = self._newest(stack)
        if newest.kind == "CREATE":
            return "CREATE_COMPLETE" if newest.executed else "REVIEW_IN_PROGRESS"
        return "UPDATE_COMPLETE" if newest.executed else "CREATE_COMPLETE"


def _stack_id(stack: str) -> str:
    return f"{_ARN}:stack/{stack}/1"


def _type(resource: dict[str, Any]) -> dict[str, str]:
    return {"ResourceType": resource["Type"]}


def _needed(template: dict[str, Any]) -> set[str]:
    """The capabilities that CloudFormation asks for: what is made, and what is not to be seen beforehand."""
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    needed = set()
    if any(re.match("AWS::(IAM|Serverless::Function)", kind) for kind in kinds):
        needed.add("CAPABILITY_IAM")
    if "Transform" in template and "AWS::CloudFormation::Stack" in kinds:
        needed.add("CAPABILITY_AUTO_EXPAND")
    return needed


def _read(form: str) -> dict[str, Any]:
    """A request of AWS's query protocol: `Tags.member.1.Key=…` is the key of the first tag."""
    request: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        head, _, rest = name.partition(".member.")
        if not rest:
            request[name] = value
            continue
        number, _, key = rest.partition(".")
        members = request.setdefault(head, [])
        if int(number) > len(members):
            members.append({} if key else value)
        if key:
            members[-1][key] = value
    return request


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(inner)}</{name}>" for name, inner in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(inner)}</member>" for inner in value)
    return escape(str(value))


class _Handler(BaseHTTPRequestHandler):
    account: Account

    def do_POST(self) -> None:
        request = _read(self.rfile.read(int(self.headers["content-length"])).decode())
        action = request["Action"]
        try:
            status, result = 200, {f"{action}Response": {f"{action}Result": self.account.answer(request)}}
        except Refused as error:
            said = {"Type": "Sender", "Code": error.code, "Message": str(error)}
            status, result = 400, {"ErrorResponse": {"Error": said}}
        body = _xml(result).encode()
        self.send_response(status)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what the tests assert."""


@contextmanager
def account() -> Iterator[Account]:
    """An empty account."""
    with embedded.dynamodb() as moto_url, local_client("s3", moto_url) as s3:
        made = Account(moto_url, s3)
        handler = type("_Handler", (_Handler,), {"account": made})
        with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
            made.cloudformation_url = f"http://{LOOPBACK}:{server.server_port}"
            serving = Thread(target=server.serve_forever)
            serving.start()
            try:
                yield made
            finally:
                server.shutdown()
                serving.join()
