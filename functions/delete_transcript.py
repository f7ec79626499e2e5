"""DELETE /sessions/{session_id}/transcripts/{name}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.delete_transcript import handler

__all__ = ["handler"]
