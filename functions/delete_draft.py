"""DELETE /sessions/{session_id}/draft."""

from turnlog.http.endpoints.delete_draft import handler

__all__ = ["handler"]
