"""A producer's stream: it gathers events, sends them, sends again what a cache has lost, and keeps its lease.

| the stream of its id | the writer |
|---|---|
| is not there | opens it |
| was opened by this writer, whose reply was lost | goes on with it |
| runs, and its producer has its lease | is refused: `LeaseHeld` |
| runs, and the lease is over | takes it over, in the next epoch: the former producer is fenced off |
| has ended | is refused: `StreamEnded` |

So of two writers of one stream at most one is believed. Whatever shows that another one writes in this
writer's place (an epoch, numbers of events that it never sent) ends the writer with `Fenced`.

Beside the program a thread or a task goes on all the time: it sends what has waited long enough, has put into
the table what was in the cache alone for five seconds, and sends a heartbeat each third of the lease. If no
heartbeat gets through, the writer stops five seconds before the lease ends: from then on another may take
the stream over.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from threading import Event as Flag
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Literal, Self

from anyio import CancelScope, create_task_group, sleep
from anyio import Lock as LoopLock

from turnlog.client.methods import Methods
from turnlog.coroutines import run
from turnlog.errors import Fenced, SequenceGap, StreamEnded, TurnlogError, Unavailable, UsageError
from turnlog.streams.gathering import Gathered
from turnlog.wire import same

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from anyio.abc import TaskGroup

    from turnlog.client.methods import NewMessage
    from turnlog.client.request import Object
    from turnlog.models.answers import CancelAsked, FinishedStream, OpenedStream, Stream

_EARLY = 5.0
_TICK = 0.05
_GAPS = 10
_OTHER = "Another producer writes to this stream. Stop, and send no more."
State = Literal["completed", "failed", "cancelled"]


class _Writer:
    """What both writers do, as coroutines; the caller sees to it that one runs at a time."""

    def __init__(self, client: Any, session_id: str, lease_seconds: int, opening: dict[str, Any]) -> None:
        self._client = client
        self._session_id = session_id
        self._lease = lease_seconds
        self._opening = opening
        self._opened: OpenedStream | None = None
        self._gathered = Gathered(0, 0.0)
        self._beaten = 0.0
        self._failed: TurnlogError | None = None
        self._over = False
        self.taken_over = False
        """Whether another had begun the stream, whose lease was over: its last step is to be made again."""
        self.cancel: CancelAsked | None = None
        """When the stream was asked to stop, and why; None: it was not."""

    @property
    def opened(self) -> OpenedStream:
        """The stream as it was opened.

        Raises:
            UsageError: it is not entered.
        """
        if self._opened is None:
            raise UsageError("The stream is not open: use it within `with` or `async with`.")
        return self._opened

    @property
    def stream_id(self) -> str:
        """The stream's id."""
        return self.opened.stream.stream_id

    @property
    def epoch(self) -> int:
        """The producer's epoch."""
        return self.opened.stream.epoch

    @property
    def fence(self) -> dict[str, Any]:
        """What `append_messages`, `edit_message` and `rewind_session` take as `stream`."""
        return {"stream_id": self.stream_id, "epoch": self.epoch}

    async def _open(self) -> None:
        self._beaten = time.monotonic()
        self._opened = await Methods.open_stream(
            self._client, self._session_id, lease_seconds=self._lease, **self._opening
        )
        stream = self._opened.stream
        if stream.state != "open":
            raise StreamEnded(f"The stream has ended: it is {stream.state}.", extra={"state": stream.state})
        if self._opened.replayed:
            stream = await self._take_over(stream)
            self._opened = replace(self._opened, stream=stream)
        self._gathered = Gathered(stream.seq, time.monotonic())

    async def _take_over(self, stream: Stream) -> Stream:
        """The stream that another has begun, in an epoch of this writer.

        Raises:
            LeaseHeld: the other one has its lease.
        """
        self._beaten = time.monotonic()
        taken = await Methods.take_over_stream(
            self._client, self._session_id, stream.stream_id, lease_seconds=self._lease
        )
        self.taken_over = True
        return replace(stream, epoch=taken.epoch, seq=taken.seq, durable_seq=taken.durable_seq)

    async def _write(self, event: Object) -> None:
        self._check()
        self._gathered.add(event, time.monotonic())
        if self._gathered.due(time.monotonic()):
            with suppress(Unavailable):  # the event is kept, and sent with the next: nobody writes it again
                await self._flush()

    async def _flush(self, *, durable: bool = False) -> None:
        self._check()
        if durable:
            self._gathered.once_more()
        gaps = 0
        while self._gathered.sent < self._gathered.seq:
            try:
                await self._append(*self._gathered.batch(), durable=durable)
            except SequenceGap as error:
                gaps += 1
                if gaps == _GAPS or not self._gathered.again(error.extra["expected"]):
                    raise

    async def _append(self, first: int, events: list[dict[str, Any]], *, durable: bool) -> None:
        """Send a batch.

        Raises:
            Fenced: events stand in the stream that this writer never sent.
        """
        tried, last = self._gathered.tried, first + len(events) - 1
        self._gathered.tried = max(tried, last)
        try:
            answer = await Methods.append_events(
                self._client,
                self._session_id,
                self.stream_id,
                events,
                epoch=self.epoch,
                first_seq=first,
                flush=durable,
            )
            if answer.seq > self._gathered.tried:
                raise Fenced(_OTHER)
            if answer.replayed and last > tried:
                self._gathered.tried = tried  # until it is known
                await self._recognise(first, events)
                self._gathered.tried = last
        except (SequenceGap, Unavailable):
            raise
        except TurnlogError as error:  # it would be refused again
            self._failed = error
            raise
        self._gathered.acknowledged(answer.seq, answer.durable_seq, time.monotonic(), flushed=durable)
        self.cancel = answer.cancel or self.cancel

    async def _recognise(self, first: int, events: list[dict[str, Any]]) -> None:
        """See that events which are there already are this writer's: a reply may have been lost on the way.

        Raises:
            Fenced: they are another one's.
        """
        before = f"{self.opened.cursor.rsplit('.', 2)[0]}.{self.epoch}.{first - 1}"
        page = await Methods.read_events(
            self._client, self._session_id, self.stream_id, after=before, limit=len(events)
        )
        there = [one.event for one in page.events] if page else []
        if not all(map(same, there, events)):
            raise Fenced(_OTHER)

    async def _beat(self) -> None:
        """Keep the lease, if it is time.

        Raises:
            Fenced: no heartbeat got through, and the lease is about to end.
        """
        begun = time.monotonic()
        if begun - self._beaten < self._lease / 3:
            return
        try:
            answer = await Methods.heartbeat_stream(
                self._client, self._session_id, self.stream_id, epoch=self.epoch, lease_seconds=self._lease
            )
        except Unavailable as error:
            if time.monotonic() > self._beaten + self._lease - _EARLY:
                raise Fenced(
                    "No heartbeat got through, and the lease ends. Stop, and send no more."
                ) from error
            return
        self._beaten = begun
        self._gathered.settled(answer.durable_seq, time.monotonic())
        self.cancel = answer.cancel or self.cancel

    async def _tick(self) -> None:
        """What is due beside the program; an error is raised at its next call."""
        if self._over or self._failed:
            return
        try:
            await self._beat()
            exposed = self._gathered.exposed(time.monotonic())
            if exposed or self._gathered.due(time.monotonic()):
                await self._flush(durable=exposed)
        except Unavailable:
            return  # what was gathered is sent with the next
        except TurnlogError as error:
            self._failed = error

    async def _finish(self, messages: Iterable[NewMessage], **given: Any) -> FinishedStream:
        self._check()
        await self._flush()
        gaps = 0
        while True:
            try:
                finished = await Methods.finish_stream(
                    self._client,
                    self._session_id,
                    self.stream_id,
                    epoch=self.epoch,
                    messages=messages,
                    first_seq=self._gathered.seq + 1,
                    **given,
                )
            except (Fenced, StreamEnded) as error:
                self._failed = error
                raise
            except SequenceGap as error:
                gaps += 1
                if gaps == _GAPS or not self._gathered.again(error.extra["expected"]):
                    raise
                await self._flush(durable=True)
            else:
                self._over = True
                return finished

    async def _leave(self, error: BaseException | None) -> None:
        """End the stream, if the program has not: as failed where an error ends it.

        Raises:
            TurnlogError: the stream has not got all of its events, and no error of the program's tells.
        """
        if self._over:
            return
        refused = self._failed
        if error is None and refused is None:
            try:
                await self._finish([])
            except TurnlogError as failed:
                refused = failed
            else:
                return
        if not isinstance(refused, Fenced | StreamEnded | Unavailable):
            with suppress(TurnlogError):  # what went wrong first is raised
                await self._fail(type(error or refused).__name__)
        if error is None and refused is not None:
            raise refused

    async def _fail(self, said: str) -> None:
        """End the stream as failed; with what is gathered, if Turnlog takes that."""
        failed: dict[str, Any] = {"state": "failed", "error": said}
        if self._failed is None:
            try:
                await self._finish([], **failed)
            except (Fenced, StreamEnded, Unavailable):
                raise
            except TurnlogError:  # not all of it can be sent
                pass
            else:
                return
        await Methods.finish_stream(
            self._client, self._session_id, self.stream_id, epoch=self.epoch, **failed
        )

    def _check(self) -> None:
        if self._failed:
            raise self._failed
        if self._over:
            raise StreamEnded("The stream was finished by this writer.", extra={"state": "completed"})


