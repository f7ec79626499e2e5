"""G9: who may write to a session on which a stream runs. Where none does, nothing of streams is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnlog.records.fences import Fence
    from turnlog.records.head import Head
    from turnlog.store.store import Store


async def check_fence(store: Store, head: Head, fence: Fence | None) -> None:
    """Refuse what a producer writes to a session on which its stream does not run, or in another epoch.

    Args:
        head: as the table has it.
        fence: what the write names; None: it is no producer's.

    Raises:
        NotFound: there is no such stream.
        StreamEnded: it has ended.
        Fenced: it is in another epoch.
        Contended: the session is changing this instant.
    """
    if fence and not fence.runs_on(head):
        from turnlog.store.streams import refuse_fence  # noqa: PLC0415 (most writes are no producer's)

        await refuse_fence(store, head, fence)


async def unquiet(store: Store, head: Head, fence: Fence | None) -> Head | None:
    """Look whether a session's log may be cut or edited: no stream runs, or the one that asks.

    A stream that is due to end is ended.

    Args:
        head: as the table has it.
        fence: of the stream that asks.

    Returns:
        None: it may. A head: it may, but the session is another by now.

    Raises:
        NotFound: there is no such session, or no such stream of it.
        StreamActive: another stream runs.
        StreamEnded, Fenced: the one that asks has ended, or was taken over.
        Unavailable: the table refused or did not answer.
    """
    if fence and head.active_stream in {None, fence.stream_id}:
        await check_fence(store, head, fence)
        return None
    if head.active_stream is None:
        return None
    from turnlog.store.streams import ended_or_active  # noqa: PLC0415 (mostly none runs)

    return await ended_or_active(store, head, head.active_stream)
