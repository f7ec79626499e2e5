"""POST /sessions/{session_id}/streams/{stream_id}/take-over."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.take_over_stream import handler

__all__ = ["handler"]
