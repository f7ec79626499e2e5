"""Workers with a job in their hands: the lease is kept, and the work stops when it has to."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.functional.api import Api, assistant, user
from tests.functional.world import wait_until
from turnlog import AsyncTurnlog, Turnlog, errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.server import LocalServer
    from tests.functional.world import TableView

CALL = assistant(
    None, tool_calls=[{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
)
Work = Any


class Worker:
    """A worker's client, of either kind and way; a block is an `async def` that uses what both have."""

    def __init__(self, server: LocalServer, *, on_loop: bool, over_http: bool) -> None:
        self.user = f"user-{uuid4().hex}"
        self.api = Api(server.url, self.user)
        self.on_loop = on_loop
        self.where: dict[str, Any] = (
            {"url": server.url, "token": self.user} if over_http else {"user_id": self.user}
        )
        self.session = self.api.new(user("Hi"), CALL)
        with Turnlog(**self.where) as turnlog:
            self.job_id = turnlog.start_job(self.session, "f", {"n": 1}, tool_call_id="c").job.job_id

    def job(self) -> dict[str, Any]:
        job: dict[str, Any] = self.api.call("GET", f"/sessions/{self.session}/jobs/{self.job_id}").body["job"]
        return job

    def call(self, place: str, **body: Any) -> dict[str, Any]:
        path = f"/sessions/{self.session}/jobs/{self.job_id}/{place}"
        answer: dict[str, Any] = self.api.call("POST", path, body).body
        return answer

    def results(self) -> list[str]:
        log = self.api.get(self.session).body["messages"]
        return [message["content"] for message in log if message["role"] == "tool"]

    def does(self, block: Callable[[Any], Any]) -> Any:
        """Do this with the client; what a call returns is awaited on a loop."""
        if not self.on_loop:
            with Turnlog(**self.where) as turnlog:
                return _driven(block(turnlog))

        async def main() -> Any:
            async with AsyncTurnlog(**self.where) as turnlog:
                return await _awaited(block(turnlog))

        return asyncio.run(main())

    def works(self, block: Callable[[Work], Any], lease_seconds: int = 60) -> Any:
        """Claim the job, and do this."""
        place = (self.session, self.job_id)
        if not self.on_loop:
            with (
                Turnlog(**self.where) as turnlog,
                turnlog.jobs.claimed(*place, lease_seconds=lease_seconds) as work,
            ):
                return _driven(block(work))

        async def main() -> Any:
            async with (
                AsyncTurnlog(**self.where) as turnlog,
                turnlog.jobs.claimed(*place, lease_seconds=lease_seconds) as work,
            ):
                return await _awaited(block(work))

        return asyncio.run(main())


async def _awaited(steps: Any) -> Any:
    """A block on a loop: what a method gives is awaited; a function is called beside it."""
    given = None
    while True:
        try:
            step = steps.send(given)
        except StopIteration as done:
            return done.value
        given = await step if asyncio.iscoroutine(step) else await asyncio.to_thread(step)


def _driven(steps: Any) -> Any:
    """A block without a loop: a method has been called when it is given; a function is called."""
    try:
        given = None
        while True:
            step = steps.send(given)
            given = step() if callable(step) else step
    except StopIteration as done:
        return done.value


@pytest.fixture(params=["blocking over HTTP", "blocking on the table", "loop over HTTP", "loop on the table"])
def worker(server: LocalServer, request: pytest.FixtureRequest) -> Worker:
    return Worker(server, on_loop="loop" in request.param, over_http="HTTP" in request.param)


@pytest.mark.thorough
def test_a_worker_completes_its_job(worker: Worker) -> None:
    def block(work: Work) -> Any:
        assert (work.job.input, work.attempt) == ({"n": 1}, 1)
        yield work.progress({"done": 1})
        yield worker.job
        done = yield work.complete("the report", count={"successful_agent_runs": {"r": 1}})
        return done.state

    assert worker.works(block) == "completed"
    assert worker.job()["progress"] == {"done": 1}
    assert worker.results() == ["the report"]
    assert worker.api.get(worker.session).body["successful_agent_runs"] == {"r": 1}
    with pytest.raises(errors.JobEnded):
        worker.works(block)


def test_a_block_that_ends_without_a_word_completes_its_job(worker: Worker) -> None:
    worker.works(lambda _: iter_of(lambda: None))
    assert (worker.job()["state"], worker.results()) == ("completed", ["null"])


def iter_of(*steps: Any) -> Any:
    yield from steps


def test_a_block_that_fails_fails_its_job(worker: Worker) -> None:
    def block(work: Work) -> Any:
        yield work.progress(1)
        raise ValueError("no paper \ud83d")

    with pytest.raises(ValueError, match="no paper"):
        worker.works(block)
    assert worker.job()["error"] == "ValueError: no paper ?"


