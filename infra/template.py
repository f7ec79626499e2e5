"""Reads `template.yaml`: the one place that defines the table, the functions and their routes.

The local server, the tests and the OpenAPI generator ask here, so that none of them has a copy that could
fall behind what AWS runs.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

TEMPLATE = Path(__file__).parent.parent / "template.yaml"

_NO_VALUE = "AWS::NoValue"


class Function(NamedTuple):
    """A Lambda function.

    Attributes:
        name: its logical id, such as `CreateSessionFunction`.
        handler: `package.module.function`, such as `functions.create_session.handler`.
        memory_size: megabytes.
        timeout: seconds.
    """

    name: str
    handler: str
    memory_size: int
    timeout: int

    @property
    def operation(self) -> str:
        """The name of what it does: that of its module, such as `create_session`."""
        return self.handler.split(".")[1]


class Route(NamedTuple):
    """A route of the HTTP API and the function behind it.

    Attributes:
        method: such as `POST`.
        path: with parameters in braces, such as `/sessions/{session_id}`.
        function: what answers it.
        authorized: whether API Gateway asks for a token.
    """

    method: str
    path: str
    function: Function
    authorized: bool

    @property
    def documented(self) -> str:
        """The path in OpenAPI, to which a parameter `{name+}`, the rest of the path, is one like another."""
        return self.path.replace("+}", "}")


class StreamMapping(NamedTuple):
    """The table's stream as the source of a function's events.

    Attributes:
        function: what gets the events.
        patterns: Lambda's event filters; a record goes to the function when it fits one of them.
        starting_position: `TRIM_HORIZON` or `LATEST`.
        batch_size: records in one event at most.
    """

    function: Function
    patterns: list[dict[str, Any]]
    starting_position: str
    batch_size: int


class Schedule(NamedTuple):
    """A function that is called again and again.

    Attributes:
        function: which.
        seconds: between two calls.
    """

    function: Function
    seconds: float


class Cors(NamedTuple):
    """What the HTTP API lets pages of other origins do.

    Attributes:
        methods, headers: that a page may send.
        exposed: headers of an answer that a page may read.
        max_age: seconds for which a browser keeps these.
    """

    methods: list[str]
    headers: list[str]
    exposed: list[str]
    max_age: int


def functions() -> list[Function]:
    """All Lambda functions, in the template's order."""
    defaults = _template()["Globals"]["Function"]
    return [
        Function(
            name=name,
            handler=properties["Handler"],
            memory_size=int(_resolved(properties.get("MemorySize", defaults["MemorySize"]))),
            timeout=int(_resolved(properties.get("Timeout", defaults["Timeout"]))),
        )
        for name, properties in _resources("AWS::Serverless::Function").items()
    ]


def routes() -> list[Route]:
    """All routes of the HTTP API, in the template's order."""
    return [
        Route(
            method=event["Method"],
            path=event["Path"],
            function=function,
            authorized=event.get("Auth", {}).get("Authorizer") != "NONE",
        )
        for function, event in _events("HttpApi")
    ]


def streaming_routes() -> list[Route]:
    """The routes of the REST API, whose answers come bit by bit, in the template's order; without OPTIONS."""
    methods = _resources("AWS::ApiGateway::Method").values()
    by_name = {function.name: function for function in functions()}
    return [
        Route(
            method=method["HttpMethod"],
            path=_path_of(method["ResourceId"]["Ref"]),
            function=by_name[_called(method["Integration"]["Uri"]["Fn::Sub"])],
            authorized=method["AuthorizationType"] != "NONE",
        )
        for method in methods
        if method["HttpMethod"] != "OPTIONS"
    ]


def _path_of(resource: str) -> str:
    """The path of a resource of a REST API, which names its parent."""
    described = _resources("AWS::ApiGateway::Resource")[resource]
    parent = described["ParentId"]
    above = _path_of(parent["Ref"]) if "Ref" in parent else ""
    return f"{above}/{described['PathPart']}"


def _called(uri: str) -> str:
    """The function that an integration's address names."""
    (name,) = re.findall(r"\$\{(\w+)Aliaslive\}", uri)
    return str(name)


