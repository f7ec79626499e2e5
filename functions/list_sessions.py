"""GET /sessions."""

from turnlog.http.endpoints.list_sessions import handler

__all__ = ["handler"]
