"""POST /sessions/{session_id}/tool-calls."""

from turnlog.http.endpoints.add_tool_call import handler

__all__ = ["handler"]
