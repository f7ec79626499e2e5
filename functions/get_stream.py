"""GET /sessions/{session_id}/streams/{stream_id}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.get_stream import handler

__all__ = ["handler"]
