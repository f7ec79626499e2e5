"""What came of a call, without what tables may differ in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from turnlog.coroutines import run
from turnlog.errors import ConditionFailed, TurnlogError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.calls import Call
    from turnlog.store.protocols import Table

# Not among what the store goes by; or, with the metrics, not asked for and sent all the same.
_BESIDE_THE_POINT = ("ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics")


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes:
        kind: `answered`; `failed`, a condition; `refused`; `crashed`, what no server does and moto can.
        what: the answer; the items of failed conditions; the error's code; the exception's name.
        codes: of the reasons of a transaction that was cancelled.
    """

    kind: str
    what: Any
    codes: tuple[str, ...] = ()


def outcome(table: Table, call: Call) -> Outcome:
    """Send a call to a table."""
    try:
        answer = run(table.request(call.operation, call.parameters))
    except ConditionFailed as error:
        return Outcome("failed", (error.items, error.failed), _codes(error.__cause__))
    except TurnlogError as error:
        return Outcome("refused", type(error).__name__)
    except ClientError as error:
        return Outcome("refused", error.response["Error"]["Code"], _codes(error))
    except NotImplementedError:
        raise
    except Exception as error:
        return Outcome("crashed", type(error).__name__)
    return Outcome("answered", _normal(answer))


def _codes(error: BaseException | None) -> tuple[str, ...]:
    reasons = error.response.get("CancellationReasons", ()) if isinstance(error, ClientError) else ()
    return tuple(reason["Code"] for reason in reasons)


def _normal(answer: Mapping[str, Any]) -> dict[str, Any]:
    normal = {name: member for name, member in answer.items() if name not in _BESIDE_THE_POINT}
    if "Responses" in normal:  # a batch is answered in any order
        normal["Responses"] = {
            table: sorted(items, key=repr_of) for table, items in normal["Responses"].items()
        }
    return normal


def repr_of(value: Any) -> str:
    """A text that is the same for equal values: their members in order."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {repr_of(value[name])}' for name in sorted(value))}}}"
    return repr(value)
