"""Jobs: started once, worked on by one at a time, completed once, with the result in the log."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ConnectionClosedError

from tests.functional.api import Api, user
from tests.functional.world import configured, first, hook, wait_until
from tests.http_client import request
from turnlog.coroutines import run
from turnlog.drivers.blocking import purge_store
from turnlog.limits import DUE_SHARDS
from turnlog.operations.sweep_jobs import sweep_jobs

if TYPE_CHECKING:
    from tests.functional.bucket import BucketView
    from tests.functional.world import TableView
    from tests.http_client import Reply

CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "report", "arguments": "{}"}}],
}


class Working:
    """A job as its owner and its workers use it."""

    def __init__(self, api: Api, session: str | None = None, key: str | None = None, **body: Any) -> None:
        self.api = api
        self.session = session or api.new(user("Hi"), CALL)
        self.key = key or uuid4().hex
        self.body = {"tool": "report", "tool_call_id": "call_1", **body}
        self.started = self.start()
        assert self.started.status in {200, 201}, self.started.raw
        self.job_id = self.started.body["job"]["job_id"]
        self.path = f"/sessions/{self.session}/jobs/{self.job_id}"
        self.attempt = 1

    def start(self, **body: Any) -> Reply:
        headers = {"idempotency-key": self.key}
        path = f"/sessions/{self.session}/jobs"
        return self.api.call("POST", path, self.body | body, headers=headers)

    def call(self, place: str, **body: Any) -> Reply:
        return self.api.call("POST", f"{self.path}/{place}", body)

    def get(self, **query: Any) -> Reply:
        return self.api.call("GET", self.path, query=query)

    @property
    def job(self) -> dict[str, Any]:
        job: dict[str, Any] = self.get().body["job"]
        return job

    def claim(self, **body: Any) -> Reply:
        reply = self.call("claim", **body)
        if reply.status == 200:
            self.attempt = reply.body["attempt"]
        return reply

    def complete(self, result: Any = "done", **body: Any) -> Reply:
        return self.call("complete", **{"attempt": self.attempt, "result": result, **body})

    def fail(self, **body: Any) -> Reply:
        return self.call("fail", **{"attempt": self.attempt, "error": "no paper", **body})

    def heartbeat(self, **body: Any) -> Reply:
        return self.call("heartbeat", **{"attempt": self.attempt, **body})

    def hook(self, token: str | None = None, **body: Any) -> Reply:
        token = self.started.body["webhook"]["token"] if token is None else token
        sent = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        return request(self.api.url, "POST", "/hooks/jobs", body, sent)

    def results(self) -> list[dict[str, Any]]:
        """The messages of tools in the log."""
        return [one for one in self.api.get(self.session).body["messages"] if one["role"] == "tool"]

    def moved_back(self, table: TableView, seconds: int, *names: str) -> None:
        """As if that was so long ago."""
        item = table.item(self.api.user or "", self.session, f"JOB#{self.job_id}")
        at = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for name in names:
            item[name] = {"S": f'{{"reason":null,"asked_at":"{at}"}}' if name == "cancel" else at}
        item["due_at"] = {"S": at}
        table.put(item)


def kind(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body["type"]


def test_a_job_from_its_start_to_its_result_in_the_log(api: Api) -> None:
    job = Working(api, input={"year": 2026})
    assert job.started.status == 201
    assert job.started.headers["location"] == job.path
    shown = job.started.body["job"]
    assert (shown["state"], shown["attempt"], shown["version"], shown["logged"]) == ("pending", 0, 1, None)
    assert shown["input"] == {"year": 2026}
    claimed = job.claim()
    assert (claimed.body["attempt"], claimed.body["job"]["state"]) == (1, "running")
    beat = job.heartbeat(progress={"done": 3})
    assert beat.body["cancel"] is None
    assert beat.body["lease_until"] > claimed.body["lease_until"]
    assert job.job["progress"] == {"done": 3}
    done = job.complete({"pages": 12}, count={"successful_agent_runs": {"reporter": 1}})
    assert (done.status, done.body["replayed"]) == (200, False)
    ended = done.body["job"]
    assert (ended["state"], ended["logged"], ended["result"]) == ("completed", True, {"pages": 12})
    assert job.get().body["job"] == ended
    session = api.get(job.session).body
    (result,) = job.results()
    assert result == {
        "sequence": 2,
        "message_id": f"job_{job.job_id}",
        "created_at": result["created_at"],
        "role": "tool",
        "content": '{"pages":12}',
        "tool_call_id": "call_1",
        "metadata": {"job_id": job.job_id, "state": "completed"},
    }
    assert (session["message_count"], session["successful_agent_runs"]) == (3, {"reporter": 1})
    again = job.complete({"pages": 12}, count={"successful_agent_runs": {"reporter": 1}})
    assert again.body == {"job": ended, "replayed": True}
    assert api.get(job.session).body == session


def test_a_job_that_is_started_again_is_the_same(api: Api) -> None:
    job = Working(api, input=[1.0, None], webhook=True)
    again = job.start(input=[1, None])
    assert (again.status, again.body) == (200, job.started.body)
    reused = job.start(input=[2])
    assert kind(reused) == (409, "idempotency_key_reused")
    assert reused.body["job_id"] == job.job_id
    assert Working(api, job.session).job_id != job.job_id
    assert Working(api, key=job.key).job_id != job.job_id


def test_one_works_on_a_job_at_a_time(api: Api, table: TableView) -> None:
    job = Working(api)
    first = job.claim(lease_seconds=60).body
    held = job.claim()
    assert kind(held) == (409, "lease_held")
    assert held.body["lease_until"] == first["lease_until"]
    job.moved_back(table, 1, "lease_until")
    assert job.heartbeat().status == 200  # nobody has claimed it
    job.moved_back(table, 1, "lease_until")
    assert job.claim().body["attempt"] == 2
    for reply in (
        job.heartbeat(attempt=1),
        job.complete(attempt=1),
        job.fail(attempt=1),
        job.fail(attempt=1, retry=True),
        job.call("ask", attempt=1, prompt="?"),
    ):
        assert kind(reply) == (409, "fenced")
        assert reply.body["attempt"] == 2
    assert job.results() == []
    assert not job.complete("second").body["replayed"]
    late = job.complete("first", attempt=1)
    assert (late.status, late.body["replayed"], late.body["job"]["result"]) == (200, True, "second")
    assert [one["content"] for one in job.results()] == ["second"]
    for reply in (job.claim(), job.heartbeat(), job.call("ask", attempt=2, prompt="?")):
        assert kind(reply) == (409, "job_ended")
        assert reply.body["state"] == "completed"


def test_a_job_that_failed_can_be_tried_again(api: Api) -> None:
    job = Working(api)
    job.claim()
    back = job.fail(retry=True).body
    assert (back["job"]["state"], back["job"]["error"], back["replayed"]) == ("pending", "no paper", False)
    assert job.fail(retry=True).body == {**back, "replayed": True}
    assert kind(job.complete()) == (409, "fenced")
    assert job.claim().body["attempt"] == 2
    assert kind(job.fail(attempt=1, retry=True)) == (409, "fenced")
    failed = job.fail().body
    assert (failed["job"]["state"], failed["job"]["logged"]) == ("failed", True)
    assert [one["content"] for one in job.results()] == ["The job failed: no paper"]
    assert job.complete().body == {**failed, "replayed": True}


def test_a_job_is_cancelled_at_once_if_nobody_works_on_it(api: Api) -> None:
    job = Working(api)
    reply = job.call("cancel", reason="changed my mind")
    assert (reply.status, reply.body["job"]["state"]) == (200, "cancelled")
    assert [one["content"] for one in job.results()] == ["The job was cancelled: changed my mind"]
    assert job.call("cancel").body == reply.body
    assert kind(job.claim()) == (409, "job_ended")


def test_who_cancels_a_job_is_heard_by_its_worker(api: Api, table: TableView) -> None:
    job = Working(api)
    job.claim()
    asked = job.call("cancel", reason="stop")
    assert (asked.status, asked.body["job"]["state"]) == (202, "running")
    assert job.heartbeat().body["cancel"] == asked.body["job"]["cancel"]
    assert job.call("cancel").status == 202
    job.moved_back(table, 29, "cancel")
    assert job.job["state"] == "running"
    job.moved_back(table, 31, "cancel")
    for reply in (job.heartbeat(), job.claim()):
        assert kind(reply) == (409, "job_ended")
        assert reply.body["state"] == "cancelled"
    late = job.complete()
    assert (late.body["job"]["state"], late.body["replayed"]) == ("cancelled", True)
    assert len(job.results()) == 1
    heeded = Working(api, job.session)
    heeded.claim()
    heeded.call("cancel")
    stopped = heeded.fail(retry=True).body
    assert (stopped["job"]["state"], stopped["replayed"]) == ("cancelled", False)


def test_a_cancel_after_the_end_answers_the_end(api: Api) -> None:
    job = Working(api)
    job.claim()
    job.complete()
    reply = job.call("cancel")
    assert (reply.status, reply.body["job"]["state"], reply.body["job"]["cancel"]) == (200, "completed", None)
    assert len(job.results()) == 1


def test_a_worker_asks_and_is_answered(api: Api) -> None:
    job = Working(api)
    job.claim()
    assert kind(job.call("input", input=1)) == (409, "not_asked")
    schema = {"type": "integer"}
    asked = job.call("ask", attempt=1, prompt="Which year?", schema=schema)
    assert asked.body["job"]["state"] == "input_required"
    assert asked.body["job"]["asked"] == {"prompt": "Which year?", "schema": schema}
    assert job.call("ask", attempt=1, prompt="Which year?", schema=schema).body == asked.body
    assert kind(job.claim()) == (409, "lease_held")
    answered = job.call("input", input=2026)
    assert (answered.body["job"]["state"], answered.body["job"]["answer"]) == ("running", 2026)
    assert job.call("input", input=2026.0).body == answered.body
    assert kind(job.call("input", input=2027)) == (409, "not_asked")
    assert job.call("ask", attempt=1, prompt="Which year?", schema=schema).body == answered.body
    job.call("ask", attempt=1, prompt="Sure?")
    assert job.complete("2026").status == 200
    assert kind(job.call("input", input="yes")) == (409, "job_ended")


def test_an_answer_is_for_what_was_asked_when_it_was_given(api: Api) -> None:
    job = Working(api)
    job.claim()
    job.call("ask", attempt=1, prompt="Delete the draft?")
    with first("TransactWriteItems", lambda: job.call("ask", attempt=1, prompt="Delete all?")):
        refused = job.call("input", input="yes")
    assert kind(refused) == (409, "not_asked")
    assert (job.job["state"], job.job["answer"]) == ("input_required", None)
    assert job.call("input", input="no").body["job"]["answer"] == "no"


@pytest.mark.parametrize("look", ["get", "list", "complete", "cancel", "sweep"])
def test_a_job_that_is_past_its_deadline_expires(api: Api, table: TableView, look: str) -> None:
    job = Working(api, deadline_seconds=60)
    job.claim()
    job.moved_back(table, 1, "deadline")
    for reply in (job.heartbeat(), job.claim()):
        assert (*kind(reply), reply.body["state"]) == (409, "job_ended", "expired")
    assert job.start().body["job"]["state"] == "expired"
    match look:
        case "get":
            assert job.job["state"] == "expired"
        case "list":
            (listed,) = wait_until(lambda: jobs_of(api, job.session))
            assert listed["state"] == "expired"
        case "complete":
            assert job.complete().body["replayed"]
        case "cancel":
            assert job.call("cancel").status == 200
        case _:
            assert api.invoke("SweepJobsFunction") is None
    assert [one["content"] for one in job.results()] == ["The job did not end before its deadline."]
    assert job.results()[0]["metadata"]["state"] == "expired"


def jobs_of(api: Api, session: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.call("GET", f"/sessions/{session}/jobs", query=query).body["jobs"]
    return found


def due(api: Api, table: TableView, count: int) -> list[Working]:
    """So many jobs that are past their deadline, each in a session of its own; the first is due first."""
    jobs = [Working(api) for _ in range(count)]
    for number, job in enumerate(jobs):
        job.moved_back(table, 100 - number, "deadline")
    return jobs


def ended(job: Working, table: TableView) -> bool:
    """Whether it has ended in the table, past what whoever looks does."""
    return "ended_at" in table.item(job.api.user or "", job.session, f"JOB#{job.job_id}")


@pytest.mark.thorough
def test_a_sweep_whose_time_is_over_leaves_the_rest_to_the_next(api: Api, table: TableView) -> None:
    assert api.invoke("SweepJobsFunction") is None
    jobs = due(api, table, 3)
    left = [60.0]
    with first("TransactWriteItems", lambda: left.append(1.5)):
        assert run(sweep_jobs(purge_store(lambda: left[-1]))) == 1
    assert [ended(job, table) for job in jobs].count(True) == 1
    assert api.invoke("SweepJobsFunction") is None
    assert all(ended(job, table) for job in jobs)


@pytest.mark.thorough
def test_a_job_that_cannot_be_ended_keeps_no_other_from_its_end(api: Api, table: TableView) -> None:
    assert api.invoke("SweepJobsFunction") is None
    jobs = [Working(api) for _ in range(4)]
    # The one that is looked at first: the sweep goes by partitions of the index.
    busy = min(jobs, key=lambda job: int(job.job_id[0], 16) % DUE_SHARDS)
    for job in jobs:
        job.moved_back(table, 200 if job is busy else 100, "deadline")
    left = [44.9]

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if busy.job_id in str(params):
            left[0] -= 4
            raise ConnectionClosedError(endpoint_url="the table")

    with hook("before-call.dynamodb.TransactWriteItems", refuse):
        assert run(sweep_jobs(purge_store(lambda: left[0]))) == 1
    assert {job.job_id for job in jobs if not ended(job, table)} == {busy.job_id}


def test_what_is_not_due_the_sweep_leaves_alone(api: Api) -> None:
    job = Working(api)
    before = job.job
    assert api.invoke("SweepJobsFunction") is None
    assert job.job == before


@pytest.mark.thorough
def test_jobs_are_listed_the_newest_first(api: Api) -> None:
    session = api.new(user("Hi"))
    jobs = [Working(api, session, tool=f"tool {n}") for n in range(5)]
    jobs[1].claim()
    newest_first = [job.job_id for job in reversed(jobs)]
    assert [job["job_id"] for job in jobs_of(api, session)] == newest_first
    assert [job["job_id"] for job in jobs_of(api, session, state="running")] == [jobs[1].job_id]
    assert jobs_of(api, session, state="failed") == []
    page = api.call("GET", f"/sessions/{session}/jobs", query={"limit": 3}).body
    rest = api.call(
        "GET", f"/sessions/{session}/jobs", query={"limit": 3, "cursor": page["next_cursor"]}
    ).body
    assert [job["job_id"] for job in page["jobs"] + rest["jobs"]] == newest_first
    assert rest["next_cursor"] is None
    for query in ({"cursor": "x"}, {"state": "done"}, {"limit": 0}, {"limit": 101}):
        assert api.call("GET", f"/sessions/{session}/jobs", query=query).status == 422


@pytest.mark.thorough
def test_a_page_of_jobs_fits_into_an_answer(api: Api) -> None:
    session = api.new(user("Hi"))
    jobs = [Working(api, session, input='"' * 40_000) for _ in range(45)]
    for job in jobs[:15]:
        job.claim()
        job.complete('"' * 79_000)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.call("GET", f"/sessions/{session}/jobs", query={"limit": 100, **cursor}).body
        seen += [job["job_id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [job.job_id for job in reversed(jobs)]


def test_who_waits_is_told_of_a_change(api: Api) -> None:
    job = Working(api)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(job.get, version=1, wait=20)
        job.claim()
        seen = waiting.result().body["job"]
        assert (seen["state"], seen["version"]) == ("running", 2)
        job.heartbeat()
        assert job.job["version"] == 2  # a lease wakes nobody
        waiting = pool.submit(job.get, version=2, wait=20)
        job.complete()
        assert waiting.result().body["job"]["state"] == "completed"
    assert job.get(version=3, wait=20).body["job"]["version"] == 3  # nothing comes any more


def test_a_job_without_a_call_logs_nothing(api: Api) -> None:
    job = Working(api, tool_call_id=None)
    job.claim()
    version = api.get(job.session).body["version"]
    ended = job.complete("done").body["job"]
    assert (ended["logged"], ended["result"], job.results()) == (False, "done", [])
    assert api.get(job.session).body["version"] == version
    counted = Working(api, job.session, tool_call_id=None)
    counted.claim()
    counted.complete("done", count={"successful_agent_schedules": {"nightly": 2}})
    assert api.get(job.session).body["successful_agent_schedules"] == {"nightly": 2}
    assert (api.get(job.session).body["message_count"], counted.job["logged"]) == (2, False)


@pytest.mark.parametrize(("to", "logged"), [(0, False), (1, False), (2, True)])
def test_the_result_of_a_call_that_was_rewound_away_is_not_logged(api: Api, to: int, *, logged: bool) -> None:
    job = Working(
        api, api.new(user("Hi"), CALL, {"role": "tool", "tool_call_id": "call_1", "content": "started"})
    )
    job.claim()
    assert api.rewind(job.session, to, 3).status == 200
    ended = job.complete().body["job"]
    assert (ended["state"], ended["logged"]) == ("completed", logged)
    assert len(job.results()) == (1 if logged else 0)


def test_a_result_counts_over_the_answer_that_the_job_was_started(api: Api) -> None:
    started = {"role": "tool", "tool_call_id": "call_1", "content": "started"}
    job = Working(api, api.new(user("Hi"), CALL, started, user("and?")))
    job.claim()
    job.complete("the report")
    exported = api.export(job.session).body["messages"]
    assert [one["content"] for one in exported if one["role"] == "tool"] == ["the report"]


def test_a_message_that_took_the_results_id_stays(api: Api) -> None:
    job = Working(api)
    job.claim()
    assert api.append(job.session, user("mine", message_id=f"job_{job.job_id}")).status == 201
    ended = job.complete().body["job"]
    assert (ended["state"], ended["logged"], job.results()) == ("completed", False, [])


@pytest.mark.thorough
def test_the_log_goes_on_while_jobs_end(api: Api) -> None:
    session = api.new(user("Hi"), CALL)
    jobs = [Working(api, session) for _ in range(6)]
    for job in jobs:
        job.claim()
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(job.complete, "done") for job in jobs for _ in range(2)]
        appends = [pool.submit(api.append, session, user("and")) for _ in range(6)]
        assert {one.result().status for one in ends} == {200}
        assert {one.result().status for one in appends} == {201}
    assert sorted(one.result().body["replayed"] for one in ends) == [False] * 6 + [True] * 6
    log = api.get(session).body["messages"]
    assert [one["sequence"] for one in log] == list(range(14))
    assert sorted(one["message_id"] for one in log if one["role"] == "tool") == sorted(
        f"job_{job.job_id}" for job in jobs
    )


LARGE = random.Random(0).randbytes(400_000).hex()
"""No item holds it."""


@pytest.mark.thorough
def test_a_large_result_is_in_each_answer(api: Api, bucket: BucketView) -> None:
    job = Working(api)
    job.claim()
    result = {"pages": [LARGE, LARGE]}
    done = job.complete(result).body
    assert (done["replayed"], done["job"]["result"]) == (False, result)
    assert len(bucket.of(api.user, job.session)) == 2  # of the job, and of the message
    (listed,) = wait_until(lambda: jobs_of(api, job.session))
    answers = [job.get(), job.start(), job.complete("late"), job.fail(), job.call("cancel")]
    assert [reply.body["job"] for reply in answers] == [done["job"]] * 5 == [listed] * 5
    assert json.loads(job.results()[0]["content"]) == result
    assert api.delete(job.session).status == 204
    wait_until(lambda: not bucket.of(api.user, job.session))


def test_the_large_result_of_a_webhook_is_kept(api: Api) -> None:
    job = Working(api, webhook=True, tool_call_id=None)
    assert job.hook(state="completed", result=LARGE).status == 200
    assert job.job["result"] == LARGE


@pytest.mark.thorough
def test_a_list_passes_over_a_job_that_is_forgotten_meanwhile(
    api: Api, table: TableView, bucket: BucketView
) -> None:
    session = api.new(user("Hi"))
    kept, gone = (Working(api, session, tool_call_id=None) for _ in range(2))
    for job in (kept, gone):
        job.claim()
        job.complete(LARGE)
    wait_until(lambda: len(jobs_of(api, session)) == 2)
    item = table.item(api.user or "", session, f"JOB#{gone.job_id}")

    def forget(parsed: dict[str, Any], **_: Any) -> None:
        if parsed.get("Item", {}).get("SK") == item["SK"]:  # it was read, and its result is not read yet
            table.client.delete_item(TableName=table.name, Key={"PK": item["PK"], "SK": item["SK"]})
            bucket.client.delete_object(Bucket=bucket.name, Key=item["result_object"]["S"])

    with hook("after-call.dynamodb.GetItem", forget):
        listed = api.call("GET", f"/sessions/{session}/jobs")
    assert listed.status == 200
    assert [job["job_id"] for job in listed.body["jobs"]] == [kept.job_id]


@pytest.mark.thorough
def test_a_large_result_goes_with_its_job(api: Api, table: TableView, bucket: BucketView) -> None:
    """Also where another job has been started with its key by then."""
    job = Working(api, tool_call_id=None)

    def complete() -> str:
        job.claim()
        job.complete(LARGE)
        named: str = table.item(api.user or "", job.session, f"JOB#{job.job_id}")["result_object"]["S"]
        return named

    former = complete()
    item = table.item(api.user or "", job.session, f"JOB#{job.job_id}")
    table.put(item | {"expires_at": {"N": "1"}})
    wait_until(lambda: job.get().status == 404)
    wait_until(lambda: former not in bucket.of(api.user, job.session))
    assert job.start().status == 201
    named = complete()
    record = {
        "eventName": "REMOVE",
        "dynamodb": {"Keys": {"PK": item["PK"], "SK": item["SK"]}, "SequenceNumber": "1"},
    }
    api.invoke("PurgeSessionFunction", Records=[record])
    assert named in bucket.of(api.user, job.session)
    assert job.job["result"] == LARGE


def test_without_a_bucket_a_large_result_is_refused(api: Api) -> None:
    job = Working(api)
    job.claim()
    with configured(TURNLOG_BUCKET=""):
        refused = job.complete(LARGE)
        assert kind(refused) == (413, "too_large")
        assert "TURNLOG_BUCKET" in refused.body["detail"]
        assert job.job["state"] == "running"
        assert job.complete("x" * 400_000).status == 200  # compressed it is small


def test_a_webhook_ends_its_job_and_no_other(api: Api) -> None:
    job = Working(api, webhook=True)
    webhook = job.started.body["webhook"]
    assert webhook["url"] == f"{api.url}/hooks/jobs"
    for token in ("", "x", webhook["token"] + "x", "a" * 5_000):
        refused = job.hook(token, state="completed")
        assert (refused.status, refused.body["type"]) == (401, "unauthenticated")
        assert refused.headers["www-authenticate"] == "Bearer"
    assert job.job["state"] == "pending"
    told = job.hook(state="running", progress="half")
    assert told.body == {"state": "running", "replayed": False}
    assert (job.job["progress"], job.job["attempt"]) == ("half", 1)
    assert kind(job.claim()) == (409, "lease_held")
    assert job.hook(state="failed").status == 422
    assert job.hook(state="completed", result={"n": 1}).body == {"state": "completed", "replayed": False}
    for body in ({"state": "completed", "result": {"n": 1}}, {"state": "failed", "error": "x"}):
        assert job.hook(**body).body == {"state": "completed", "replayed": True}
    assert job.hook(state="running").body == {"state": "completed", "replayed": True}
    assert [one["content"] for one in job.results()] == ['{"n":1}']
    assert "token" not in json.dumps(job.job)


def test_the_token_of_a_job_that_is_forgotten_is_none(api: Api, table: TableView) -> None:
    """The job's item may go before that of its webhook, and its Idempotency-Key may be used again."""
    job = Working(api, webhook=True)
    former = job.started.body["webhook"]["token"]
    assert job.hook(state="completed").status == 200
    item = table.item(api.user or "", job.session, f"JOB#{job.job_id}")
    table.put(item | {"expires_at": {"N": "1"}})
    wait_until(lambda: job.get().status == 404)
    assert job.hook(former, state="completed").status == 401
    job.started = job.start()
    assert (job.started.status, job.started.body["job"]["job_id"]) == (201, job.job_id)
    for state in ({"state": "running"}, {"state": "completed"}, {"state": "failed", "error": "x"}):
        assert job.hook(former, **state).status == 401
    assert job.job["state"] == "pending"
    assert job.hook(state="completed").body == {"state": "completed", "replayed": False}


