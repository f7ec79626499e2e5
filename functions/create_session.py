"""POST /sessions."""

from turnlog.http.endpoints.create_session import handler

__all__ = ["handler"]
