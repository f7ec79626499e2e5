"""What the template's parameters are where nothing is given."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.infra.cloudformation import load

PARAMETERS = load("template.yaml")["Parameters"]


def test_the_authorizer_has_no_insecure_default() -> None:
    assert all("Default" not in PARAMETERS[name] for name in ("JwtIssuer", "JwtAudience"))
    assert PARAMETERS["JwtIssuer"]["AllowedPattern"].startswith("^https://")


def test_defaults_are_arm_and_the_newest_python() -> None:
    assert PARAMETERS["Architecture"]["Default"] == "arm64"
    assert PARAMETERS["PythonRuntime"]["Default"] == "python3.13"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://host",
        "rediss://host:6379",
        "rediss://user@host:6379/0?socket_timeout=1",
        "valkey://10.0.0.1:6379",
        "valkeys://[fd00::1]:6379/1",
        "rediss://us%20er@master.cache.use1.cache.amazonaws.com:6379?a=1&b=2",
    ],
)
def test_a_cache_may_be_here(url: str) -> None:
    assert takes("CacheUrl", url)


@pytest.mark.parametrize(
    "url",
    [
        "rediss://user:password@host:6379",
        "rediss://:password@host:6379",
        "rediss://user:@host",
        "rediss://user:pass/word@host",
        "rediss://user:pass@word@host",
        "rediss://host/0?password@x",
        "http://host",
        "host:6379",
        "rediss://",
        "rediss://two hosts",
    ],
)
def test_a_caches_address_holds_no_password(url: str) -> None:
    """It is shown wherever parameters are, and SAM writes it into samconfig.toml."""
    assert not takes("CacheUrl", url)


def test_a_secret_is_named_by_its_arn() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
    for name in ("cache-AbCdEf", "prod/turnlog/cache-AbCdEf", "rds!cluster-1-AbCdEf"):
        assert takes("CacheSecretArn", arn + name)
    for other in ("cache", "hunter2", arn, arn.replace("secretsmanager", "ssm") + "x", arn + "x}}"):
        assert not takes("CacheSecretArn", other)


def test_every_parameter_takes_its_own_default() -> None:
    for name, parameter in PARAMETERS.items():
        assert "Default" not in parameter or takes(name, str(parameter["Default"])), name


def test_no_parameter_is_hidden() -> None:
    """SAM asks for one with NoEcho until it gets a text, whatever its default is."""
    assert not [name for name, one in PARAMETERS.items() if one.get("NoEcho")]


def takes(name: str, value: str) -> bool:
    """Whether CloudFormation would take the value for the parameter, as far as its pattern goes."""
    return bool(re.fullmatch(PARAMETERS[name].get("AllowedPattern", ".*"), value))


def test_a_parameter_that_functions_depend_on_makes_new_versions_of_them() -> None:
    """The alias is of a version, and SAM makes none for a parameter's new value."""
    template = load("template.yaml")
    described = set(re.findall(r"\$\{(\w+)\}", str(template["Resources"]["Configuration"]["Properties"])))
    asked = references(template["Globals"]["Function"]) | references(template["Resources"]["CacheStack"])
    functions = [one for one in template["Resources"].values() if one["Type"] == "AWS::Serverless::Function"]
    asked |= {name for one in functions for name in references(one["Properties"].get("MemorySize"))}
    asked |= {name for condition in asked & template["Conditions"].keys() for name in all_of(condition)}
    # The nested stack takes these up without another network or cache.
    in_place = {"CacheMaximumGigabytes", "CacheMaximumEcpusPerSecond", "LogRetentionDays"}
    assert asked & PARAMETERS.keys() - in_place == described
    for name, function in template["Resources"].items():
        if function["Type"] == "AWS::Serverless::Function":
            assert function["Properties"]["VersionDescription"] == {"Ref": "Configuration"}, name


def all_of(condition: str) -> set[str]:
    """The names that a condition refers to, by way of others too."""
    names = references(load("template.yaml")["Conditions"][condition])
    return names.union(*(all_of(name) for name in names - PARAMETERS.keys()))


def references(part: Any) -> set[str]:
    """The names of the parameters and conditions that a part of the template refers to."""
    reference = r'"(?:Ref|Condition)": "(\w+)"|"Fn::If": \["(\w+)"|\$\{(\w+)\}'
    return {name for found in re.findall(reference, json.dumps(part)) for name in found if name}
