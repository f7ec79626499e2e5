"""GET /sessions/{session_id}/openai-messages."""

from turnlog.http.endpoints.export_openai_messages import handler

__all__ = ["handler"]
