"""What a program loads of what is installed, and what it is told where a package is not.

`tests/e2e/test_install.py` shows the same in environments in which the packages are really not there.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

# The packages that the first argument names are not there.
BEGINNING = """
import sys
from importlib.machinery import PathFinder
absent, found = sys.argv[1].split(), PathFinder.find_spec
PathFinder.find_spec = lambda name, *place: None if name in absent else found(name, *place)
"""

SYNC = "from turnlog import Turnlog; Turnlog(table='t', user_id='u')"
ASYNC = "from turnlog import AsyncTurnlog; AsyncTurnlog(table='t', user_id='u')"


def told(program: str, absent: str) -> str:
    """The last line that a program prints or fails with, where some packages are not there."""
    command = [sys.executable, "-c", BEGINNING + program, absent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr or done.stdout).splitlines()[-1]


@pytest.mark.parametrize(
    ("program", "absent", "extra"),
    [
        (SYNC, "botocore", "aws"),
        (SYNC, "hiredis pydantic", "aws"),
        (ASYNC, "aiobotocore", "aws-async"),
        (ASYNC, "hiredis pydantic", "aws-async"),
    ],
)
def test_a_client_says_what_brings_a_package(program: str, absent: str, extra: str) -> None:
    """When it is made, also where the package would be loaded with the first call."""
    assert told(program, absent) == (
        "turnlog.errors.UsageError: To work on the table, Turnlog needs "
        f"{' and '.join(absent.split())}: pip install 'turnlog[{extra}]'"
    )


@pytest.mark.parametrize(
    ("module", "absent", "extra"),
    [("openai_agents", "agents", "openai"), ("claude", "claude_agent_sdk", "claude")],
)
def test_an_adapter_says_what_brings_its_sdk(module: str, absent: str, extra: str) -> None:
    error = told(f"import turnlog.integrations.{module}", absent)
    assert error.startswith("ImportError: ")
    assert error.endswith(f": pip install 'turnlog[{extra}]'")


@pytest.mark.parametrize(
    ("program", "loaded"),
    [
        ("import turnlog; from turnlog import errors, Settings, TurnlogError", set()),
        ("from turnlog import Turnlog; Turnlog(url='http://localhost', token='alice')", {"httpx"}),
        ("from turnlog import AsyncTurnlog; AsyncTurnlog(url='http://localhost', token='alice')", {"httpx"}),
        (SYNC, {"httpx", "botocore"}),
    ],
)
def test_a_program_loads_what_it_uses(program: str, loaded: set[str]) -> None:
    packages = {"aiobotocore", "aws_lambda_powertools", "boto3", "botocore", "hiredis", "httpx", "pydantic"}
    program += "; print({name.partition('.')[0] for name in sys.modules})"
    assert {name for name in packages if repr(name) in told(program, "")} == loaded
