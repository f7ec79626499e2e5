"""DELETE /sessions/{session_id}/files/{file_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import FilesOff, NotFound
from turnlog.http.answers import Answer
from turnlog.http.endpoint import endpoint
from turnlog.operations.delete_file import delete_file

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={204: ""}, errors=(NotFound, FilesOff))
async def handler(store: Store, call: Call) -> Answer:
    """Delete the file, whether its bytes have come or not."""
    await delete_file(store, call.key, call.file_id)
    return Answer(204)
