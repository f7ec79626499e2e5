"""PUT /sessions/{session_id}."""

from turnlog.http.endpoints.put_session import handler

__all__ = ["handler"]
