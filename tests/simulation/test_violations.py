"""The checker checks each rule that it names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.simulation.violations import Rule, Violation, require

_HERE = Path(__file__).parent
# The agents' rules are where their SDKs are.
_FOLDERS = (_HERE, _HERE.parent / "integrations" / "simulated")


def _checked() -> set[str]:
    """The rules that the checker's code names."""
    nodes = (
        node
        for folder in _FOLDERS
        for file in folder.rglob("*.py")
        if not file.name.startswith("test_")
        for node in ast.walk(ast.parse(file.read_text()))
    )
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Rule"
    }


def test_the_rules_that_are_checked_are_those_that_there_are() -> None:
    assert _checked() == {rule.name for rule in Rule}


def test_a_broken_rule_names_its_promise() -> None:
    require(Rule.MESSAGE_ID_ONCE, holds=True)
    with pytest.raises(Violation, match="G2 is broken: message id once: twice") as broken:
        require(Rule.MESSAGE_ID_ONCE, holds=False, detail="twice")
    assert broken.value.rule.promise == "G2"
