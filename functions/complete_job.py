"""POST /sessions/{session_id}/jobs/{job_id}/complete."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.complete_job import handler

__all__ = ["handler"]
