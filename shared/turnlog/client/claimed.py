"""A worker's hold on a job, for programs: the lease is kept while the work goes on.

    async with turnlog.jobs.claimed(session_id, job_id) as work:
        await work.progress({"done": 1, "of": 2})
        await work.complete("the report")

| the block | and so |
|---|---|
| completes or fails the job, or asks and leaves | that stands |
| ends without | the job is completed with null |
| raises an error | the job fails with the error's text |
| is stopped (`CancelledError`, `KeyboardInterrupt`) | the job is given back, for another worker |
| goes on when the job is cancelled | it is stopped with `JobCancelled`, and the job ends as cancelled |
| goes on when the job is lost | it is stopped with `Fenced` or `JobEnded` |

A coroutine is stopped where it waits. A thread cannot be stopped: the next call of `progress` or `check`
raises instead, or the end of the block, if it has called neither.

A job is lost when another has claimed it, or when no heartbeat got through until shortly before the lease
ends, by this process's monotonic clock, also while a heartbeat still waits for its answer. So a worker that
is cut off stops before another begins.

The job is of the process that has claimed it. A process that is forked off in the block says nothing of it.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from turnlog.client.both import Blocking, Suspending, method
from turnlog.client.methods import Methods
from turnlog.coroutines import run
from turnlog.errors import Fenced, JobCancelled, JobEnded, NotFound, TurnlogError
from turnlog.limits import JOB_LEASE_SECONDS, MAX_WAIT

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from turnlog.client.request import Object
    from turnlog.models import answers

Client = TypeVar("Client", bound=Methods)
T = TypeVar("T")

_LONGEST_ERROR = 2_000  # characters, as the API takes them
_EARLY = 5.0  # seconds


class _Work:
    """A job in the hands of a worker.

    Attributes:
        job: as it was claimed: `work.job.input`.
        attempt: of this worker.
        stopped: why the work has to stop; None: it has not.
    """

    job: answers.Job
    attempt: int

    def __init__(self, client: Methods, session_id: str, job_id: str, lease_seconds: int) -> None:
        self.stopped: JobCancelled | Fenced | JobEnded | None = None
        self._client = client
        self._place = (session_id, job_id)
        self._lease = lease_seconds
        self._kept = 0.0  # by the monotonic clock: when the lease was last moved
        self._process = os.getpid()
        self._left = False  # nothing more is to be said of the job
        self._told = False  # the block was told why it has to stop

    def check(self) -> None:
        """Raise what has stopped the work, if something has. Nothing is asked of Turnlog.

        Raises:
            JobCancelled: the job's owner asks to stop.
            Fenced: another has claimed the job, or Turnlog was not reached for a whole lease.
            JobEnded: the job has ended.
        """
        self._look()
        self._tell()

    def _look(self) -> None:
        """Note that the job is lost, if no heartbeat got through for as long as its lease."""
        if not self.stopped and self._spare <= 0:
            self.stopped = Fenced(
                "No heartbeat got through for as long as the job's lease. Stop, and send no more."
            )

    def _tell(self) -> None:
        if self.stopped:
            self._told = True
            raise self.stopped

    async def _said(self, call: Coroutine[Any, Any, T]) -> T:
        """What a call answers that the block has made; noted, too, if it says that the job is lost."""
        try:
            return await call
        except (Fenced, JobEnded) as lost:
            self.stopped, self._told = lost, True
            raise

    @method
    async def progress(self, progress: Any) -> None:
        """Say how far the work is: any JSON, at most 4 KB.

        Raises:
            JobCancelled, Fenced, JobEnded: see `check`.
        """
        self._tell()
        await self._beat(progress)
        self._tell()

    @method
    async def complete(self, result: Any = None, *, count: Object | None = None) -> answers.Job:
        """Complete the job, see `complete_job`. If it has ended otherwise by now, that stands.

        Raises:
            Fenced: another has claimed it.
        """
        done = await self._said(
            Methods.complete_job(self._client, *self._place, result, attempt=self.attempt, count=count)
        )
        self._left = True
        return done.job

    @method
    async def fail(self, error: str, *, retry: bool = False) -> answers.Job:
        """End the job as failed; with `retry`, give it back to be claimed again.

        Raises:
            Fenced: another has claimed it.
        """
        done = await self._said(
            Methods.fail_job(self._client, *self._place, error, attempt=self.attempt, retry=retry)
        )
        self._left = True
        return done.job

    @method
    async def ask(self, prompt: str, *, schema: Object | None = None) -> Any:
        """Ask the job's owner, and wait for the answer.

        Raises:
            JobCancelled, Fenced, JobEnded: see `check`.
        """
        return await self._said(self._asked(prompt, schema))

    async def _asked(self, prompt: str, schema: Object | None) -> Any:
        client, place = self._client, self._place
        asked = (await Methods.ask_job(client, *place, prompt, attempt=self.attempt, schema=schema)).job
        while asked.state == "input_required":
            self.check()
            asked = (await Methods.get_job(client, *place, version=asked.version, wait=MAX_WAIT)).job
        if asked.attempt != self.attempt:
            raise Fenced("Another worker has claimed the job. Stop, and send no more.")
        if asked.state != "running":
            raise JobEnded(f"The job has ended: it is {asked.state}.", extra={"state": asked.state})
        return asked.answer

    async def _claim(self) -> None:
        began = time.monotonic()
        claimed = await Methods.claim_job(self._client, *self._place, lease_seconds=self._lease)
        self._kept, self.job, self.attempt = began, claimed.job, claimed.attempt

    async def _beat(self, progress: Any = None) -> None:
        """Move the lease; note why the work has to stop, if it has to."""
        began = time.monotonic()
        try:
            beat = await Methods.heartbeat_job(
                self._client,
                *self._place,
                attempt=self.attempt,
                lease_seconds=self._lease,
                progress=progress,
            )
        except (Fenced, JobEnded) as lost:
            self.stopped = lost
        except NotFound as gone:
            self.stopped = JobEnded(f"The job is gone: {gone.detail}")
        else:
            self._kept = max(self._kept, began)
            if beat.cancel is not None:
                self.stopped = JobCancelled(beat.cancel.reason)

    async def _keep(self) -> None:
        """Move the lease. Whatever hinders that, the work goes on until the lease is nearly over."""
        with suppress(Exception):
            await self._beat()
        self._look()

    @property
    def _spare(self) -> float:
        """Seconds until the job counts as lost, if no heartbeat gets through."""
        early = min(_EARLY, self._lease / 5)
        return self._kept + self._lease - early - time.monotonic()

    @property
    def _forked(self) -> bool:
        """Whether this is another process than the one that has claimed the job."""
        return os.getpid() != self._process

    @property
    def _pause(self) -> float:
        return max(0.0, min(self._lease / 3, self._spare))

    async def _leave(self, error: BaseException | None) -> None:
        """Say what became of the job, as far as the block has not: see the module."""
        if self._left:
            return
        if isinstance(self.stopped, Fenced | JobEnded):
            if error is None and not self._told:
                raise self.stopped
            return
        if error is None:
            await _Work.complete(self)
            return
        with suppress(TurnlogError):  # the block's own error is the one to be raised
            if isinstance(error, JobCancelled):
                await _Work.fail(self, "The worker has stopped.")
            elif isinstance(error, Exception):
                await _Work.fail(self, _text(error))
            else:
                await _Work.fail(self, "The worker was stopped.", retry=True)


def _text(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".encode("utf-8", "replace").decode()
    return text[:_LONGEST_ERROR]


class BlockingWork(_Work, Blocking):
    """A job in the hands of a thread, see `_Work`: another thread keeps the lease."""

    def __enter__(self) -> Self:
        run(self._claim())
        self._done = Event()
        self._thread = Thread(target=self._keeps, name="turnlog-job", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._forked:
            return
        self._done.set()
        self._thread.join()
        run(self._leave(error))

    def _keeps(self) -> None:
        while not self.stopped and not self._done.wait(self._pause):
            run(self._keep())


class SuspendingWork(_Work, Suspending):
    """A job in the hands of a task, see `_Work`: another task keeps the lease."""

    async def __aenter__(self) -> Self:
        await self._claim()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a coroutine runs in one)
        self._task, self._cancelling, self._stopping = task, task.cancelling(), False
        self._keeper = asyncio.create_task(self._keeps())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._forked:
            return
        self._keeper.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeper
        # As asyncio.timeout does: the cancellation is this one's, if nobody else asked for one.
        ours = self._stopping and self._task.uncancel() <= self._cancelling
        if ours and self.stopped and isinstance(error, asyncio.CancelledError):
            await self._leave(self.stopped)
            raise self.stopped from error
        await self._leave(error)

    async def _keeps(self) -> None:
        while not self.stopped:
            await asyncio.sleep(self._pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._spare):
                    await self._keep()
            self._look()
        self._stopping = True
        self._task.cancel()


class _Jobs(Generic[Client]):
    def __init__(self, client: Client) -> None:
        self._client = client


class BlockingJobs(_Jobs[Client]):
    """What workers do with a user's jobs."""

    def claimed(
        self, session_id: str, job_id: str, *, lease_seconds: int = JOB_LEASE_SECONDS
    ) -> BlockingWork:
        """Claim a job for a `with` block, and keep its lease: see the module `turnlog.client.claimed`.

        Args:
            session_id: of the session.
            job_id: of the job.
            lease_seconds: after so long without a heartbeat another may claim it.

        Raises:
            LeaseHeld: another works on it, or it waits for input.
            JobEnded: it has ended.
        """
        return BlockingWork(self._client, session_id, job_id, lease_seconds)


class SuspendingJobs(_Jobs[Client]):
    """What workers do with a user's jobs, on an event loop."""

    def claimed(
        self, session_id: str, job_id: str, *, lease_seconds: int = JOB_LEASE_SECONDS
    ) -> SuspendingWork:
        """Claim a job for an `async with` block, see `BlockingJobs`."""
        return SuspendingWork(self._client, session_id, job_id, lease_seconds)
