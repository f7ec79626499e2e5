"""G4, G7: a file is promised in one transaction, before its bytes come: see `records.files` for its states.

The client sends the bytes to the bucket itself. What it sends has the length and the checksum that it named
here, because the address is signed for these: so it sends just that, or nothing. If it sends nothing, the
file goes after a day. A request that is sent again after a lost answer promises another file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, TooLarge, Unanswered
from turnlog.limits import BODY_FILE_LIMIT, FILE_LIMIT
from turnlog.records.expressions import check
from turnlog.records.files import File, promised
from turnlog.records.keys import BODY_ID, LISTED_ID, FileKey
from turnlog.store.doubt import tells_doubt
from turnlog.store.files import file_bucket

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.store.protocols import Address
    from turnlog.store.store import Store


@tells_doubt
async def create_file(
    store: Store, key: SessionKey, *, name: str, media_type: str, size: int, sha256: str, body: bool
) -> tuple[File, Address]:
    """Promise a file, and say where its bytes are to be sent.

    Args:
        name: under which it is read.
        media_type: with which it is read.
        size: bytes.
        sha256: of the bytes, as 64 hexadecimal digits.
        body: it is to be the body of a request, see `records.files`.

    Raises:
        FilesOff: there is no bucket.
        NotFound: no such session.
        TooLarge: it is larger than a file may be.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    bucket = file_bucket(store)
    check_size(size, body=body)
    session = await store.head(key)
    now = store.clock.now()
    # By time, so that a list of files by their ids is in the order in which they were promised.
    first = BODY_ID if body else LISTED_ID
    file_id = f"{first}{int(now.timestamp() * 1000):011x}{store.clock.token()[:10].hex()}"
    file = File(FileKey(session.key, file_id), name, media_type, size, sha256, store.now(), body)
    tries = store.tries()
    while True:
        try:
            await store.transact(
                {"ConditionCheck": check(session.key)},
                *promised(file, now),
            )
        except ConditionFailed:
            # It is deleted; or an earlier try has promised the file, whose id nobody else can have.
            await store.head(session.key)
        except (Contended, Unanswered) as error:
            await tries.again(error)
            continue
        address = await bucket.upload(file.key.object_key, size=size, sha256=sha256, media_type=media_type)
        return file, address


def check_size(size: int, *, body: bool) -> None:
    """Let a file pass that is not too large.

    Raises:
        TooLarge: it is.
    """
    if body and size > BODY_FILE_LIMIT:
        raise TooLarge(
            f"A request's body is at most {BODY_FILE_LIMIT} bytes as a file; this one has {size}."
            " Send it in several requests."
        )
    if size > FILE_LIMIT:
        raise TooLarge(f"A file is at most {FILE_LIMIT} bytes; this one has {size}. Split it.")
