"""PATCH /sessions/{session_id}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.patch_session import handler

__all__ = ["handler"]
