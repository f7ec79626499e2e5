"""The bodies of requests about transcripts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from turnlog.limits import MAX_ENTRIES
from turnlog.models.common import Closed, MessageId, Sequence

Entry = Annotated[
    dict[str, Any],
    Field(
        description="Any JSON object. One whose `uuid` is a text is stored once, also when it comes again."
    ),
]


class AppendEntries(Closed):
    """The body of `POST /sessions/{session_id}/transcripts/{name}`: all entries are stored, or none."""

    entries: list[Entry] = Field(min_length=1, max_length=MAX_ENTRIES)
    expected_position: Sequence | None = Field(
        default=None, description="Append only if this is the transcript's next position."
    )
    batch_id: MessageId | None = Field(
        default=None,
        description="Names this batch: when it is sent again, entries without a `uuid` are stored once, too.",
    )
