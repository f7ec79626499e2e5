"""PUT /sessions/{session_id}/transcripts/{name}."""

from turnlog.http.endpoints.import_transcript import handler

__all__ = ["handler"]
