"""The bodies of requests about jobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from turnlog.limits import (
    JOB_DEADLINE_SECONDS,
    JOB_LEASE_SECONDS,
    MAX_JOB_DEADLINE_SECONDS,
    MAX_JOB_LEASE_SECONDS,
    NAME_LIMIT,
)
from turnlog.models.common import Closed, Counts, JsonObject, Text
from turnlog.wire import what_cannot_be_kept

_TOOL_LIMIT = 256


def _kept(value: Any) -> Any:
    if problem := what_cannot_be_kept(value):
        raise ValueError(problem)
    return value


def _call_id(value: str) -> str:
    if len(value.encode("utf-8", "surrogatepass")) > NAME_LIMIT:
        raise ValueError(f"must be at most {NAME_LIMIT} bytes")
    return value


Json = Annotated[Any, AfterValidator(_kept), WithJsonSchema({})]
"""Any JSON value."""

CallId = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT), AfterValidator(_call_id)]
Attempt = Annotated[
    int, Field(ge=1, lt=10**9, description="Of the job, as who claimed it was told.", examples=[1])
]
Lease = Annotated[
    int, Field(ge=1, le=MAX_JOB_LEASE_SECONDS, description="Seconds for which the job is its worker's.")
]


class StartJob(Closed):
    """The body of `POST /sessions/{session_id}/jobs`."""

    tool: Annotated[str, StringConstraints(min_length=1, max_length=_TOOL_LIMIT)] = Field(
        description="The name of the tool that does the work."
    )
    input: Json = Field(default=None, description="What it is called with: any JSON, at most 96 KB.")
    tool_call_id: CallId | None = Field(
        default=None,
        description="Of the call that the job's result answers, as a message of the log. Without it the log"
        " gets nothing.",
    )
    deadline_seconds: Annotated[int, Field(ge=1, le=MAX_JOB_DEADLINE_SECONDS)] = Field(
        default=JOB_DEADLINE_SECONDS, description="A job that has not ended by then is expired."
    )
    webhook: bool = Field(default=False, description="Answer a token with which `POST /hooks/jobs` ends it.")
    then: Literal["nothing"] = Field(default="nothing", description="What comes after its end.")


class ClaimJob(Closed):
    """The body of `POST …/jobs/{job_id}/claim`."""

    lease_seconds: Lease = JOB_LEASE_SECONDS


class HeartbeatJob(Closed):
    """The body of `POST …/jobs/{job_id}/heartbeat`."""

    attempt: Attempt
    lease_seconds: Lease = JOB_LEASE_SECONDS
    progress: Json = Field(
        default=None, description="How far the work is: any JSON, at most 4 KB. Null: as it was."
    )


class JobCount(Closed):
    """What is added to the session's counters."""

    successful_agent_runs: Counts = Field(default={}, examples=[{"reporter": 1}])
    successful_agent_schedules: Counts = Field(default={})


class CompleteJob(Closed):
    """The body of `POST …/jobs/{job_id}/complete`."""

    attempt: Attempt
    result: Json = Field(
        description="Any JSON, at most 4.5 MB; without a bucket 160 KB. The message in the log has a string"
        " as it is, and other JSON as text."
    )
    count: JobCount | None = Field(
        default=None, description="Added to the session's counters in the same transaction."
    )

    def counted(self) -> dict[str, dict[str, int]]:
        """The counters that grow."""
        return {} if self.count is None else self.count.model_dump()


class FailJob(Closed):
    """The body of `POST …/jobs/{job_id}/fail`."""

    attempt: Attempt
    error: Text = Field(description="What went wrong; the message in the log has it.")
    retry: bool = Field(default=False, description="Give the job back, to be claimed again.")


class CancelJob(Closed):
    """The body of `POST …/jobs/{job_id}/cancel`."""

    reason: Text | None = None


class AskJob(Closed):
    """The body of `POST …/jobs/{job_id}/ask`."""

    attempt: Attempt
    prompt: Text = Field(description="What the job's owner is asked.")
    schema_: JsonObject = Field(
        default=None,
        alias="schema",
        description="A JSON schema of the answer, for who gives it. Turnlog does not check it.",
    )


class AnswerJob(Closed):
    """The body of `POST …/jobs/{job_id}/input`."""

    input: Json = Field(description="The answer: any JSON, at most 16 KB.")


class ReportJob(Closed):
    """The body of `POST /hooks/jobs`."""

    state: Literal["completed", "failed", "running"]
    result: Json = Field(
        default=None,
        description="Of one that is completed: any JSON, at most 4.5 MB; without a bucket 160 KB.",
    )
    error: Text | None = Field(default=None, description="Of one that failed: what went wrong.")
    progress: Json = Field(default=None, description="Of one that runs: any JSON, at most 4 KB.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.state == "failed" and self.error is None:
            msg = "error is required where state is failed"
            raise ValueError(msg)
        return self
