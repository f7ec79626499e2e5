"""The wheel in fresh environments, one for each extra: what a program gets by `pip install`.

Programs run in a folder of their own, which has a `shared/` as Turnlog's repository has one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# A package index gives what is installed.
pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent.parent
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")

# Which modules of the library cannot be imported, and for want of what.
IMPORTS = """
import importlib, pkgutil, turnlog
for module in pkgutil.walk_packages(turnlog.__path__, "turnlog."):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        print(module.name, "needs", error.name.partition(".")[0])
"""

# Each keeps a conversation, and prints what lies in `shared` beside it.
SYNC = """
import shared, sys
from turnlog import Turnlog

def talk(turnlog):
    with turnlog:
        session = turnlog.create_session(messages=[{"role": "user", "content": "Hello"}])
        turnlog.append_messages(session.session_id, [{"role": "assistant", "content": "Hi"}])
        print(shared.NAME, *[message.content for message in turnlog.messages(session.session_id)])
"""
ASYNC = """
import asyncio, shared, sys
from turnlog import AsyncTurnlog

async def conversation(turnlog):
    async with turnlog:
        session = await turnlog.create_session(messages=[{"role": "user", "content": "Hello"}])
        await turnlog.append_messages(session.session_id, [{"role": "assistant", "content": "Hi"}])
        print(shared.NAME, *[message.content async for message in turnlog.messages(session.session_id)])

def talk(turnlog):
    asyncio.run(conversation(turnlog))
"""
SAID = "own Hello Hi\n"

TYPED = """
from __future__ import annotations

from turnlog import AsyncTurnlog, Turnlog
from turnlog.errors import Gone, SequenceMismatch, TurnlogError


def count(turnlog: Turnlog, session_id: str) -> int:
    try:
        turnlog.append_messages(session_id, [{"role": "user", "content": "Hi"}], expected_sequence=0)
    except (Gone, SequenceMismatch) as error:
        told: TurnlogError = error
        print(told.status, told.extra)
    reveal_type(turnlog.append_messages)
    reveal_type(turnlog.append_messages(session_id, []))
    reveal_type([message.content for message in turnlog.messages(session_id)])
    reveal_type([each.title for each in turnlog.sessions()])
    return turnlog.get_session(session_id).message_count


async def count_async(turnlog: AsyncTurnlog, session_id: str) -> int:
    reveal_type(turnlog.append_messages)
    reveal_type(await turnlog.append_messages(session_id, []))
    reveal_type([message.content async for message in turnlog.messages(session_id)])
    return (await turnlog.get_session(session_id)).message_count


with Turnlog(url="http://localhost", token="alice") as client:
    print(count(client, "s"))
"""
# Of a method, what it gives.
CONTENTS = "list[str | list[str | dict[str, Any]] | None]"
REVEALED = [
    "turnlog.models.answers.Appended",
    "turnlog.models.answers.Appended",
    CONTENTS,
    "list[str | None]",
    "typing.Coroutine[Any, Any, turnlog.models.answers.Appended]",
    "turnlog.models.answers.Appended",
    CONTENTS,
]
# Each line has an error, of this kind.
MISTYPED = {
    'turnlog.get_session("s").titel': "attr-defined",
    'turnlog.append_messages("s", [], expected=1)': "call-arg",
    "turnlog.append_messages(1, [])": "arg-type",
    'turnlog.create_session(metdata={"a": 1})': "call-arg",
    "turnlog.nothing()": "attr-defined",
    'later.append_messages("s", []).version': "attr-defined",
    '[*later.messages("s")]': "misc",
    "Turnlog(urls=1)": "call-arg",
}


class Environment(NamedTuple):
    """A virtual environment, and a folder for the programs that run in it."""

    python: Path
    folder: Path

    def run(self, program: str, *arguments: str, **variables: str) -> str:
        """What a program prints."""
        done = self.tried(program, *arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tried(self, program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program."""
        file = self.folder / "program.py"
        file.write_text(program)
        command = [str(self.python), file.name, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False
        )

    def missing(self) -> set[str]:
        """The packages for want of which a module of the library cannot be imported."""
        return {line.split(" needs ")[1] for line in self.run(IMPORTS).splitlines()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    # What an earlier build has left beside the sources is none of them.
    shutil.copytree(
        ROOT / "shared", source / "shared", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [*PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built)]
    subprocess.run([*build, str(source)], check=True)
    (file,) = built.iterdir()
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Environment]:
    """Gives the environment of an extra."""
    made: dict[str, Environment] = {}

    def environment(extra: str) -> Environment:
        if extra not in made:
            folder = tmp_path_factory.mktemp("program")
            python = folder / "venv" / "bin" / "python"
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
            install = [*PIP, "--python", str(python), "install", "--quiet", "--no-compile"]
            subprocess.run([*install, f"{wheel}[{extra}]" if extra else str(wheel)], check=True)
            own = folder / "shared" / "__init__.py"
            own.parent.mkdir()
            own.write_text("NAME = 'own'")
            made[extra] = Environment(python, folder)
        return made[extra]

    return environment


@pytest.fixture
def base(installed: Callable[[str], Environment]) -> Environment:
    return installed("")


