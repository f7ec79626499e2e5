"""POST /sessions/{session_id}/streams/{stream_id}/finish."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.finish_stream import handler

__all__ = ["handler"]