@pytest.mark.thorough
def test_a_webhooks_token_is_in_no_key_of_the_table(api: Api, table: TableView) -> None:
    token = Working(api, webhook=True).started.body["webhook"]["token"]
    assert not [key for key in table.rows() if token in "".join(key)]


@pytest.mark.thorough
def test_a_deleted_session_has_no_job(api: Api, table: TableView) -> None:
    job = Working(api, webhook=True)
    job.claim()
    assert api.delete(job.session).status == 204
    replies = [
        job.start(),
        job.get(),
        job.claim(),
        job.heartbeat(),
        job.complete(),
        job.fail(),
        job.call("cancel"),
        job.call("ask", attempt=1, prompt="?"),
        job.call("input", input=1),
        api.call("GET", f"/sessions/{job.session}/jobs"),
    ]
    assert {reply.status for reply in replies} == {404}
    assert job.hook(state="completed").status == 401
    wait_until(lambda: len(table.session(api.user, job.session)) == 1)
    hooks = [item for key, item in table.rows().items() if key[0].startswith("HOOK#")]
    assert not [item for item in hooks if job.session in item["session"]["S"]]
    api.call("POST", "/sessions", {"session_id": job.session, "recreate": True})
    assert (job.get().status, jobs_of(api, job.session)) == (404, [])
    anew = Working(api, job.session, job.key)
    assert (anew.started.status, anew.job_id == job.job_id) == (201, False)


