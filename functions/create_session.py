"""POST /sessions."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.create_session import handler

__all__ = ["handler"]
