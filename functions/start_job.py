"""POST /sessions/{session_id}/jobs."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.start_job import handler

__all__ = ["handler"]