def test_a_job_is_of_no_session_that_is_begun_anew(api: Api) -> None:
    job = Working(api, webhook=True)
    job.claim()
    api.delete(job.session)
    api.call("POST", "/sessions", {"session_id": job.session, "recreate": True})
    for reply in (job.get(), job.claim(), job.heartbeat(), job.complete(), job.call("cancel")):
        assert reply.status == 404
    assert job.hook(state="completed").status == 401
    assert api.get(job.session).body["message_count"] == 0


def test_another_user_finds_no_job(api: Api, other: Api) -> None:
    job = Working(api)
    job.claim()
    job.api = other
    for reply in (job.get(), job.start(), job.claim(), job.complete(), job.call("cancel")):
        assert reply.status == 404
    other.call("POST", "/sessions", {"session_id": job.session})
    assert (job.get().status, jobs_of(other, job.session)) == (404, [])


def test_a_fork_gets_no_jobs(api: Api) -> None:
    job = Working(api)
    fork = api.call("POST", f"/sessions/{job.session}/fork", {}).body["session_id"]
    assert jobs_of(api, fork) == []
    job.claim()
    job.complete()
    assert api.get(fork).body["message_count"] == 2


def test_an_ended_job_is_kept_for_a_while(api: Api, table: TableView) -> None:
    job = Working(api)
    item = table.item(api.user or "", job.session, f"JOB#{job.job_id}")
    assert ("expires_at" in item, "GSI2PK" in item) == (False, True)
    job.claim()
    job.complete()
    item = table.item(api.user or "", job.session, f"JOB#{job.job_id}")
    assert 29.9 < (int(item["expires_at"]["N"]) - datetime.now(UTC).timestamp()) / 86_400 < 30.1
    assert not {"GSI2PK", "due_at"} & set(item)
    table.put(item | {"expires_at": {"N": "1"}})
    wait_until(lambda: job.get().status == 404)
    assert job.start().status == 201


