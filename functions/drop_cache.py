"""DELETE /sessions/{session_id}/cache."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.drop_cache import handler

__all__ = ["handler"]
