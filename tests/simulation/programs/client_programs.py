"""Programs that call the client's methods, knowing of sessions what its answers told them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.simulation.clients import SESSIONS
from tests.simulation.programs.calls import Program
from tests.simulation.stream_clients import event
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.programs.calls import Call
    from tests.simulation.programs.way import Way
    from tests.simulation.texts import Texts

_NAMES = ("main", "sub/a")
_REBORN = 0.3  # how many programs delete often, and begin anew what was deleted
METHODS = (
    *("append_messages",) * 5,
    *("set_title", "put_session", "patch_session", "rewind_session") * 3,
    *("add_tool_call", "get_session", "append_entries") * 2,
    *("edit_message",) * 3,
    "get_message",
    "create_session",
    "fork_session",
    "fork_session",
    "list_sessions",
    "list_messages",
    "export_openai_messages",
    "export_session",
    "put_draft",
    "get_draft",
    "delete_draft",
    "list_transcripts",
    "read_entries",
    "import_transcript",
    "create_file",
    "list_files",
    "get_file",
    *("open_stream", "append_events", "read_events") * 2,
    "get_stream",
    "finish_stream",
    "heartbeat_stream",
    "take_over_stream",
    "cancel_stream",
    "read_snapshot",
)
DELETIONS = ("delete_session", "delete_transcript", "delete_file")


class ClientProgram(Program):
    """A program.

    Args:
        rng: decides what it calls.
        texts: what it says; shared with all others.
        alone: no client does without ids, so it may leave them to `AsyncTurnlog`.
        methods: what it calls.
    """

    def __init__(
        self,
        way: Way,
        user: str,
        *,
        rng: Random,
        texts: Texts,
        alone: bool,
        methods: list[str],
    ) -> None:
        super().__init__(way, user)
        way.skew = rng.choice((0.0, 0.0, 0.05, -0.05))
        self._rng = rng
        self._texts = texts
        self._alone = alone
        self._methods = methods
        self._known: dict[str, dict[str, Any]] = {}

    async def run(self, calls: int) -> None:
        """Make so many calls, one after the other; some of those that may be made again, twice."""
        for _ in range(calls):
            rng = self._rng
            method, session = rng.choice(self._methods), SESSIONS[rng.choice((0, 0, 0, 0, 1))]
            asked = getattr(self, f"_{method}", _nothing)(**self._of(session))
            call = await self._made(method, session, asked)
            if call.again and call.name == "append_messages" and "message_id" in asked["messages"][0]:
                await self._made(method, session, asked)

    async def _made(self, method: str, session: str, asked: dict[str, Any]) -> Call:
        async def work() -> Any:
            if method in {"create_session", "list_sessions"}:
                return await getattr(self.turnlog, method)(**asked)
            return await getattr(self.turnlog, method)(session, **asked)

        call = await self.call(method, SessionKey(self.user, session), asked, work)
        if isinstance(call.returned, dict) and method != "fork_session":
            known = self._known.setdefault(session, {})
            names = ("version", "message_count", "file_id")
            known |= {name: call.returned[name] for name in names if name in call.returned}
            if "stream" in call.returned:
                stream = call.returned["stream"]
                known |= {"epoch": stream["epoch"], "seq": stream["seq"]}
            if method == "append_events":
                known["seq"] = call.returned["seq"]
            if method == "read_events":
                known["cursor"] = call.returned["cursor"]
            for message in call.returned.get("messages", []):
                if "sequence" in message:
                    known.setdefault("ids", {})[message["sequence"]] = message["message_id"]
        return call

    def _of(self, session: str) -> dict[str, Any]:
        """What it knows of a session."""
        known = self._known.get(session, {})
        return {
            "session": session,
            "count": known.get("message_count", 0),
            "version": known.get("version"),
            "ids": known.get("ids", {}),
            "epoch": known.get("epoch", 1_800_000_000),
            "seq": known.get("seq", 0),
            "cursor": known.get("cursor"),
        }

    def _match(self, version: int | None) -> dict[str, int]:
        return {"if_match": version} if version and self._rng.random() < 0.6 else {}

    def _messages(self, *sizes: int) -> list[dict[str, Any]]:
        rng = self._rng
        named = not self._alone or rng.random() < 0.5
        return [self._texts.message(self.user, named=named) for _ in range(rng.choice(sizes))]

    def _usage(self) -> dict[str, Any]:
        return {"usage": {"prompt_tokens": self._rng.randrange(100)}} if self._rng.random() < 0.3 else {}

    def _append_messages(self, count: int, **_: Any) -> dict[str, Any]:
        rng = self._rng
        expected = {"expected_sequence": max(0, count + rng.choice((0, 0, 1)))} if rng.random() < 0.4 else {}
        also = {"set": {"metadata": {"set": self._texts.mark()}}} if self._rng.random() < 0.2 else {}
        return {"messages": self._messages(1, 2, 3), **self._usage(), **expected, **also}

    def _put_session(self, count: int, version: int | None, **_: Any) -> dict[str, Any]:
        rng, mark = self._rng, self._texts.mark()
        start = {"start_sequence": count} if count or rng.random() < 0.5 else {}
        fields = rng.choice(
            ({}, {"title": f"{mark} of {self.user}."}, {"metadata": {"put": mark}}, self._usage())
        )
        return {"messages": self._messages(0, 1, 2, 7), **start, **fields, **self._match(version)}

    def _set_title(self, version: int | None, **_: Any) -> dict[str, Any]:
        unset = {"only_if_unset": True} if self._rng.random() < 0.2 else {}
        return {"title": f"{self._texts.mark()} of {self.user}.", **unset, **self._match(version)}

    def _patch_session(self, version: int | None, **_: Any) -> dict[str, Any]:
        rng = self._rng
        patch = {rng.choice("ab"): rng.choice((None, self._texts.mark()))}
        return {"metadata": patch, **rng.choice(({}, {"touch": False})), **self._match(version)}

    def _rewind_session(self, count: int, version: int | None, **_: Any) -> dict[str, Any]:
        rng = self._rng
        end = max(0, count + rng.choice((0, 0, 0, 1, -1)))
        to = max(0, end - rng.choice((0, 1, 1, 2, 9)))
        return {"to_sequence": to, "expected_sequence": end, **self._match(version)}

    def _edit_message(self, count: int, version: int | None, ids: dict[int, str], **_: Any) -> dict[str, Any]:
        rng = self._rng
        sequence = rng.randrange(count + 1)
        named = {"message_id": ids[sequence]} if sequence in ids and rng.random() < 0.7 else {}
        edit = rng.choice(
            (
                {"removed": True},
                {"replace": self._texts.message(self.user, named=False)},
                {"metadata": {rng.choice("ab"): rng.choice((None, self._texts.mark()))}},
            )
        )
        return {"message": sequence, **named, **edit, **self._match(version)}

    def _get_message(self, count: int, **_: Any) -> dict[str, Any]:
        return {"sequence": self._rng.randrange(count + 1)}

    def _add_tool_call(self, **_: Any) -> dict[str, Any]:
        named = {"id": f"call-{self._texts.mark()}"} if self._rng.random() < 0.6 else {}
        return {"tool_call": self._texts.call(self.user) | named}

    def _get_session(self, **_: Any) -> dict[str, Any]:
        return dict(self._rng.choice(({}, {"limit": 1}, {"limit": 0}, {"draft": True})))

    def _list_messages(self, **_: Any) -> dict[str, Any]:
        return dict(self._rng.choice(({"limit": 2}, {"after": 0}, {"before": 3})))

    def _export_openai_messages(self, **_: Any) -> dict[str, Any]:
        return dict(self._rng.choice(({}, {"limit": 2})))

    def _export_session(self, **_: Any) -> dict[str, Any]:
        return {"format": self._rng.choice(("openai-responses", "anthropic", "ai-sdk"))}

    def _create_session(self, session: str, **_: Any) -> dict[str, Any]:
        title = {"title": f"{self._texts.mark()} of {self.user}."} if self._rng.random() < 0.5 else {}
        anew = {"recreate": True} if self._rng.random() < 0.5 else {}
        return {"session_id": session, "messages": self._messages(0, 1), **title, **self._usage(), **anew}

    def _fork_session(self, count: int, **_: Any) -> dict[str, Any]:
        rng = self._rng
        to = {"to_sequence": max(0, count - rng.choice((0, 0, 1, 2)))} if rng.random() < 0.5 else {}
        title = {"title": f"{self._texts.mark()} of {self.user}."} if rng.random() < 0.3 else {}
        return {"fork_id": f"f{rng.randrange(4)}", **to, **title}

    def _put_draft(self, **_: Any) -> dict[str, Any]:
        text = f"draft {self._texts.mark()} of {self.user}."
        return {"messages": [{"role": "assistant", "content": text}]}

    def _entries(self, *sizes: int) -> list[dict[str, Any]]:
        marks = [self._texts.mark() for _ in range(self._rng.choice(sizes))]
        named = self._rng.random() < 0.6
        return [
            ({"uuid": f"uuid-{mark}"} if named else {}) | {"text": f"{mark} of {self.user}."}
            for mark in marks
        ]

    def _append_entries(self, **_: Any) -> dict[str, Any]:
        expected = {"expected_position": self._rng.randrange(3)} if self._rng.random() < 0.2 else {}
        return {"name": self._rng.choice(_NAMES), "entries": self._entries(1, 2, 3), **expected}

    def _import_transcript(self, **_: Any) -> dict[str, Any]:
        lines = "".join(json.dumps(entry) + "\n" for entry in self._entries(1, 3, 5))
        return {"name": self._rng.choice(_NAMES), "source": lines}

    def _read_entries(self, **_: Any) -> dict[str, Any]:
        return {"name": self._rng.choice(_NAMES)}

    def _create_file(self, **_: Any) -> dict[str, Any]:
        return {"name": f"of {self.user}.", "media_type": "a/b", "size": 1, "sha256": "0" * 64}

    def _get_file(self, session: str, **_: Any) -> dict[str, Any]:
        return {"file_id": self._known.get(session, {}).get("file_id", "0" * 32)}

    def _delete_file(self, session: str, **_: Any) -> dict[str, Any]:
        return self._get_file(session)

    def _open_stream(self, **_: Any) -> dict[str, Any]:
        return {"stream_id": "a", "lease_seconds": self._rng.choice((1, 30))}

    def _append_events(self, epoch: int, seq: int, **_: Any) -> dict[str, Any]:
        first = max(1, seq + self._rng.choice((1, 1, 1, 0, 2)))
        events = [event(self.user, "a", epoch, first + at) for at in range(self._rng.choice((1, 2)))]
        return {"stream_id": "a", "events": events, "epoch": epoch, "first_seq": first}

    def _read_events(self, cursor: str | None, **_: Any) -> dict[str, Any]:
        return {"stream_id": "a", "wait": self._rng.choice((0, 2))} | ({"after": cursor} if cursor else {})

    def _finish_stream(self, epoch: int, **_: Any) -> dict[str, Any]:
        said = [self._texts.message(self.user, named=True) for _ in range(self._rng.choice((0, 1, 2)))]
        return {"stream_id": "a", "epoch": epoch, "messages": said}

    def _heartbeat_stream(self, epoch: int, **_: Any) -> dict[str, Any]:
        return {"stream_id": "a", "epoch": epoch}

    def _get_stream(self, **_: Any) -> dict[str, Any]:
        return {"stream_id": "a"}

    _read_snapshot = _cancel_stream = _take_over_stream = _get_stream

    def _delete_transcript(self, **_: Any) -> dict[str, Any]:
        return {"name": self._rng.choice(_NAMES)}


def _nothing(**_: Any) -> dict[str, Any]:
    """What a method is asked that takes no more than the session."""
    return {}


def methods_of(rng: Random) -> list[str]:
    """Methods, of which some are left out and some are frequent; in every other schedule only a few."""
    if rng.random() < 0.5:
        return [*rng.sample(sorted({*METHODS}), 3), rng.choice(METHODS), "append_messages"]
    deletions = [method for method in DELETIONS if rng.random() < 0.25]
    if rng.random() < _REBORN:
        deletions += ["delete_session", "create_session", "create_session"] * 2
    return [method for method in METHODS if rng.random() < 0.6] + deletions + ["append_messages", "set_title"]
