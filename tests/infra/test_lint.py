"""cfn-lint on the templates; and no check is silenced without a reason. `make deploy-check` has the rest."""

from __future__ import annotations

import re

import pytest
from cfnlint.api import lint_file

from infra import observability
from infra.template import TEMPLATE
from tests.infra.cloudformation import load

ROOT = TEMPLATE.parent
TEMPLATES = ["template.yaml", "infra/cache.yaml", "infra/observability.json"]


@pytest.mark.thorough
@pytest.mark.parametrize("path", TEMPLATES)
def test_cfn_lint_has_nothing_to_say(path: str) -> None:
    found = lint_file(ROOT / path)
    assert not found, [f"{one.rule.id} {one.message} at {one.linenumber}" for one in found]


def test_alarms_are_in_date() -> None:
    assert observability.DOCUMENT.read_text(encoding="utf-8") == observability.rendered()


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_silenced_check_of_checkov_says_why(path: str) -> None:
    for name, resource in load(path)["Resources"].items():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", ()):
            assert len(skip["comment"].split()) >= 8, (name, skip)


def test_every_check_that_is_silenced_everywhere_says_why() -> None:
    lines = (ROOT / "infra" / "checkov.yaml").read_text(encoding="utf-8").splitlines()
    silenced = [at for at, line in enumerate(lines) if re.match(r"\s+- CKV", line)]
    assert silenced
    assert all(lines[at - 1].lstrip().startswith("# ") for at in silenced)
    cfn_lint = load("template.yaml")["Metadata"]["cfn-lint"]["config"]["ignore_checks"]
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert all(f"# {check}: " in text for check in cfn_lint)


def test_all_templates_are_looked_at() -> None:
    text = (ROOT / "infra" / "checkov.yaml").read_text(encoding="utf-8")
    assert f"file: [{', '.join(TEMPLATES)}]" in text
    nested = {
        resource["Properties"]["TemplateURL"]
        for resource in load("template.yaml")["Resources"].values()
        if resource["Type"] == "AWS::CloudFormation::Stack"
    }
    assert nested == set(TEMPLATES[1:])
