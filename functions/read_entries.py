"""GET /sessions/{session_id}/transcripts/{name}."""

from turnlog.http.endpoints.read_entries import handler

__all__ = ["handler"]