@pytest.fixture
def keyless(process_environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """For a program that works on the table, whose credentials and region are in a profile alone."""
    config = tmp_path / "config"
    config.write_text(
        "[profile own]\nregion = us-east-1\naws_access_key_id = local\naws_secret_access_key = local\n"
    )
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE")
    kept = {name: value for name, value in process_environment.items() if name not in names}
    return kept | {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}


def test_it_installs_turnlog_and_nothing_else(base: Environment) -> None:
    show = [*PIP, "--python", str(base.python), "show", "--files", "turnlog"]
    shown = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    files = shown.partition("Files:\n")[2].split()
    assert {file.partition("/")[0] for file in files if ".dist-info/" not in file} == {"turnlog"}
    assert "turnlog/py.typed" in files


def test_the_base_is_the_http_client(base: Environment, api: str) -> None:
    assert base.run(f"{SYNC}\ntalk(Turnlog(url=sys.argv[1], token='alice'))", api) == SAID
    assert base.run(f"{ASYNC}\ntalk(AsyncTurnlog(url=sys.argv[1], token='alice'))", api) == SAID
    assert base.missing() == {
        "agents",
        "aiobotocore",
        "aws_lambda_powertools",
        "botocore",
        "claude_agent_sdk",
        "hiredis",
        "pydantic",
    }


@pytest.mark.parametrize(
    ("program", "error", "extra"),
    [
        (f"{SYNC}\nTurnlog(user_id='alice', table='t')", "UsageError", "aws"),
        (f"{ASYNC}\nAsyncTurnlog(user_id='alice', table='t')", "UsageError", "aws-async"),
        ("import turnlog.integrations.openai_agents", "ImportError", "openai"),
        ("import turnlog.integrations.claude", "ImportError", "claude"),
    ],
)
def test_what_is_missing_is_named(base: Environment, program: str, error: str, extra: str) -> None:
    told = base.tried(program).stderr.splitlines()[-1]
    assert error in told
    assert told.endswith(f": pip install 'turnlog[{extra}]'")


def test_types(base: Environment) -> None:
    """What a type checker says of a program, where no extra is installed."""
    wrong = "\n".join(MISTYPED)
    (base.folder / "typed.py").write_text(TYPED)
    (base.folder / "mistyped.py").write_text(
        "from turnlog import AsyncTurnlog, Turnlog\n"
        f"turnlog, later = Turnlog(url='http://x'), AsyncTurnlog(url='http://x')\n{wrong}\n"
    )
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(base.python)]
    found = [
        subprocess.run(
            [*mypy, "--no-pretty", "--cache-dir", "cache", file],
            cwd=base.folder,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for file in ("typed.py", "mistyped.py")
    ]
    assert "error: " not in found[0], found[0]
    revealed = [line.split('"')[1] for line in found[0].splitlines() if "Revealed type" in line]
    assert [each.rpartition(" -> ")[2] for each in revealed] == REVEALED
    errors = [line for line in found[1].splitlines() if ": error: " in line]
    told = {int(line.split(":")[1]): line.rpartition("[")[2].rstrip("]") for line in errors}
    assert told == dict(enumerate(MISTYPED.values(), start=3)), found[1]


def test_aws_is_turnlog_on_the_table(
    installed: Callable[[str], Environment], process_environment: dict[str, str], keyless: dict[str, str]
) -> None:
    environment = installed("aws")
    assert environment.missing() == {"agents", "aiobotocore", "aws_lambda_powertools", "claude_agent_sdk"}
    assert environment.run(f"{SYNC}\ntalk(Turnlog(user_id='alice'))", **process_environment) == SAID
    own = "import boto3; session = boto3.Session(profile_name='own')"
    assert environment.run(f"{SYNC}{own}\ntalk(Turnlog(user_id='alice', session=session))", **keyless) == SAID


def test_aws_async_is_async_turnlog_on_the_table(
    installed: Callable[[str], Environment], process_environment: dict[str, str], keyless: dict[str, str]
) -> None:
    environment = installed("aws-async")
    assert environment.missing() == {"agents", "aws_lambda_powertools", "claude_agent_sdk"}
    assert environment.run(f"{ASYNC}\ntalk(AsyncTurnlog(user_id='alice'))", **process_environment) == SAID
    own = "from aiobotocore.session import AioSession; session = AioSession(profile='own')"
    program = f"{ASYNC}{own}\ntalk(AsyncTurnlog(user_id='alice', session=session))"
    assert environment.run(program, **keyless) == SAID


def test_aioboto3_is_async_turnlog_with_its_sessions(
    installed: Callable[[str], Environment], process_environment: dict[str, str], keyless: dict[str, str]
) -> None:
    """It pins an aiobotocore of its own, with which the driver works as with the current one."""
    environment = installed("aioboto3")
    assert environment.missing() == {"agents", "aws_lambda_powertools", "claude_agent_sdk"}
    assert environment.run(f"{ASYNC}\ntalk(AsyncTurnlog(user_id='alice'))", **process_environment) == SAID
    own = "import aioboto3; session = aioboto3.Session(profile_name='own')"
    program = f"{ASYNC}{own}\ntalk(AsyncTurnlog(user_id='alice', session=session))"
    assert environment.run(program, **keyless) == SAID
    wrong = environment.tried(f"{SYNC}{own}\nTurnlog(user_id='alice', session=session)", **keyless)
    assert wrong.stderr.splitlines()[-1].endswith("for one of aioboto3 use AsyncTurnlog.")


def test_a_lambda_of_ones_own_uses_it(
    installed: Callable[[str], Environment], process_environment: dict[str, str]
) -> None:
    environment = installed("lambda")
    assert environment.missing() == {"agents", "aiobotocore", "claude_agent_sdk"}
    program = (
        "import json\n"
        "from turnlog.http.endpoints.create_session import handler\n"
        "print(json.loads(handler({'user_id': 'alice', 'body': {'title': 'Own'}}))['status'])"
    )
    log, _, status = environment.run(program, **process_environment).rpartition("}\n")
    assert (status, '"operation":"create_session"' in log) == ("201\n", True)
