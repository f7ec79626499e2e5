"""DELETE /sessions/{session_id}/cache."""

from turnlog.http.endpoints.drop_cache import handler

__all__ = ["handler"]