@pytest.mark.thorough
def test_what_is_too_large_is_refused_before_anything_is_written(api: Api) -> None:
    job = Working(api)
    job.claim()
    version = job.job["version"]
    for reply in (
        job.start(input="x" * 98_304),
        job.complete("x" * 4_500_000),
        job.heartbeat(progress="x" * 4_096),
        job.call("ask", attempt=1, prompt="?", schema={"x": "y" * 16_384}),
        job.complete(count={"successful_agent_runs": {"x" * 40_000: 1}}),
    ):
        assert kind(reply) == (413, "too_large")
    assert job.job["version"] == version
    assert job.heartbeat(progress="x" * 4_094).status == 200
    assert job.complete("\u20ac" * 54_000).status == 200
    assert Working(api, input="x" * 98_302, tool_call_id="c" * 65_536).started.status == 201


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("claim", {"lease_seconds": 0}),
        ("claim", {"lease_seconds": 3601}),
        ("heartbeat", {}),
        ("heartbeat", {"attempt": 0}),
        ("heartbeat", {"attempt": "1"}),
        ("complete", {"attempt": 1}),
        ("complete", {"attempt": 1, "result": 1, "count": {"runs": {"a": 1}}}),
        ("complete", {"attempt": 1, "result": 1, "count": {"successful_agent_runs": {"a": -1}}}),
        ("fail", {"attempt": 1}),
        ("fail", {"attempt": 1, "error": ""}),
        ("fail", {"attempt": 1, "error": "x" * 2_001}),
        ("cancel", {"why": "x"}),
        ("ask", {"attempt": 1}),
        ("ask", {"attempt": 1, "prompt": "?", "schema": 1}),
        ("input", {}),
    ],
)
def test_what_makes_no_sense_is_refused(api: Api, place: str, body: Any) -> None:
    job = Working(api)
    job.claim()
    before = job.job
    assert kind(job.call(place, **body)) == (422, "invalid")
    assert job.job == before


