"""G8: what jobs cost, counted in requests; it grows neither with the session nor with its jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.api import user
from tests.functional.bucket import bucket_requests
from tests.functional.test_jobs import CALL, LARGE, Working
from tests.functional.world import counted, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.api import Api
    from tests.functional.world import TableView

_READ = ["GetItem", "GetItem"]
_MOVE = [*_READ, "TransactWriteItems"]


def cost(call: Callable[[], Any]) -> list[str]:
    """The requests to the table that a call leads to."""
    with counted() as requests:
        assert call().status in {200, 201, 202}
    return requests


@pytest.mark.parametrize("length", [1, 300])
def test_a_job(api: Api, length: int) -> None:
    session = api.new(user("q"), CALL)
    if length > 1:
        api.put(session, start_sequence=2, messages=[user(f"q{number}") for number in range(length)])
    with counted() as requests:
        job = Working(api, session)
    assert requests == ["GetItem", "TransactWriteItems"]
    for _ in range(20 if length > 1 else 0):
        Working(api, session)
    assert cost(job.start) == ["GetItem", "TransactWriteItems"]
    assert cost(job.claim) == _MOVE
    assert cost(job.heartbeat) == [*_READ, "UpdateItem"]
    assert cost(lambda: job.heartbeat(progress=1)) == [*_READ, "UpdateItem"]
    assert cost(lambda: job.call("ask", attempt=1, prompt="?")) == _MOVE
    assert cost(lambda: job.call("input", input=1)) == _MOVE
    assert cost(job.get) == _READ
    assert cost(lambda: job.call("cancel")) == _MOVE
    assert cost(job.complete) == [*_READ, "TransactWriteItems"]
    assert cost(job.complete) == _READ
    failing, cancelled = Working(api, session), Working(api, session)
    failing.claim()
    assert cost(failing.fail) == _MOVE
    assert cost(lambda: cancelled.call("cancel")) == _MOVE


def test_a_large_result_is_put_once_and_read_by_each_answer(api: Api) -> None:
    job = Working(api, tool_call_id=None)
    job.claim()
    with bucket_requests() as asked:
        assert job.complete(LARGE).status == 200
        assert asked == ["PutObject"]
        assert job.get().status == 200
        assert asked == ["PutObject", "GetObject"]
        assert job.complete().status == 200
    assert asked == ["PutObject", "GetObject", "GetObject"]


def test_a_page_of_jobs_reads_each_of_them_once(api: Api) -> None:
    session = api.new(user("q"))
    jobs = [Working(api, session) for _ in range(8)]
    path = f"/sessions/{session}/jobs"
    wait_until(lambda: len(api.call("GET", path).body["jobs"]) == len(jobs))
    requests = cost(lambda: api.call("GET", path, query={"limit": 3}))
    assert requests == ["GetItem", "Query", *["GetItem"] * 3]


def test_a_sweep_that_finds_nothing(api: Api) -> None:
    Working(api)
    assert api.invoke("SweepJobsFunction") is None
    with counted() as requests:
        api.invoke("SweepJobsFunction")
    assert requests == ["Query"] * 4


def test_a_lease_that_is_kept_moves_no_index(api: Api, table: TableView) -> None:
    """What an index holds of a job stays from its start to its end: else each heartbeat would cost more."""
    job = Working(api)
    job.claim()

    def indexed() -> list[Any]:
        item = table.item(api.user or "", job.session, f"JOB#{job.job_id}")
        projected = {
            "title",
            "started_at",
            "updated_at",
            "version",
            "n",
            "p",
            "c",
            "t",
            "credentials",
            "metadata",
        }
        assert not projected & item.keys()
        return [item[name] for name in ("GSI1PK", "GSI1SK", "GSI2PK", "due_at")]

    before = indexed()
    job.heartbeat(progress="half")
    assert indexed() == before
