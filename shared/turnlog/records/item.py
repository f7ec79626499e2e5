"""An item of the table."""

from __future__ import annotations

from typing import Any, TypeAlias

Item: TypeAlias = "dict[str, dict[str, Any]]"
"""An item as DynamoDB's low-level API has it: attribute name → `{"S": …}`, `{"N": "7"}` or `{"B": b"…"}`."""
