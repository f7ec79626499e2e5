"""PUT /sessions/{session_id}/draft."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.put_draft import handler

__all__ = ["handler"]
