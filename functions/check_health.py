"""GET /health."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.check_health import handler

__all__ = ["handler"]