@pytest.mark.parametrize(
    "body",
    [
        {"tool": ""},
        {"tool": "x" * 257},
        {"deadline_seconds": 0},
        {"deadline_seconds": 2_592_001},
        {"then": "turn"},
        {"tool_call_id": ""},
        {"tool_call_id": "\u20ac" * 30_000},
        {"webhook": "yes"},
        {"what": 1},
    ],
)
def test_a_start_that_makes_no_sense_is_refused(api: Api, body: Any) -> None:
    job = Working(api)
    job.key = "another"
    assert kind(job.start(**body)) == (422, "invalid")


@pytest.mark.parametrize("key", [None, "", "x" * 256, "a\tb"])
def test_a_start_needs_a_key(api: Api, key: str | None) -> None:
    session = api.new()
    headers = {} if key is None else {"idempotency-key": key}
    reply = api.call("POST", f"/sessions/{session}/jobs", {"tool": "x"}, headers=headers)
    assert kind(reply) == (422, "invalid")
    assert "Idempotency-Key" in reply.body["detail"]


@pytest.mark.parametrize("query", [{"wait": 10_000}, {"wait": 21}, {"wait": -1}, {"version": "x"}])
def test_a_look_that_asks_for_too_much_is_refused(api: Api, query: Any) -> None:
    assert kind(Working(api).get(**query)) == (422, "invalid")


@pytest.mark.parametrize("job_id", ["x", "8D1F6A90-2F5E-5B1C-9A63-0F4F6C2B7D11", str(uuid4()) + "0"])
def test_what_is_no_jobs_id_is_refused(api: Api, job_id: str) -> None:
    session = api.new()
    assert api.call("GET", f"/sessions/{session}/jobs/{job_id}").status == 422
    assert api.call("GET", f"/sessions/{session}/jobs/{uuid4()}").status == 404
