"""DELETE /sessions/{session_id}."""

from turnlog.http.endpoints.delete_session import handler

__all__ = ["handler"]
