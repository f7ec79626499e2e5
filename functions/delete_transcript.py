"""DELETE /sessions/{session_id}/transcripts/{name}."""

from turnlog.http.endpoints.delete_transcript import handler

__all__ = ["handler"]
