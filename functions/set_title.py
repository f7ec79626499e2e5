"""PATCH /sessions/{session_id}/title."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.set_title import handler

__all__ = ["handler"]
