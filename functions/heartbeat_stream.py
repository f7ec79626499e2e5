"""POST /sessions/{session_id}/streams/{stream_id}/heartbeat."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.heartbeat_stream import handler

__all__ = ["handler"]
