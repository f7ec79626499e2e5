"""Where each operation is served. Written by `make generate`, from the template: change that."""

from __future__ import annotations

ROUTES = {
    "create_session": ("POST", "/sessions"),
    "list_sessions": ("GET", "/sessions"),
    "get_session": ("GET", "/sessions/{session_id}"),
    "put_session": ("PUT", "/sessions/{session_id}"),
    "patch_session": ("PATCH", "/sessions/{session_id}"),
    "set_title": ("PATCH", "/sessions/{session_id}/title"),
    "delete_session": ("DELETE", "/sessions/{session_id}"),
    "append_messages": ("POST", "/sessions/{session_id}/messages"),
    "list_messages": ("GET", "/sessions/{session_id}/messages"),
    "get_message": ("GET", "/sessions/{session_id}/messages/{sequence}"),
    "edit_message": ("PATCH", "/sessions/{session_id}/messages/{sequence}"),
    "add_tool_call": ("POST", "/sessions/{session_id}/tool-calls"),
    "rewind_session": ("POST", "/sessions/{session_id}/rewind"),
    "fork_session": ("POST", "/sessions/{session_id}/fork"),
    "export_openai_messages": ("GET", "/sessions/{session_id}/openai-messages"),
    "export_session": ("GET", "/sessions/{session_id}/export"),
    "list_transcripts": ("GET", "/sessions/{session_id}/transcripts"),
    "append_entries": ("POST", "/sessions/{session_id}/transcripts/{name}"),
    "read_entries": ("GET", "/sessions/{session_id}/transcripts/{name}"),
    "import_transcript": ("PUT", "/sessions/{session_id}/transcripts/{name}"),
    "delete_transcript": ("DELETE", "/sessions/{session_id}/transcripts/{name}"),
    "put_draft": ("PUT", "/sessions/{session_id}/draft"),
    "get_draft": ("GET", "/sessions/{session_id}/draft"),
    "delete_draft": ("DELETE", "/sessions/{session_id}/draft"),
    "create_file": ("POST", "/sessions/{session_id}/files"),
    "list_files": ("GET", "/sessions/{session_id}/files"),
    "get_file": ("GET", "/sessions/{session_id}/files/{file_id}"),
    "delete_file": ("DELETE", "/sessions/{session_id}/files/{file_id}"),
    "drop_cache": ("DELETE", "/sessions/{session_id}/cache"),
    "check_health": ("GET", "/health"),
}
"""By an operation's name: method and path."""
