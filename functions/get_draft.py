"""GET /sessions/{session_id}/draft."""

from turnlog.http.endpoints.get_draft import handler

__all__ = ["handler"]
