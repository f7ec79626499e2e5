"""The bodies of requests about transcripts."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict

from turnlog.limits import MAX_ENTRIES, UUID_LIMIT
from turnlog.models.common import Closed, MessageId, Sequence


@with_config(ConfigDict(extra="allow", strict=True))
class Entry(TypedDict, total=False):
    """An entry: any JSON object. One with a `uuid` is stored once, however often it is sent."""

    uuid: Annotated[str, StringConstraints(min_length=1, max_length=UUID_LIMIT)] | None


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
