"""G4, G7: a file's item goes first, then its object; a marker sees to what comes or stays in spite of that.

Its bytes may be on their way, and the process may end between the two. So the transaction that deletes the
item puts the marker anew: when it ends, after a day, the object goes once more.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, Unanswered, Unavailable
from turnlog.records.expressions import check
from turnlog.records.files import marker_put
from turnlog.store.doubt import tells_doubt
from turnlog.store.files import file_bucket, find_file
from turnlog.store.store import not_found

if TYPE_CHECKING:
    from turnlog.records.keys import SessionKey
    from turnlog.store.store import Store


@tells_doubt
async def delete_file(store: Store, key: SessionKey, file_id: str) -> None:
    """Delete a file, whether its bytes have come or not.

    Raises:
        FilesOff: there is no bucket.
        NotFound: no such session, or no such file of it.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    bucket = file_bucket(store)
    file = await find_file(store, key, file_id)
    tries = store.tries()
    while True:
        try:
            await store.transact(
                {"ConditionCheck": check(file.key.session)},
                {"Delete": {"Key": file.key.item}},
                marker_put(file.key, store.clock.now()),
            )
        except ConditionFailed:
            raise not_found() from None  # the session was deleted
        except (Contended, Unanswered) as error:
            await tries.again(error)
            continue
        with suppress(Unavailable):  # then it goes when the marker ends
            await bucket.delete(file.key.object_key)
        return
