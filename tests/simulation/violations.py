"""How the checker says that a promise is broken."""

from __future__ import annotations


class Violation(AssertionError):
    """A promise is broken.

    Attributes:
        rule: a short name of what does not hold.
    """

    def __init__(self, rule: str, detail: object) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def require(rule: str, holds: object, detail: object = "") -> None:
    """Say that the rule is broken unless it holds."""
    if not holds:
        raise Violation(rule, detail)
