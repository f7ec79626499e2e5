"""PATCH /sessions/{session_id}/title."""

from turnlog.http.endpoints.set_title import handler

__all__ = ["handler"]
