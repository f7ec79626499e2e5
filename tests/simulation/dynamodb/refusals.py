"""What DynamoDB answers instead of doing it, as botocore raises it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError


def refusal(message: str, code: str = "ValidationException", **more: Any) -> ClientError:
    """A refused request; `more` are members of the answer beside the error."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": 400},
            **more,
        },
        "Request",
    )
