"""POST /sessions/{session_id}/jobs/{job_id}/ask."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.ask_job import handler

__all__ = ["handler"]
