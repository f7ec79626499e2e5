"""GET /sessions/{session_id}/transcripts."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.list_transcripts import handler

__all__ = ["handler"]
