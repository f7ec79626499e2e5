"""DELETE /sessions/{session_id}/files/{file_id}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.delete_file import handler

__all__ = ["handler"]
