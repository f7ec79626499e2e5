"""GET /sessions."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.list_sessions import handler

__all__ = ["handler"]
