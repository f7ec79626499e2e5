"""What tests look at and interfere with: the bucket, and the requests to it."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionClosedError

from tests.functional.drivers import DRIVERS
from tests.functional.world import hurried, purging
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterator


class BucketView:
    """The bucket as it lies, read past the store."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name

    def of(self, user: str | None, session_id: str) -> list[str]:
        """The keys of a session's objects."""
        prefix = SessionKey(user or "", session_id).objects
        page = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [each["Key"] for each in page.get("Contents", ())]


@contextmanager
def bucket_requests(*lost: str) -> Iterator[list[str]]:
    """What the functions ask of the bucket; replies of these kinds are lost, each time, and time is short."""
    asked: list[str] = []

    def note(event_name: str, parsed: dict[str, Any], **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        if not purging():
            asked.append(operation)
        if operation in lost:
            if "Body" in parsed:
                parsed["Body"].close()
            raise ConnectionClosedError(endpoint_url="the bucket")

    events, hooked = DRIVERS.bucket().meta.events, DRIVERS.hooked(note)
    events.register_last("after-call.s3", hooked)
    try:
        with hurried() if lost else nullcontext():
            yield asked
    finally:
        events.unregister("after-call.s3", hooked)
