"""POST /sessions/{session_id}/rewind."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.rewind_session import handler

__all__ = ["handler"]
