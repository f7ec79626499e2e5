"""POST /sessions/{session_id}/files."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.create_file import handler

__all__ = ["handler"]
