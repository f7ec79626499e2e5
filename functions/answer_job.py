"""POST /sessions/{session_id}/jobs/{job_id}/input."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.answer_job import handler

__all__ = ["handler"]
