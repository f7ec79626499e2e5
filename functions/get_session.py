"""GET /sessions/{session_id}."""

from turnlog.http.endpoints.get_session import handler

__all__ = ["handler"]
