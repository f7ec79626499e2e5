"""GET /sessions/{session_id}/transcripts."""

from turnlog.http.endpoints.list_transcripts import handler

__all__ = ["handler"]
