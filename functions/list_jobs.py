"""GET /sessions/{session_id}/jobs."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.list_jobs import handler

__all__ = ["handler"]
