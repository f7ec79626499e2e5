"""What the contract says, in plain Python: sessions, without a table, a cache or a clock."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]
OBJECTS = ("credentials", "metadata", "successful_agent_runs", "successful_agent_schedules")
TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")


class Refused(Exception):
    """The answer is a problem of this status and type, with these members."""

    def __init__(self, status: int, code: str, **extra: Any) -> None:
        super().__init__(status, code, extra)
        self.status, self.code, self.extra = status, code, extra


@dataclass
class Stored:
    """A message.

    Attributes:
        sent: as it was sent.
        message_id: None until it is seen, if the server gave it.
        created_at: None until it is seen.
        added: tool calls that came later.
        usage: tokens of the append that it was the last message of.
        metadata: of the application.
        edits: the ids of the edits that it has had.
        edited_at: when it was replaced or removed; empty until that is seen, None if it never was.
    """

    sent: Message
    message_id: str | None = None
    created_at: str | None = None
    added: list[Message] = field(default_factory=list)
    usage: dict[str, int] | None = None
    metadata: Message = field(default_factory=dict)
    edits: set[str] = field(default_factory=set)
    edited_at: str | None = None

    def __post_init__(self) -> None:
        self.message_id = self.sent.get("message_id")
        self.sent = said(self.sent)

    @property
    def removed(self) -> bool:
        """Whether it was removed."""
        return "removed" in self.sent

    @property
    def calls(self) -> list[Message]:
        """Its tool calls, those that came later too."""
        return [*self.sent.get("tool_calls", []), *self.added]

    def shown(self, sequence: int, calls: list[Message]) -> Message:
        """As it is answered, with these tool calls."""
        server: Message = {
            "sequence": sequence,
            "message_id": self.message_id,
            "created_at": self.created_at,
        }
        server |= {"metadata": self.metadata} if self.metadata else {}
        server |= {"edited_at": self.edited_at} if self.edited_at is not None else {}
        return {**self.sent, **({"tool_calls": calls} if calls else {}), **server}

    def says(self, message: Message, calls: list[Message]) -> bool:
        """Whether a message that is sent says what this one does, with these tool calls."""
        return said(message) | {"tool_calls": message.get("tool_calls", [])} == self.sent | {
            "tool_calls": calls
        }


@dataclass
class Session:
    """A session that is there.

    Attributes:
        changed: when it was changed last, in the order of changes.
        origin: of a fork: the session that it was made of, and the sequence before which it began.
    """

    changed: int
    title: str | None = None
    version: int = 1
    log: list[Stored] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKENS, 0))
    objects: dict[str, Any] = field(default_factory=lambda: {name: {} for name in OBJECTS})
    draft: list[Message] | None = None
    rewound: tuple[int, int] | None = None
    origin: tuple[str, int] | None = None

    def shown(self) -> dict[str, Any]:
        """What an answer says of it, but for times and ids."""
        return {
            "title": self.title,
            "version": self.version,
            "message_count": len(self.log),
            "usage": self.usage,
            **self.objects,
        }

    def messages(self, first: int = 0, end: int | None = None) -> list[Message]:
        """The messages from `first` to before `end`, as they are answered."""
        return [one.shown(at, one.calls) for at, one in enumerate(self.log)][first:end]

    def check(self, if_match: int | None) -> None:
        """Refuse what is meant for another version."""
        if if_match not in {None, self.version}:
            raise Refused(412, "precondition_failed", version=self.version)

    def place(self, message: Message) -> int | None:
        """Where the message with this one's id stands."""
        given = message.get("message_id")
        places = [at for at, one in enumerate(self.log) if given and one.message_id == given]
        return places[0] if places else None

    def fork(self, sid: str, to: int | None, title: str | None, now: int) -> Session:
        """Another session with its messages before `to`, as they are now; `sid` is its own id."""
        end = len(self.log) if to is None else to
        if end > len(self.log):
            raise Refused(409, "sequence_mismatch", message_count=len(self.log))
        fork = Session(now, self.title if title is None else title, origin=(sid, end))
        fork.log = deepcopy(self.log[:end])
        for one in fork.log:
            one.usage, one.edits = None, set()
        origin = {"session_id": sid, "sequence": end}
        fork.objects["metadata"] = {**self.objects["metadata"], "forked_from": origin}
        return fork

    def append(
        self,
        messages: list[Message],
        usage: dict[str, int] | None,
        expected: int | None,
        fields: dict[str, Any],
        now: int,
    ) -> tuple[list[int], bool]:
        """The sequences of the messages, and whether all of them were there: then the fields are not set."""
        places = [self.place(message) for message in messages]
        differing: list[int] = []
        for at, message in zip(places, messages, strict=True):
            if at is None or self.log[at].edited_at is not None:  # what it said at first is gone
                continue
            if not self.log[at].says(message, self.log[at].sent.get("tool_calls", [])):
                differing.append(at)
        if differing:  # the first that is read
            raise Refused(409, "message_id_reused", sequence=min(differing))
        if None not in places:
            return [at for at in places if at is not None], True
        if expected not in {None, len(self.log)}:
            raise Refused(409, "sequence_mismatch", message_count=len(self.log))
        sequences = []
        for at, message in zip(places, messages, strict=True):
            sequences.append(len(self.log) if at is None else at)
            if at is None:
                self.log.append(Stored(message))
        self.log[-1].usage = summed(usage)
        self.usage = {name: self.usage[name] + summed(usage)[name] for name in TOKENS}
        self.objects |= {name: fields[name] for name in OBJECTS if name in fields}
        self.title = fields.get("title", self.title)
        self.touch(now)
        return sequences, False

    def edit(self, at: int, edit: Message, now: int) -> None:
        """Edit a message. An edit that changes nothing is known again as well."""
        if at >= len(self.log):
            raise Refused(404, "not_found")
        there = self.log[at]
        if edit.get("edit_id") in there.edits:  # it is made, whatever else is said of it
            return
        if edit.get("message_id") not in {None, there.message_id}:
            raise Refused(409, "message_moved")
        if there.removed:
            raise Refused(409, "removed")
        there.edits |= {edit["edit_id"]} if "edit_id" in edit else set()
        if "metadata" in edit:
            metadata = merged(there.metadata, edit["metadata"]) or {}
            if metadata == there.metadata:
                return
            there.metadata = metadata
        else:
            new = edit.get("replace") or {"role": there.sent["role"], "content": None, "removed": True}
            if new == there.sent and not there.metadata and not there.added:
                return
            there.sent, there.metadata, there.added, there.edited_at = new, {}, [], ""
        self.touch(now)

    def rewind(self, to: int, expected: int, now: int) -> bool:
        """Take away the messages from `to` on; whether there is nothing to do."""
        if len(self.log) == to and (to == expected or self.rewound == (to, expected)):
            return True
        if len(self.log) != expected:
            raise Refused(409, "sequence_mismatch", message_count=len(self.log))
        for one in self.log[to:]:
            spent = one.usage or dict.fromkeys(TOKENS, 0)
            self.usage = {name: self.usage[name] - spent[name] for name in TOKENS}
        self.usage = {name: max(0, sum_) for name, sum_ in self.usage.items()}
        self.log = self.log[:to]
        self.rewound = (to, expected)
        self.touch(now)
        return False

    def put(self, start: int, messages: list[Message], fields: dict[str, Any], now: int) -> None:
        """Make it hold these messages from `start` on, and these fields."""
        if start > len(self.log):
            raise Refused(409, "diverged", sequence=len(self.log), message_count=len(self.log))
        stored = self.log[start:]
        for at, (one, message) in enumerate(zip(stored, messages, strict=False), start):
            if message.get("message_id", one.message_id) != one.message_id or not one.says(
                message, one.calls
            ):
                raise Refused(409, "diverged", sequence=at, message_count=len(self.log))
        new = messages[len(stored) :]
        objects = {**self.objects, **{name: fields[name] for name in OBJECTS if name in fields}}
        usage = summed(fields["usage"]) if "usage" in fields else self.usage
        title = fields.get("title", self.title)
        if not new and (objects, usage, title) == (self.objects, self.usage, self.title):
            return
        for message in new:
            if (taken := self.place(message)) is not None:
                raise Refused(409, "message_id_reused", sequence=taken)
        self.log += map(Stored, new)
        self.objects, self.usage, self.title = objects, usage, title
        self.touch(now)

    def patch(self, changes: dict[str, Any], now: int) -> None:
        """Apply a merge patch to each object that is named."""
        objects = {**self.objects}
        for name in changes.keys() - {"touch"}:
            objects[name] = merged(objects[name], changes[name]) or {}
        if objects != self.objects:
            self.objects = objects
            self.touch(now if changes.get("touch", True) else self.changed)

    def retitle(self, title: str, now: int, *, only_if_unset: bool) -> None:
        """Set the title."""
        if self.title is None or not only_if_unset:
            self.title = title
            self.touch(now)

    def tool_call(self, call: Message, now: int) -> int:
        """The sequence of the message that bears it: of the newest, if there are more."""
        for at, one in reversed(list(enumerate(self.log))):
            if any(there["id"] == call["id"] for there in one.calls):
                return at
        self.touch(now)
        for at, one in reversed(list(enumerate(self.log))):
            if one.sent["role"] == "user":
                break
            if one.sent["role"] == "assistant" and not one.removed:
                one.added.append(call)
                return at
        self.log.append(Stored({"role": "assistant", "content": "", "tool_calls": [call]}))
        return len(self.log) - 1

    def touch(self, now: int) -> None:
        """It was changed."""
        self.version += 1
        self.changed = now


def said(message: Message) -> Message:
    """A message without what the server adds."""
    server = ("sequence", "message_id", "created_at", "edited_at", "metadata")
    return {name: value for name, value in message.items() if name not in server}


def summed(usage: dict[str, int] | None) -> dict[str, int]:
    """Tokens as the contract reads them: a total that is not given is the sum."""
    given = {"prompt_tokens": 0, "completion_tokens": 0, **(usage or {})}
    return {"total_tokens": given["prompt_tokens"] + given["completion_tokens"], **given}


def merged(target: Any, change: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(change, dict):
        return change
    result = {**target} if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
