"""The way to a deployment of infra/README.md, `sam build && sam deploy --guided`, at a terminal.

SAM is the real one, and so is what it builds; S3 and CloudFormation are emulated (`aws`). Enter answers all
questions but those for the issuer, the audience and, at the end, whether to deploy what was shown.
`.cache/guided-*.txt` are the last dialogues.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import time
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml

from infra.template import TEMPLATE, _Loader
from tests.infra.aws import account
from tests.infra.cloudformation import PARAMETERS, deployed_again, load
from tests.infra.dialogue import held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.aws import Account, ChangeSet
    from tests.infra.dialogue import Dialogue

pytestmark = pytest.mark.real

ROOT = TEMPLATE.parent
SAM = ROOT / ".cache" / "sam-venv" / "bin" / "sam"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:cache-AbCdEf"  # noqa: S105 (its name)
CACHES: dict[str, dict[str, str]] = {
    "none": {},
    "serverless": {"Cache": "serverless"},
    "own": {
        "Cache": "own",
        "CacheUrl": "rediss://user@cache.internal:6379/0?socket_timeout=1",
        "CacheSecretArn": SECRET,
        "CacheSubnetIds": "subnet-1,subnet-2",
        "CacheSecurityGroupId": "sg-1",
    },
}
LAST = "Deploy this changeset?"


class Newcomer:
    """Somebody with a copy of the sources, a terminal and an account."""

    def __init__(self, folder: Path, account: Account, variables: dict[str, str]) -> None:
        self.folder = folder
        self.account = account
        self._variables = variables | account.variables()

    def deploys(self, *options: str, **parameters: str) -> Dialogue:
        answers = {f"Parameter {name}": value for name, value in parameters.items()} | {LAST: "y"}
        said = held([str(SAM), "deploy", *options], answers, self.folder, self._variables)
        print(said.transcript)  # noqa: T201 (for whoever reads why a test failed)
        return said


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A terminal's, of somebody whose SAM neither counts its users nor looks for a newer one."""
    state = tmp_path_factory.mktemp("sam")
    (state / "metadata.json").write_text(json.dumps({"lastVersionCheck": time.time()}), encoding="utf-8")
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return theirs | {
        "__SAM_CLI_APP_DIR": str(state),
        "AWS_DEFAULT_REGION": "us-east-1",
        "COLUMNS": "110",
        "SAM_CLI_POLL_DELAY": "0.05",
        "SAM_CLI_TELEMETRY": "0",
        "TERM": "xterm",
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """A copy of the sources after `sam build`."""
    subprocess.run(["make", "--silent", ".cache/sam-venv/.ready"], cwd=ROOT, check=True)
    copy = tmp_path_factory.mktemp("copy") / "turnlog"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    done = subprocess.run(
        [SAM, "build"], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return copy


@pytest.fixture
def newcomer(built: Path, environment: dict[str, str]) -> Iterator[Newcomer]:
    shutil.copy(ROOT / "samconfig.toml", built)  # SAM rewrites it
    with account() as made:
        yield Newcomer(built, made, environment)


@pytest.mark.parametrize("cache", ["none", "serverless"])
def test_the_readmes_way_ends_with_a_stack(newcomer: Newcomer, cache: str) -> None:
    deploys(newcomer, cache)


def test_the_next_deployment_asks_for_nothing_but_a_last_look(newcomer: Newcomer) -> None:
    """The way to upgrade of infra/README.md: SAM has kept what it was told."""
    deploys(newcomer, "own")
    kept = (newcomer.folder / "samconfig.toml").read_text(encoding="utf-8")
    assert 'capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"' in kept
    said = newcomer.deploys()
    assert (said.asked, said.status) == ([LAST], 0)
    first, second = newcomer.account.change_sets["turnlog"]
    assert (second.kind, second.executed) == ("UPDATE", True)
    assert (second.parameters, second.capabilities) == (first.parameters, first.capabilities)


def deploys(newcomer: Newcomer, cache: str) -> None:
    """The whole way: the dialogue, what arrives in the account, and what moto makes of it."""
    said = newcomer.deploys("--guided", **PARAMETERS, **CACHES[cache])
    (ROOT / ".cache" / f"guided-{cache}.txt").write_text(said.transcript, encoding="utf-8")
    assert len(set(said.asked)) == len(said.asked), f"asked again: {said.asked[-1]}"
    declared = load("template.yaml")["Parameters"]
    assert [question for question in said.asked if question.startswith("Parameter ")] == [
        f"Parameter {name}" for name in declared
    ]
    assert said.asked[-1] == LAST
    assert "Successfully created/updated stack - turnlog in us-east-1" in said.transcript
    assert said.status == 0

    (arrived,) = newcomer.account.change_sets["turnlog"]
    assert (arrived.kind, arrived.executed) == ("CREATE", True)
    assert arrived.capabilities == {"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"}
    defaults = {name: str(one["Default"]) for name, one in declared.items() if "Default" in one}
    assert arrived.parameters == defaults | PARAMETERS | CACHES[cache]
    objects = complete(newcomer.account, arrived)
    with deployed_again(arrived.template, objects, arrived.parameters) as stack:
        nested = {"ObservabilityStack"} | ({"CacheStack"} if cache == "serverless" else set())
        assert set(stack.of_type("AWS::CloudFormation::Stack")) == nested
        assert stack.outputs["ApiUrl"].startswith("https://")
        variables = boto3.client("lambda").get_function_configuration(FunctionName="turnlog-GetSession")[
            "Environment"
        ]["Variables"]
        # In the place of a password, what has CloudFormation look it up.
        reference = f"{{{{resolve:secretsmanager:{SECRET}:SecretString:password::}}}}"
        assert variables.get("TURNLOG_CACHE_PASSWORD") == (reference if cache == "own" else None)


def complete(account: Account, arrived: ChangeSet) -> dict[str, bytes]:
    """What the template refers to, by URL: the nested templates and the code of this repository."""
    ours = load("template.yaml")
    assert arrived.template["Parameters"] == ours["Parameters"]
    assert arrived.template["Resources"].keys() == ours["Resources"].keys()
    objects: dict[str, bytes] = {}
    for name, resource in arrived.template["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::CloudFormation::Stack":
            url = properties["TemplateURL"]
            objects[url] = account.stored(url)
            template = yaml.load(objects[url], _Loader)  # noqa: S506 (a SafeLoader)
            assert bare(template) == bare(load(ours["Resources"][name]["Properties"]["TemplateURL"]))
        elif url := properties.get("CodeUri") or properties.get("ContentUri"):
            objects[url] = objects.get(url) or account.stored(url)
            with zipfile.ZipFile(io.BytesIO(objects[url])) as code:
                folders = {path.partition("/")[0] for path in code.namelist()}
            assert folders == ({"functions", "turnlog"} if "CodeUri" in properties else {"python"})
    return objects


def bare(template: dict[str, Any]) -> dict[str, Any]:
    """A template without what SAM notes beside each resource."""
    resources = {
        name: {key: value for key, value in resource.items() if key != "Metadata"}
        for name, resource in template["Resources"].items()
    }
    return template | {"Resources": resources}