def test_a_worker_that_is_stopped_gives_its_job_back(worker: Worker) -> None:
    def block(work: Work) -> Any:
        yield work.progress(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        worker.works(block)
    assert (worker.job()["state"], worker.results()) == ("pending", [])
    assert worker.call("claim")["attempt"] == 2


@pytest.mark.thorough
def test_the_lease_is_kept_while_the_work_goes_on(worker: Worker) -> None:
    def block(work: Work) -> Any:
        began = work.job["lease_until"]
        yield lambda: wait_until(lambda: worker.job()["lease_until"] > began)
        assert worker.call("claim")["type"] == "lease_held"
        yield work.complete(1)

    worker.works(block, lease_seconds=3)
    assert worker.results() == ["1"]


@pytest.mark.thorough
def test_a_worker_whose_job_is_cancelled_stops(worker: Worker) -> None:
    def block(_: Work) -> Any:
        yield lambda: worker.call("cancel", reason="enough")
        if worker.on_loop:
            yield asyncio.sleep(600)
        yield lambda: wait_until(lambda: _.stopped)
        yield _.progress(1)

    with pytest.raises(errors.JobCancelled, match="enough"):
        worker.works(block, lease_seconds=3)
    assert worker.job()["state"] == "cancelled"
    assert worker.results() == ["The job was cancelled: enough"]


def lose(worker: Worker, table: TableView) -> None:
    """Another claims the job."""
    item = table.item(worker.user, worker.session, f"JOB#{worker.job_id}")
    at = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    table.put(item | {"lease_until": {"S": at}})
    assert worker.call("claim", lease_seconds=600)["attempt"] == 2


@pytest.mark.thorough
def test_a_worker_that_has_lost_its_job_stops(worker: Worker, table: TableView) -> None:
    def block(work: Work) -> Any:
        yield lambda: lose(worker, table)
        if worker.on_loop:
            yield asyncio.sleep(600)
        yield lambda: wait_until(lambda: work.stopped)
        yield work.progress(1)

    with pytest.raises(errors.Fenced):
        worker.works(block, lease_seconds=3)
    assert (worker.job()["state"], worker.job()["attempt"], worker.results()) == ("running", 2, [])


@pytest.mark.parametrize("way", ["over HTTP", "on the table"])
def test_a_thread_that_has_lost_its_job_and_asks_for_nothing_is_told_at_its_end(
    server: LocalServer, table: TableView, way: str
) -> None:
    worker = Worker(server, on_loop=False, over_http="HTTP" in way)

    def block(work: Work) -> Any:
        yield lambda: lose(worker, table)
        yield lambda: wait_until(lambda: work.stopped)

    with pytest.raises(errors.Fenced):
        worker.works(block, lease_seconds=3)
    assert (worker.job()["state"], worker.job()["attempt"]) == ("running", 2)


def test_a_worker_that_heeds_what_it_was_told_ends_in_peace(server: LocalServer, table: TableView) -> None:
    worker = Worker(server, on_loop=False, over_http=True)

    def block(work: Work) -> Any:
        yield lambda: lose(worker, table)
        with pytest.raises(errors.Fenced):
            work.progress(1)

    worker.works(block)
    assert worker.job()["attempt"] == 2


def test_the_error_of_another_job_fails_this_one(worker: Worker) -> None:
    """It says nothing of this job, which nobody else works on."""

    def block(work: Work) -> Any:
        yield work.progress(1)
        raise errors.JobEnded("The other job has ended.")

    with pytest.raises(errors.JobEnded):
        worker.works(block)
    assert worker.job()["error"] == "JobEnded: The other job has ended."


class SilentLoop(httpx.AsyncHTTPTransport):
    """Connections on which no heartbeat is ever answered."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/heartbeat"):
            await asyncio.Event().wait()
        return await super().handle_async_request(request)


def test_a_task_whose_heartbeat_is_not_answered_stops_all_the_same(server: LocalServer) -> None:
    worker = Worker(server, on_loop=True, over_http=True)

    async def main() -> None:
        async with (
            httpx.AsyncClient(transport=SilentLoop()) as http,
            AsyncTurnlog(**worker.where, http_client=http) as turnlog,
            asyncio.timeout(60),
            turnlog.jobs.claimed(worker.session, worker.job_id, lease_seconds=3),
        ):
            await asyncio.sleep(600)

    with pytest.raises(errors.Fenced, match="No heartbeat got through"):
        asyncio.run(main())
    assert (worker.job()["state"], worker.job()["attempt"]) == ("running", 1)


class SilentThread(httpx.HTTPTransport):
    """The same without a loop, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/heartbeat"):
            self.over.wait()
        return super().handle_request(request)


def test_a_thread_whose_heartbeat_is_not_answered_is_told_when_it_asks(server: LocalServer) -> None:
    worker, way = Worker(server, on_loop=False, over_http=True), SilentThread()

    def lost(work: Work) -> bool:
        try:
            work.check()
        except errors.Fenced:
            return True
        return False

    with (
        httpx.Client(transport=way) as http,
        Turnlog(**worker.where, http_client=http) as turnlog,
        turnlog.jobs.claimed(worker.session, worker.job_id, lease_seconds=3) as work,
    ):
        try:
            wait_until(lambda: lost(work), 30)
        finally:
            way.over.set()
    assert (worker.job()["state"], worker.results()) == ("running", [])


FORKED = """
import os, sys
from turnlog import Turnlog

way, session, job = sys.argv[1:]
with Turnlog(**eval(way)) as turnlog, turnlog.jobs.claimed(session, job) as work:
    child = os.fork()
    if child == 0:
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print(turnlog.get_job(session, job).job.state)
"""


@pytest.mark.thorough
def test_a_process_that_is_forked_off_says_nothing_of_the_job(server: LocalServer) -> None:
    worker = Worker(server, on_loop=False, over_http=True)
    command = [sys.executable, "-c", FORKED, repr(worker.where), worker.session, worker.job_id]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == ("running\n", 0), done.stderr
    assert (worker.job()["state"], worker.job()["attempt"]) == ("completed", 1)


def test_an_answer_whose_reply_is_lost_is_not_sent_again(server: LocalServer) -> None:
    """The worker may ask for something else by then, which it would answer."""
    worker = Worker(server, on_loop=False, over_http=True)
    worker.call("claim")
    worker.call("ask", attempt=1, prompt="Delete the draft?")
    way = LosesInput(lambda: worker.call("ask", attempt=1, prompt="Delete all?"))
    with (
        httpx.Client(transport=way) as http,
        Turnlog(**worker.where, http_client=http) as turnlog,
        pytest.raises(errors.Unanswered),
    ):
        turnlog.answer_job(worker.session, worker.job_id, "yes")
    assert (worker.job()["state"], worker.job()["answer"]) == ("input_required", None)


class LosesInput(httpx.HTTPTransport):
    """Connections that lose the answer to an input, after which something happens."""

    def __init__(self, meanwhile: Callable[[], Any]) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = super().handle_request(request)
        if request.url.path.endswith("/input") and reply.status_code == 200:
            reply.read()
            self.meanwhile()
            raise httpx.ReadError("lost")
        return reply


@pytest.mark.thorough
def test_a_worker_asks_and_goes_on_with_the_answer(worker: Worker) -> None:
    def answer() -> None:
        wait_until(lambda: worker.job()["state"] == "input_required")
        worker.call("input", input={"year": 2026})

    def block(work: Work) -> Any:
        owner = threading.Thread(target=answer)
        owner.start()
        given = yield work.ask("Which year?", schema={"type": "object"})
        owner.join()
        yield work.complete(given)

    worker.works(block)
    assert worker.results() == ['{"year":2026}']


def test_who_cancels_the_task_cancels_no_other_job(server: LocalServer) -> None:
    """A cancellation from outside stays one: the job is given back, and the task is cancelled."""
    worker = Worker(server, on_loop=True, over_http=True)

    async def main() -> None:
        async def work() -> None:
            async with (
                AsyncTurnlog(**worker.where) as turnlog,
                turnlog.jobs.claimed(worker.session, worker.job_id),
            ):
                claimed.set()
                await asyncio.sleep(600)

        claimed = asyncio.Event()
        task = asyncio.create_task(work())
        await claimed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (worker.job()["state"], worker.job()["attempt"]) == ("pending", 1)


@pytest.mark.thorough
def test_what_owners_and_webhooks_do(worker: Worker) -> None:
    """Each method, of the client that the worker has."""
    asked = {"idempotency_key": "k", "webhook": True, "deadline_seconds": 60}

    def steps(turnlog: Any) -> Any:
        session = worker.session
        started = yield turnlog.start_job(session, "g", [1], **asked)
        again = yield turnlog.start_job(session, "g", [1], **asked)
        assert (again, again.webhook.url.endswith("/hooks/jobs")) == (started, True)
        job_id, token = started.job.job_id, started.webhook.token
        told = yield turnlog.report_job(token, "running", progress=1)
        assert (told.state, told.replayed) == ("running", False)
        seen = yield turnlog.get_job(session, job_id, version=1, wait=20)
        assert (seen.job.state, seen.job.progress, seen.job.version) == ("running", 1, 2)
        stopping = yield turnlog.cancel_job(session, job_id, reason="enough")
        assert stopping.job.cancel.reason == "enough"
        listed = yield turnlog.list_jobs(session, state="running", limit=5)
        assert [job.job_id for job in listed.jobs] == [job_id]
        told = yield turnlog.report_job(token, "completed", result={"n": 1})
        assert (told.state, told.replayed) == ("completed", False)
        seen = yield turnlog.get_job(session, job_id)
        assert (seen.job.result, seen.job.logged) == ({"n": 1}, False)
        return token

    token = worker.does(steps)
    with Turnlog(**worker.where) as turnlog, pytest.raises(errors.Unauthenticated):
        turnlog.report_job(token + "x", "completed")