def stream_mapping() -> StreamMapping:
    """What the table's stream feeds."""
    ((function, event),) = _events("DynamoDB")
    return StreamMapping(
        function=function,
        patterns=[json.loads(entry["Pattern"]) for entry in event["FilterCriteria"]["Filters"]],
        starting_position=event["StartingPosition"],
        batch_size=event["BatchSize"],
    )


def schedules() -> list[Schedule]:
    """The functions that are called by a schedule.

    Raises:
        NotImplementedError: a schedule that is no `rate(1 minute)`.
    """
    found = [(function, event["Schedule"]) for function, event in _events("Schedule")]
    if any(rate != "rate(1 minute)" for _, rate in found):
        raise NotImplementedError(str(found))
    return [Schedule(function, 60.0) for function, _ in found]


def cors() -> Cors:
    """The rule for pages of the origins that the stack admits."""
    (api,) = _resources("AWS::Serverless::HttpApi").values()
    _, rule, _ = api["CorsConfiguration"]["Fn::If"]
    return Cors(rule["AllowMethods"], rule["AllowHeaders"], rule["ExposeHeaders"], rule["MaxAge"])


def table_definition(name: str) -> dict[str, Any]:
    """The table as arguments of boto3's `create_table`; its time to live is `ttl_attribute()`."""
    table = _table()
    return {
        "TableName": name,
        **{key: table[key] for key in ("BillingMode", "AttributeDefinitions", "KeySchema")},
        "GlobalSecondaryIndexes": table["GlobalSecondaryIndexes"],
        # CloudFormation takes the view type for consent; the API wants to be told.
        "StreamSpecification": {"StreamEnabled": True, **table["StreamSpecification"]},
    }


def index_names() -> list[str]:
    """The names of the table's indexes."""
    return [index["IndexName"] for index in _table()["GlobalSecondaryIndexes"]]


def ttl_attribute() -> str:
    """The attribute that holds the second of the epoch after which an item may be deleted."""
    attribute: str = _table()["TimeToLiveSpecification"]["AttributeName"]
    return attribute


def python_versions() -> list[str]:
    """The versions of Python that functions can run on, such as `3.13`, the oldest first."""
    allowed = _template()["Parameters"]["PythonRuntime"]["AllowedValues"]
    return [runtime.removeprefix("python") for runtime in allowed]


def environment() -> dict[str, str]:
    """The functions' environment: parameters at their defaults, a resource by its logical id."""
    variables = _template()["Globals"]["Function"]["Environment"]["Variables"]
    resolved = {name: _resolved(value) for name, value in variables.items()}
    return {name: str(value) for name, value in resolved.items() if value != _NO_VALUE}


def variable_names() -> list[str]:
    """The variables that a function may have, also those that it has not by default."""
    return list(_template()["Globals"]["Function"]["Environment"]["Variables"])


def _resolved(value: Any) -> Any:
    """A value with parameters at their defaults: of CloudFormation's functions, those that settings use.

    Raises:
        NotImplementedError: another one.
    """
    match value:
        case {"Ref": name}:
            return _template()["Parameters"].get(name, {"Default": name})["Default"]
        case {"Fn::If": [condition, then, otherwise]}:
            return _resolved(then if _resolved(_template()["Conditions"][condition]) else otherwise)
        case {"Fn::Equals": [one, other]}:
            return _resolved(one) == _resolved(other)
        case {"Fn::Not": [one]}:
            return not _resolved(one)
        case {**function}:
            raise NotImplementedError(str(function))
        case plain:
            return plain


def _table() -> dict[str, Any]:
    (table,) = _resources("AWS::DynamoDB::Table").values()
    return table


def _events(kind: str) -> list[tuple[Function, dict[str, Any]]]:
    properties = _resources("AWS::Serverless::Function")
    return [
        (function, event["Properties"])
        for function in functions()
        for event in properties[function.name].get("Events", {}).values()
        if event["Type"] == kind
    ]


def _resources(kind: str) -> dict[str, dict[str, Any]]:
    resources = _template()["Resources"].items()
    return {name: resource["Properties"] for name, resource in resources if resource["Type"] == kind}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, which become what they are short for."""


def _intrinsic(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(name)  # no short tag stands before a mapping
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def _template() -> dict[str, Any]:
    with TEMPLATE.open(encoding="utf-8") as file:
        template: dict[str, Any] = yaml.load(file, _Loader)  # noqa: S506 (a SafeLoader)
    return template
