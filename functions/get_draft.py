"""GET /sessions/{session_id}/draft."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.get_draft import handler

__all__ = ["handler"]
