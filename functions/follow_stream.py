"""GET /sessions/{session_id}/streams/{stream_id}/events."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.follow_stream import handler

__all__ = ["handler"]
