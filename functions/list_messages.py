"""GET /sessions/{session_id}/messages."""

from turnlog.http.endpoints.list_messages import handler

__all__ = ["handler"]
