"""GET /sessions/{session_id}/messages/{sequence}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.get_message import handler

__all__ = ["handler"]
