"""POST /sessions/{session_id}/fork."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.fork_session import handler

__all__ = ["handler"]
