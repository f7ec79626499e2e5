"""GET /sessions/{session_id}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.get_session import handler

__all__ = ["handler"]
