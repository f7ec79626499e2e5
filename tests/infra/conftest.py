"""Stacks in moto, deployed once for all tests that look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra import moto_bucket, moto_types
from tests.infra.account import note
from tests.infra.cloudformation import deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.cloudformation import Stack

moto_types.install()
moto_bucket.install()

FULL = {
    "Cache": "serverless",
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/own",
    "CorsOrigins": "https://a.example,https://b.example",
    "AlarmEmail": "oncall@example.com",
    "RetentionDays": "30",
    "SlowMilliseconds": "1234",
}


@pytest.fixture(scope="module")
def plain() -> Iterator[Stack]:
    """As it comes: no cache, no network, no key."""
    with deployed() as stack:
        note(stack)
        yield stack


@pytest.fixture(scope="module")
def full() -> Iterator[Stack]:
    """With all that parameters can add."""
    with deployed(**FULL) as stack:
        note(stack, **FULL)
        yield stack
