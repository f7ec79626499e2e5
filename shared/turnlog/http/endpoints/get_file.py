"""GET /sessions/{session_id}/files/{file_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import FilesOff, NotFound, NotUploaded
from turnlog.http.answers import Answer, address_shown
from turnlog.http.endpoint import endpoint
from turnlog.limits import DOWNLOAD_SECONDS
from turnlog.operations.get_file import get_file
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(answers={200: "File"}, errors=(NotFound, FilesOff, NotUploaded))
async def handler(store: Store, call: Call) -> Answer:
    """A file, and an address from which its bytes can be read for 15 minutes, as a download."""
    file, address = await get_file(store, call.key, call.file_id)
    return Answer(200, dumps({**file.shown(), "download": address_shown(store, address, DOWNLOAD_SECONDS)}))
