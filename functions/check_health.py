"""GET /health."""

from turnlog.http.endpoints.check_health import handler

__all__ = ["handler"]
