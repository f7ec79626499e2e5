"""What the operations on files share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import FilesOff, NotFound, NotUploaded
from turnlog.records import files
from turnlog.records.keys import FileKey

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


def no_file() -> NotFound:
    """The answer for a file that a session has not, or no longer."""
    return NotFound("There is no such file.")


def not_uploaded() -> NotUploaded:
    """The answer for a file whose bytes are not there."""
    return NotUploaded(
        "The bytes of this file have not come yet. Send them to the address that POST …/files answered. If"
        " that is more than 15 minutes ago, ask for another file."
    )
