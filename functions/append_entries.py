"""POST /sessions/{session_id}/transcripts/{name}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.append_entries import handler

__all__ = ["handler"]