class StreamWriter(_Writer):
    """A stream of `Turnlog`, see `Turnlog.write_stream`."""

    def __init__(self, client: Any, session_id: str, lease_seconds: int, opening: dict[str, Any]) -> None:
        super().__init__(client, session_id, lease_seconds, opening)
        self._lock = Lock()
        self._stop = Flag()
        self._thread = Thread(target=self._go_on, name="turnlog-stream", daemon=True)

    def __enter__(self) -> Self:
        run(self._open())
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        self._stop.set()
        self._thread.join()
        run(self._leave(error))

    def _go_on(self) -> None:
        while not self._stop.wait(_TICK):
            with self._lock:
                run(self._tick())

    def write(self, event: Object) -> None:
        """Write an event: an object with a string `type`. It is sent with those that come soon after it.

        While Turnlog does not take events, or not so fast (429), they are kept, and sent when it does.

        Raises:
            Invalid: it is no JSON, or has no `type`; it is not written.
            TooLarge: it has more than 1 MB; it is not written.
            Fenced: another has taken the stream over, or no heartbeat got through.
            StreamEnded: it has ended.
        """
        with self._lock:
            run(self._write(event))

    def flush(self, *, durable: bool = False) -> None:
        """Send what is gathered; with `durable`, it is in the table afterwards.

        Raises:
            Unavailable: Turnlog does not take it now. It is kept, and sent with the next.
        """
        with self._lock:
            run(self._flush(durable=durable))

    def finish(
        self,
        messages: Iterable[NewMessage] = (),
        *,
        state: State = "completed",
        usage: Object | None = None,
        set: Object | None = None,  # noqa: A002 (the contract's word)
        error: str | None = None,
    ) -> FinishedStream:
        """End the stream with its messages, see `Turnlog.finish_stream`."""
        with self._lock:
            return run(self._finish(list(messages), state=state, usage=usage, set=set, error=error))


