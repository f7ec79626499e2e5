"""POST /sessions/{session_id}/jobs/{job_id}/cancel."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.cancel_job import handler

__all__ = ["handler"]
