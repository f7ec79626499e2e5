"""POST /sessions/{session_id}/jobs/{job_id}/heartbeat."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.heartbeat_job import handler

__all__ = ["handler"]
