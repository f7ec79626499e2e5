"""POST /sessions/{session_id}/jobs/{job_id}/claim."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.claim_job import handler

__all__ = ["handler"]
