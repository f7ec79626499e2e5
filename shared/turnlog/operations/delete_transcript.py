"""G4, G7: a deleted transcript's head becomes a tombstone at once; its entries go by the table's stream.

The tombstone keeps the generation. The next append begins the next one, so late writes and reads of the old
entries cannot be taken for those of the new transcript.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnlog.errors import ConditionFailed, Contended, Unanswered
from turnlog.records import transcripts
from turnlog.store.doubt import tells_doubt
from turnlog.store.entry_writer import refusing_transcript
from turnlog.store.store import no_transcript

if TYPE_CHECKING:
    from turnlog.records.keys import TranscriptName
    from turnlog.store.store import Store


@tells_doubt
async def delete_transcript(store: Store, name: TranscriptName) -> None:
    """Delete a transcript; one of the same name may begin anew.

    Raises:
        NotFound: no such session, or no such transcript of it.
        Unavailable: the table refused or did not answer; the same request may be sent again.
    """
    token = store.clock.token()
    there = await store.transcript(name)
    key = there.key
    session_at = ""
    tries = store.tries()
    while True:
        now = max(store.now(), session_at)
        try:
            await store.transact(
                transcripts.touched(key.session, now),
                transcripts.moved(there, there.buried(now, token)),
            )
        except ConditionFailed as refused:
            found, session = await refusing_transcript(store, key, refused)
            session_at = session.updated_at if session else session_at
            if session and found is not None and found.live and found.generation == there.generation:
                await tries.again(Contended("Others keep changing this session. Try again."))
                continue
            if found is None or found.token != token:
                # Another request deleted it, or its session; or this one did, and it has begun anew since.
                raise no_transcript() from None
        except (Contended, Unanswered) as error:
            await tries.again(error)
            continue
        store.counts["transcripts_deleted"] += 1
        return
