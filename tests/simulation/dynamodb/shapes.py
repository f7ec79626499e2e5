"""What botocore refuses before it sends anything: a misspelt parameter, a number that is no text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ParamValidationError
from botocore.session import get_session
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_shape(operation: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that are not those of the operation, as botocore's client does."""
    report = ParamValidator().validate(parameters, _shape(operation))
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())


@cache
def _shape(operation: str) -> Any:
    return get_session().get_service_model("dynamodb").operation_model(operation).input_shape
