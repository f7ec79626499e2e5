"""PATCH /sessions/{session_id}."""

from turnlog.http.endpoints.patch_session import handler

__all__ = ["handler"]
