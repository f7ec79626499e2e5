"""POST /sessions/{session_id}/tool-calls."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.add_tool_call import handler

__all__ = ["handler"]
