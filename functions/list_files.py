"""GET /sessions/{session_id}/files."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.list_files import handler

__all__ = ["handler"]
