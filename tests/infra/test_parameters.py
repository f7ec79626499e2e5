"""What the template's parameters are where nothing is given."""

from __future__ import annotations

from tests.infra.cloudformation import load


def test_the_authorizer_has_no_insecure_default() -> None:
    parameters = load("template.yaml")["Parameters"]
    assert all("Default" not in parameters[name] for name in ("JwtIssuer", "JwtAudience"))
    assert parameters["JwtIssuer"]["AllowedPattern"].startswith("^https://")


def test_defaults_are_arm_and_the_newest_python() -> None:
    parameters = load("template.yaml")["Parameters"]
    assert parameters["Architecture"]["Default"] == "arm64"
    assert parameters["PythonRuntime"]["Default"] == "python3.13"
