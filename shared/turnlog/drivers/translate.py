"""The one place where botocore's errors become Turnlog's.

A failed request is `Contended` if it was surely refused, and `Unanswered` if it was not: that decides what a
retry must do. An answer of somebody on the way, such as a proxy or a network's login page, is `Unanswered`
too: botocore would take a page of HTML with status 200 for an empty answer. So is an answer whose connection
ended early, of which newer releases of botocore take what came, or `{}`, for the answer.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

from turnlog.errors import ConditionFailed, Contended, NoSuchObject, Unanswered, UsageError

TRANSLATED = (BotoCoreError, ClientError)
"""What a driver catches around a request."""

# Nothing was sent, and nothing will be.
_DEFECTS = (ParamValidationError, NoCredentialsError, PartialCredentialsError)

_SILENT = "The {store} did not answer. What was asked may or may not be done."
BUCKET = "bucket"
"""What an error's text calls S3."""

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


def name_region(client: Any) -> None:
    """Have the addresses that an S3 client signs name the region of its bucket.

    By its default, botocore signs for the host of all regions. That answers 307 while a bucket is new, and
    knows no bucket of a region that has to be opted in to; a browser takes no redirect, nor does a signature.
    Where the endpoint is another one than AWS's, the address of the bucket stays as that has it.
    """
    if client.meta.service_model.service_name == "s3" and ".amazonaws.com" in client.meta.endpoint_url:
        client.meta.config.s3 = {**(client.meta.config.s3 or {}), "addressing_style": "virtual"}


def check_answers(client: Any) -> None:
    """Have a client of botocore or aiobotocore refuse the answers of others, and parts of the store's own."""
    client.meta.events.register("before-parse", _check_answer)


def _check_answer(response_dict: Any, operation_model: Any, **_: object) -> None:
    headers = {str(name).lower(): str(value) for name, value in response_dict["headers"].items()}
    body = response_dict["body"]
    if headers.keys().isdisjoint(_OWN):
        # A streamed one: its connection would stay open until it is forgotten.
        if hasattr(body, "close"):
            body.close()
        raise HTTPClientError(error="the answer is not the store's")
    # What is streamed checks its length itself; and where it was compressed, its length was another.
    # And that to HEAD says how long a body would be.
    whole = operation_model.http.get("method") != "HEAD"
    if whole and isinstance(body, bytes) and "content-encoding" not in headers:
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) != len(body):
            raise HTTPClientError(error="the answer is not whole")


def translated(error: Exception, store: str = "database") -> Exception:
    """The store's error for one of botocore's; an answer that only a defect can cause comes back as it is.

    Args:
        store: what was asked, in the words of the error's text.
    """
    silent = _SILENT.format(store=store)
    if isinstance(error, ClientError):
        return _answered(error, silent)
    return error if isinstance(error, _DEFECTS) else Unanswered(silent)


def for_program(error: Exception) -> Exception:
    """What a program is told of an error of botocore that no repeat mends; others come back as they are."""
    if isinstance(error, NoRegionError):
        return UsageError("No AWS region: set AWS_REGION, or hand over a session that has one.")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return UsageError("No AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or hand over a session.")
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code == "ResourceNotFoundException":
            return UsageError("There is no such table in this account and region. Look at TURNLOG_TABLE.")
        return UsageError(f"AWS refused the request: {code}.")
    return error


def _answered(error: Any, silent: str) -> Exception:
    refusal: Exception = error
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        refusal = ConditionFailed([error.response.get("Item")], [0])
    elif code == "TransactionCanceledException":
        refusal = _cancelled(error)
    elif code in _REFUSED:
        refusal = Contended(_BUSY)
    elif code == "TransactionInProgressException" or _status(error) >= 500:  # noqa: PLR2004 (a class of HTTP)
        refusal = Unanswered(silent)
    elif code in {"NoSuchKey", "404"}:  # the answer to HEAD has no body, which would name the error
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
