"""GET /sessions/{session_id}/streams/{stream_id}/snapshot."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.read_snapshot import handler

__all__ = ["handler"]
