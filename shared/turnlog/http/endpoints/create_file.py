"""POST /sessions/{session_id}/files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import FilesOff, NotFound, TooLarge
from turnlog.http.answers import Answer, address_shown
from turnlog.http.endpoint import endpoint
from turnlog.limits import UPLOAD_SECONDS
from turnlog.models.files import CreateFile
from turnlog.operations.create_file import create_file
from turnlog.wire import dumps

if TYPE_CHECKING:
    from turnlog.http.events import Call
    from turnlog.store.store import Store


@endpoint(body=CreateFile, answers={201: "CreatedFile"}, errors=(NotFound, FilesOff, TooLarge))
async def handler(store: Store, call: Call, *, body: CreateFile) -> Answer:
    """Promise a file. Its bytes are sent to the address in the answer, within 15 minutes."""
    file, address = await create_file(
        store,
        call.key,
        name=body.name,
        media_type=body.media_type,
        size=body.size,
        sha256=body.sha256,
        body=body.purpose == "body",
    )
    return Answer(201, dumps({**file.shown(), "upload": address_shown(store, address, UPLOAD_SECONDS)}))
