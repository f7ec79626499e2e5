"""Clients of servers on this machine, which ask for credentials and check none."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def local_client(service: str, url: str) -> Iterator[Any]:
    """A boto3 client, closed at the end."""
    client = boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 (asked for, and not checked)
    )
    try:
        yield client
    finally:
        client.close()
