"""POST /sessions/{session_id}/jobs/{job_id}/fail."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.fail_job import handler

__all__ = ["handler"]
