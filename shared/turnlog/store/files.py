"""What the operations on files share, and how an answer refers to an object."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from turnlog.errors import FilesOff, NotFound, NotUploaded
from turnlog.limits import DOWNLOAD_SECONDS
from turnlog.records import files
from turnlog.records.keys import FileKey
from turnlog.wire import timestamp

if TYPE_CHECKING:
    from turnlog.records.files import File
    from turnlog.records.keys import SessionKey
    from turnlog.store.protocols import Objects
    from turnlog.store.store import Store


def file_bucket(store: Store) -> Objects:
    """Where the bytes of files lie.

    Raises:
        FilesOff: there is no bucket.
    """
    if store.objects is None:
        raise FilesOff("There are no files: they need a bucket (TURNLOG_BUCKET).")
    return store.objects


async def find_file(store: Store, key: SessionKey, file_id: str) -> File:
    """A file of a live session.

    Raises:
        FilesOff: there is no bucket.
        NotFound: no such session, or no such file of it.
        Unavailable: the table refused or did not answer.
    """
    file_bucket(store)
    session = await store.head(key)
    asked = {"Key": FileKey(session.key, file_id).item, "ConsistentRead": True}
    if "Item" not in (answer := await store.read("GetItem", asked)):
        raise no_file()
    return files.from_item(answer["Item"])


async def reference(store: Store, object_key: str, size: int) -> dict[str, Any]:
    """What an answer says in the place of something that it does not hold: where a client reads it.

    Args:
        object_key: of the object, which is JSON as gzip.
        size: bytes that it would take in an answer.
    """
    address = await store.bucket().download(object_key, media_type="application/json", gzip=True)
    ends = timestamp(store.clock.now() + timedelta(seconds=DOWNLOAD_SECONDS))
    return {"url": address.url, "size": size, "expires_at": ends}


def no_file() -> NotFound:
    """The answer for a file that a session has not, or no longer."""
    return NotFound("There is no such file.")


def not_uploaded() -> NotUploaded:
    """The answer for a file whose bytes are not there."""
    return NotUploaded(
        "The bytes of this file have not come yet. Send them to the address that POST …/files answered. If"
        " that is more than 15 minutes ago, ask for another file."
    )
