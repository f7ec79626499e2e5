"""Each rule of the checker is named, and is of one promise or of the contract."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.simulation.violations import RULES, UnknownRule, Violation, require

_HERE = Path(__file__).parent
# The agents' rules are where their SDKs are.
_FOLDERS = (_HERE, _HERE.parent / "integrations" / "simulated")


def _checked() -> set[str]:
    """The rules that the checker's code names."""
    calls = (
        node
        for folder in _FOLDERS
        for file in folder.rglob("*.py")
        if not file.name.startswith("test_")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
    )
    named = [
        call.args[0]
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in {"require", "Violation"} and call.args
    ]
    return {str(one.value) for one in named if isinstance(one, ast.Constant)}


def test_the_rules_that_are_checked_are_those_that_are_listed() -> None:
    assert _checked() == {rule for rules in RULES.values() for rule in rules}


def test_a_rule_is_of_one_promise() -> None:
    listed = [rule for rules in RULES.values() for rule in rules]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("holds", [True, False])
def test_a_rule_of_no_list_is_refused(*, holds: bool) -> None:
    with pytest.raises(UnknownRule, match="add it to RULES"):
        require("mesage id once", holds)


def test_a_broken_rule_names_its_promise() -> None:
    with pytest.raises(Violation, match="G2 is broken: message id once: twice") as broken:
        require("message id once", holds=False, detail="twice")
    assert broken.value.promise == "G2"
