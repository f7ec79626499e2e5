"""The one place where botocore's errors become Turnlog's.

A failed request is `Contended` if it was surely refused, and `Unanswered` if it was not: that decides what a
retry must do. An answer of somebody on the way, such as a proxy or a network's login page, is `Unanswered`
too: botocore would take a page of HTML with status 200 for an empty answer.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from turnlog.errors import ConditionFailed, Contended, NoSuchObject, Unanswered

TRANSLATED = (BotoCoreError, ClientError)
"""What a driver catches around a request."""

# Nothing was sent, and nothing will be.
_DEFECTS = (ParamValidationError, NoCredentialsError, PartialCredentialsError)

_SILENT = "The database did not answer. What was asked may or may not be done."
_BUSY = "The database is busy. Try again."

# Answers by which DynamoDB says that it did not do it and that a repeat may succeed:
# docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_REFUSED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
    }
)


# DynamoDB and S3 name each of their answers, also their errors.
_OWN = ("x-amzn-requestid", "x-amz-request-id")


def heed_origin(client: Any) -> None:
    """Have a client of botocore or aiobotocore take no answer for the store's that another has given."""
    client.meta.events.register("before-parse", _check_origin)


def _check_origin(response_dict: Any, **_: object) -> None:
    headers = {str(name).lower() for name in response_dict["headers"]}
    if headers.isdisjoint(_OWN):
        # A streamed one: its connection would stay open until it is forgotten.
        if hasattr(body := response_dict["body"], "close"):
            body.close()
        raise HTTPClientError(error="the answer is not the store's")


def translated(error: Exception) -> Exception:
    """The store's error for one of botocore's; an answer that only a defect can cause comes back as it is."""
    if isinstance(error, ClientError):
        return _answered(error)
    return error if isinstance(error, _DEFECTS) else Unanswered(_SILENT)


def _answered(error: Any) -> Exception:
    refusal: Exception = error
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        refusal = ConditionFailed([error.response.get("Item")], [0])
    elif code == "TransactionCanceledException":
        refusal = _cancelled(error)
    elif code in _REFUSED:
        refusal = Contended(_BUSY)
    elif code == "TransactionInProgressException" or _status(error) >= 500:  # noqa: PLR2004 (a class of HTTP)
        refusal = Unanswered(_SILENT)
    elif code == "NoSuchKey":
        refusal = NoSuchObject()
    return refusal


def _cancelled(error: Any) -> Exception:
    """A failed condition outweighs a conflict beside it: it brings the item, the conflict brings nothing."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])
    codes = [reason.get("Code") for reason in reasons]
    failed = [at for at, code in enumerate(codes) if code == "ConditionalCheckFailed"]
    if failed:
        return ConditionFailed([reason.get("Item") for reason in reasons], failed)
    if any(code in _REFUSED for code in codes):
        return Contended(_BUSY)
    cancelled: Exception = error
    return cancelled


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
