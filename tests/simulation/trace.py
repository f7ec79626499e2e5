"""What led to a failure, for a person to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.simulation.world import START

if TYPE_CHECKING:
    from tests.simulation.world import World


def told(world: World) -> str:
    """The trace of a schedule, one point a line."""
    lines = []
    for number, (seconds, name, call, parameters, fault) in enumerate(world.trace):
        struck = f"  ** {fault} **" if fault else ""
        lines.append(f"{number:5} {seconds - START:10.3f} {name:10} {call} {_brief(parameters)}{struck}")
    return "\n".join(lines)


def _brief(parameters: Any) -> str:
    if "TransactItems" in parameters:
        parameters = [
            f"{kind} {(write.get('Key') or write['Item'])['SK']['S']} {_values(write)}"
            for item in parameters["TransactItems"]
            for kind, write in item.items()
        ]
        return "; ".join(parameters)
    kept = {name: value for name, value in parameters.items() if name not in _LONG and value}
    text = json.dumps(kept, default=_text)
    return text if len(text) < 1_500 else text[:1_500] + " …"


_LONG = {
    "ExpressionAttributeNames",
    "TableName",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
    "raw",
    "event",
}


def _values(write: dict[str, Any]) -> str:
    given = write.get("ExpressionAttributeValues") or {}
    return f"{write.get('ConditionExpression', '')} {json.dumps(given, default=_text)}"


def _text(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes) else str(value)
