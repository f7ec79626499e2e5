"""GET /sessions/{session_id}/export."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.export_session import handler

__all__ = ["handler"]
