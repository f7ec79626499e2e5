"""GET /sessions/{session_id}/jobs/{job_id}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.get_job import handler

__all__ = ["handler"]
