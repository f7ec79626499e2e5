"""POST /sessions/{session_id}/streams/{stream_id}/cancel."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.cancel_stream import handler

__all__ = ["handler"]
