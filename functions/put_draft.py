"""PUT /sessions/{session_id}/draft."""

from turnlog.http.endpoints.put_draft import handler

__all__ = ["handler"]
