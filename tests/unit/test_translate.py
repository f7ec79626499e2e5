from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from turnlog.drivers.translate import TRANSLATED, translated
from turnlog.errors import ConditionFailed, Contended, Unanswered


def refusal(code: str, status: int = 400, **response: Any) -> ClientError:
    given = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **response}
    return ClientError(given, "TransactWriteItems")


def cancelled(*codes: str, item: Any = None) -> ClientError:
    reasons = [{"Code": code} | ({"Item": item} if item and code != "None" else {}) for code in codes]
    return refusal("TransactionCanceledException", CancellationReasons=reasons)


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="u"),
        ConnectionClosedError(endpoint_url="u"),
        ReadTimeoutError(endpoint_url="u"),
        ConnectTimeoutError(endpoint_url="u"),
        refusal("InternalServerError", 500),
        refusal("ServiceUnavailable", 503),
        refusal("Unheard-of", 502),
        refusal("TransactionInProgressException"),
    ],
)
def test_what_may_have_been_applied(error: Exception) -> None:
    assert isinstance(error, TRANSLATED)
    assert isinstance(translated(error), Unanswered)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ProvisionedThroughputExceededException"),
        refusal("ThrottlingException"),
        refusal("RequestLimitExceeded"),
        refusal("TransactionConflictException"),
        cancelled("TransactionConflict", "None"),
        cancelled("None", "ThrottlingError"),
        cancelled("ProvisionedThroughputExceeded", "None", "None"),
    ],
)
def test_what_was_surely_not_applied(error: Exception) -> None:
    found = translated(error)
    assert isinstance(found, Contended)
    assert not isinstance(found, Unanswered)


def test_a_failed_condition_brings_the_item() -> None:
    item = {"PK": {"S": "x"}}
    found = translated(refusal("ConditionalCheckFailedException", Item=item))
    assert isinstance(found, ConditionFailed)
    assert (found.items, found.failed) == ([item], [0])
    found = translated(refusal("ConditionalCheckFailedException"))
    assert isinstance(found, ConditionFailed)
    assert found.items == [None]


def test_a_failed_condition_outweighs_a_conflict_beside_it() -> None:
    item = {"PK": {"S": "x"}}
    error = cancelled("None", "ConditionalCheckFailed", "TransactionConflict", item=item)
    found = translated(error)
    assert isinstance(found, ConditionFailed)
    assert (found.items[:2], found.failed) == ([None, item], [1])


@pytest.mark.parametrize(
    "error",
    [
        refusal("ValidationException"),
        refusal("ResourceNotFoundException"),
        refusal("AccessDeniedException"),
        cancelled("ValidationError"),
    ],
)
def test_a_defect_comes_back_as_it_is(error: Exception) -> None:
    assert translated(error) is error


def test_missing_credentials_are_told_at_once() -> None:
    """They are a fault of who set it up; nothing was sent, and no repeat will be."""
    error = NoCredentialsError()
    assert translated(error) is error
