"""POST /sessions/{session_id}/rewind."""

from turnlog.http.endpoints.rewind_session import handler

__all__ = ["handler"]
