"""Turnlog keeps the conversations of AI agents.

    from turnlog import Turnlog

    with Turnlog(url="http://127.0.0.1:3000", token="alice") as turnlog:
        session = turnlog.create_session()
        turnlog.append_messages(session.session_id, [{"role": "user", "content": "Hello"}])
        for message in turnlog.messages(session.session_id):
            print(message.role, message.content)

A session is an append-only log, and one conditional DynamoDB transaction is one append. The parts lie in
layers, the lowest first: errors, limits, settings, wire; `records`; `models`; `store`; `cache`; `drivers` and
`operations`; `http`; `client`; `integrations`. Each imports from what lies below it, and nothing imports from
here: a name is loaded when it is first used (PEP 562), so that a Lambda function loads no client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turnlog import errors, formats
    from turnlog.client.clients import AsyncTurnlog, Turnlog
    from turnlog.errors import TurnlogError
    from turnlog.models.answers import (
        Address,
        Answer,
        Appended,
        AppendedEntries,
        Asked,
        CancelAsked,
        ClaimedJob,
        CreatedFile,
        Draft,
        DraftMessage,
        EndedJob,
        EntryPage,
        EventPage,
        EventsAppended,
        ExportedSession,
        ExportedText,
        File,
        Files,
        FinishedStream,
        Health,
        Heartbeat,
        ImportedTranscript,
        Job,
        JobHeartbeat,
        JobNow,
        JobReported,
        Jobs,
        ListedFile,
        Message,
        MessageEdited,
        MessagePage,
        OpenAIMessages,
        OpenedStream,
        Repair,
        Rewound,
        Session,
        SessionPage,
        SessionWithMessages,
        Snapshot,
        StartedJob,
        Stream,
        StreamEvent,
        TakenOver,
        ToolCallAdded,
        Transcripts,
        TranscriptSummary,
        UsageSum,
        Webhook,
    )
    from turnlog.settings import Settings

__all__ = [
    "Address",
    "Answer",
    "Appended",
    "AppendedEntries",
    "Asked",
    "AsyncTurnlog",
    "CancelAsked",
    "ClaimedJob",
    "CreatedFile",
    "Draft",
    "DraftMessage",
    "EndedJob",
    "EntryPage",
    "EventPage",
    "EventsAppended",
    "ExportedSession",
    "ExportedText",
    "File",
    "Files",
    "FinishedStream",
    "Health",
    "Heartbeat",
    "ImportedTranscript",
    "Job",
    "JobHeartbeat",
    "JobNow",
    "JobReported",
    "Jobs",
    "ListedFile",
    "Message",
    "MessageEdited",
    "MessagePage",
    "OpenAIMessages",
    "OpenedStream",
    "Repair",
    "Rewound",
    "Session",
    "SessionPage",
    "SessionWithMessages",
    "Settings",
    "Snapshot",
    "StartedJob",
    "Stream",
    "StreamEvent",
    "TakenOver",
    "ToolCallAdded",
    "TranscriptSummary",
    "Transcripts",
    "Turnlog",
    "TurnlogError",
    "UsageSum",
    "Webhook",
    "errors",
    "formats",
]

_PLACES = {
    "AsyncTurnlog": "turnlog.client.clients",
    "Settings": "turnlog.settings",
    "Turnlog": "turnlog.client.clients",
    "TurnlogError": "turnlog.errors",
}
_ANSWERS = "turnlog.models.answers"


def __getattr__(name: str) -> Any:
    if name in {"errors", "formats"}:
        return import_module(f"turnlog.{name}")
    if name not in __all__:
        message = f"module 'turnlog' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_PLACES.get(name, _ANSWERS)), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
