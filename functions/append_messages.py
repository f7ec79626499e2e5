"""POST /sessions/{session_id}/messages."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.append_messages import handler

__all__ = ["handler"]
