"""POST /sessions/{session_id}/streams."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.open_stream import handler

__all__ = ["handler"]
