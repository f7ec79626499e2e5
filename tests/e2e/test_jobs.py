"""G10 with real processes: a job whose workers are killed is completed once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_processes import _ask, _created, _until
from tests.http_client import request

pytestmark = pytest.mark.real

if TYPE_CHECKING:
    from tests.http_client import Reply

CALL: dict[str, Any] = {
    "role": "assistant",
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "t", "arguments": "{}"}}],
}


def test_a_job_whose_workers_are_killed_is_completed_once(
    api: str, process_environment: dict[str, str], tmp_path: Path
) -> None:
    """The lease of one that was killed runs out; then the next one has the job, and the last one ends it."""
    session, journal = _created(api), tmp_path / "journal"
    _ask(session, "POST", "/messages", {"messages": [{"role": "user", "content": "q"}, CALL]})
    start, headers = {"tool": "t", "tool_call_id": "c"}, {"idempotency-key": "k"}
    job_id = request(session, "POST", "/jobs", start, headers, user="alice").body["job"]["job_id"]
    path = f"/jobs/{job_id}"

    def send(place: str, **body: Any) -> Reply:
        return request(session, "POST", f"{path}/{place}", body, user="alice")

    def noted() -> list[str]:
        return journal.read_text(encoding="utf-8").split() if journal.exists() else []

    command = [sys.executable, "-m", "tests.e2e.job_worker", api, Path(session).name, job_id, str(journal)]
    for attempt in (1, 2, 3):
        process = subprocess.Popen(command, env=process_environment)
        _until(lambda: noted().count(str(attempt)) > 1)  # noqa: B023 (called at once)
        send("claim").problem(409, "lease_held")
        if attempt < 3:  # the last one is let alone
            process.kill()
            process.wait()
    for attempt in (1, 2):
        send("complete", attempt=attempt, result="late").problem(409, "fenced")
    journal.with_suffix(".end").touch()
    assert process.wait() == 0
    job = _ask(session, "GET", path)["job"]
    assert (job["state"], job["attempt"], job["result"]) == ("completed", 3, "by attempt 3")
    for attempt in (1, 2, 3):
        late = send("complete", attempt=attempt, result="late").body
        assert late == {"job": job, "replayed": True}
    said = [(one["role"], one["content"]) for one in _ask(session, "GET")["messages"]]
    assert said == [("user", "q"), ("assistant", None), ("tool", "by attempt 3")]
