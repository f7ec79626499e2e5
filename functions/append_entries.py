"""POST /sessions/{session_id}/transcripts/{name}."""

from turnlog.http.endpoints.append_entries import handler

__all__ = ["handler"]
