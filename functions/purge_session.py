"""The table's stream: purge what a deleted session or transcript left, and delete what is past its retention.

G7: a record is answered for only when its work is done; the stream brings it again until then.
"""

from __future__ import annotations

from typing import Any

from turnlog.drivers.blocking import purge_store, run
from turnlog.errors import TurnlogError
from turnlog.operations.purge import work_off


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Work off records of the stream; answers which failed (ReportBatchItemFailures).

    docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    failures: list[dict[str, str]] = []
    store = purge_store(lambda: context.get_remaining_time_in_millis() / 1000)
    for record in event["Records"]:
        try:
            run(work_off(store, record["dynamodb"]["Keys"]))
        except TurnlogError:
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    from turnlog.http import telemetry  # noqa: PLC0415 (once the work is done)

    store.counts["failures"] += len(failures)
    telemetry.count("purge_session", store.counts)
    return {"batchItemFailures": failures}
