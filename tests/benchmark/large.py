"""`python -m tests.benchmark.large`: what a message of 1 MB costs beside its bytes in the bucket.

In one process, against the embedded table and bucket: an append of 1 MB of random bytes as base64, and beside
it a PutObject of the same text and the transaction of a small append. Each is timed in turn; medians.
"""

from __future__ import annotations

import sys
import time
from base64 import b64encode
from collections import Counter
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

from infra.local import embedded
from infra.template import table_definition
from tests.local import local_client
from turnlog.coroutines import run
from turnlog.drivers.blocking import BotoObjects, BotoTable, SystemClock
from turnlog.operations.append_messages import append_messages
from turnlog.operations.create_session import create_session
from turnlog.records.keys import SessionKey
from turnlog.store.session_cache import SessionCache
from turnlog.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TABLE, BUCKET = "SessionsTable", "large"
MOST = 1.5
_ROUNDS = 31
_KEY = SessionKey("user", "session")


def main() -> None:
    """Measure, and print the ratio."""
    with (
        embedded.dynamodb() as url,
        local_client("dynamodb", url) as table,
        local_client("s3", url) as bucket,
    ):
        table.create_table(**table_definition(TABLE))
        bucket.create_bucket(Bucket=BUCKET)
        store = Store(
            BotoTable(TABLE, table),
            SessionCache(None, 0, Counter()),
            SystemClock(time.monotonic() + 3_600),
            None,
            Counter(),
            BotoObjects(BUCKET, lambda: bucket),
        )
        run(create_session(store, _KEY))
        found = dict(_measured(store, bucket))
    floor = found["PutObject"] + found["a small append"]
    ratio = found["a large append"] / floor
    for name, seconds in found.items():
        sys.stdout.write(f"{name}: {seconds * 1_000:.1f} ms\n")
    reached = "reached" if ratio <= MOST else "MISSED "
    sys.stdout.write(f"{reached} 1 MB at most {MOST} x PutObject and a small append: {ratio:.2f} x\n")


def _measured(store: Store, bucket: Any) -> Iterator[tuple[str, float]]:
    """The median of each, in seconds."""
    rng, times = Random(1), dict[str, list[float]]()
    for number in range(_ROUNDS):
        large = {"role": "tool", "content": b64encode(rng.randbytes(1 << 20)).decode()}
        text = large["content"].encode()
        small = {"role": "user", "content": "Go on."}
        each: dict[str, Callable[[], Any]] = {
            "PutObject": lambda n=number, t=text: bucket.put_object(Bucket=BUCKET, Key=f"bare/{n}", Body=t),  # type: ignore[misc]
            "a small append": lambda m=small: run(append_messages(store, _KEY, [m])),  # type: ignore[misc]
            "a large append": lambda m=large: run(append_messages(store, _KEY, [m])),  # type: ignore[misc]
        }
        for name, work in each.items():
            began = time.perf_counter()
            work()
            times.setdefault(name, []).append(time.perf_counter() - began)
    for name, taken in times.items():
        yield name, median(taken)


if __name__ == "__main__":
    main()
