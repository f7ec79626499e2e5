"""GET /sessions/{session_id}/openai-messages."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.export_openai_messages import handler

__all__ = ["handler"]
