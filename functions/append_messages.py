"""POST /sessions/{session_id}/messages."""

from turnlog.http.endpoints.append_messages import handler

__all__ = ["handler"]
