"""What is known of a file, and where its bytes can be read for a while; and the body of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import NoSuchObject
from turnlog.operations.create_file import check_size
from turnlog.store.files import file_bucket, find_file, not_uploaded

if TYPE_CHECKING:
    from turnlog.records.files import File
    from turnlog.records.keys import SessionKey
    from turnlog.store.protocols import Address
    from turnlog.store.store import Store


async def get_file(store: Store, key: SessionKey, file_id: str) -> tuple[File, Address]:
    """A file whose bytes have come, and where they are read as a download.

    Raises:
        FilesOff: there is no bucket.
        NotFound: no such session, or no such file of it.
        NotUploaded: its bytes have not come.
        Unavailable: the table or the bucket refused or did not answer.
    """
    bucket = file_bucket(store)
    file = await find_file(store, key, file_id)
    if not await store.repeated(lambda: bucket.has(file.key.object_key)):
        raise not_uploaded()
    address = await bucket.download(file.key.object_key, name=file.name, media_type=file.media_type)
    return file, address


async def body_of_file(store: Store, key: SessionKey, file_id: str) -> bytes:
    """The bytes of a file that is the body of a request.

    Raises:
        FilesOff: there is no bucket.
        NotFound: no such session, or no such file of it.
        TooLarge: it is larger than a body may be.
        NotUploaded: its bytes have not come.
        Unavailable: the table or the bucket refused or did not answer.
    """
    bucket = file_bucket(store)
    file = await find_file(store, key, file_id)
    check_size(file.size, body=True)
    try:
        return await store.repeated(lambda: bucket.get(file.key.object_key))
    except NoSuchObject:
        raise not_uploaded() from None