class AsyncStreamWriter(_Writer):
    """A stream of `AsyncTurnlog`, see `AsyncTurnlog.write_stream`."""

    def __init__(self, client: Any, session_id: str, lease_seconds: int, opening: dict[str, Any]) -> None:
        super().__init__(client, session_id, lease_seconds, opening)
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._lock = LoopLock()
        await self._open()
        self._tasks = await create_task_group().__aenter__()
        self._tasks.start_soon(self._go_on)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._tasks is not None  # noqa: S101 (it is entered)
        try:
            with CancelScope(shield=error is not None):  # also what a cancelled program said is ended
                async with self._lock:
                    await self._leave(error)
        finally:
            self._tasks.cancel_scope.cancel()
            await self._tasks.__aexit__(None, None, None)

    async def _go_on(self) -> None:
        while True:
            await sleep(_TICK)
            async with self._lock:
                await self._tick()

    async def write(self, event: Object) -> None:
        """See `StreamWriter.write`."""
        async with self._lock:
            await self._write(event)

    async def flush(self, *, durable: bool = False) -> None:
        """See `StreamWriter.flush`."""
        async with self._lock:
            await self._flush(durable=durable)

    async def finish(
        self,
        messages: Iterable[NewMessage] = (),
        *,
        state: State = "completed",
        usage: Object | None = None,
        set: Object | None = None,  # noqa: A002 (the contract's word)
        error: str | None = None,
    ) -> FinishedStream:
        """See `StreamWriter.finish`."""
        async with self._lock:
            return await self._finish(list(messages), state=state, usage=usage, set=set, error=error)
