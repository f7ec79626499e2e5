"""What every format has a word for: turns, and what is said in them.

A stored message is read into turns (`reading`), turns are repaired (`repairing`), and each format writes
them. Where a part came from one provider, it keeps its `origin`: that provider gets it back as it gave it.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple, TypeAlias

from turnlog.errors import TurnlogError
from turnlog.wire import loads, what_cannot_be_kept

Json: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["image", "audio", "video", "file"]
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]


class Origin(NamedTuple):
    """Where a part came from.

    Attributes:
        dialect: `chat`, `responses`, `anthropic`, `bedrock`, `gemini` or `ai-sdk`.
        raw: the part as that provider or SDK spells it, without null members.
        envelope: of a message item of the Responses API: its fields beside `content`. Parts of one item share
            the object.
    """

    dialect: str
    raw: Json
    envelope: Json | None = None


class Text(NamedTuple):
    """What somebody says.

    Attributes:
        sequence: of the stored message that holds it, as in all parts.
        refusal: the model says that it will not answer.
    """

    sequence: int
    text: str
    refusal: bool = False
    origin: Origin | None = None


class Media(NamedTuple):
    """An image, a recording, a film or a file.

    Attributes:
        data: base64 of its bytes; or `url`, or a provider's own `file_id`, or the `text` of a plain document.
        name: of the file.
        detail: how closely an OpenAI model looks at an image.
    """

    sequence: int
    kind: Kind
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    text: str = ""
    name: str = ""
    detail: str = ""
    origin: Origin | None = None

    @property
    def data_url(self) -> str:
        """Its bytes as a URL; empty where they are not here."""
        return f"data:{self.media_type or 'application/octet-stream'};base64,{self.data}" if self.data else ""

    @property
    def address(self) -> str:
        """Where any provider finds it: its bytes as a URL, or its place on the web; else empty."""
        return self.data_url or (self.url if self.url.startswith(("http://", "https://")) else "")


class Reasoning(NamedTuple):
    """What a model thought. It goes back to the provider that signed or encrypted it, and to no other."""

    sequence: int
    text: str
    origin: Origin | None = None


class Call(NamedTuple):
    """A call of a tool.

    Attributes:
        id: empty where the provider gives none (Gemini, Ollama, the old `function_call`).
        name: of the tool.
        arguments: JSON, as the model wrote it; of a `custom` tool any text.
        custom: its input is a text.
        extra: what Chat Completions' dialects need back beside it, such as `extra_content`.
    """

    sequence: int
    id: str
    name: str
    arguments: str
    custom: bool = False
    extra: Json = {}  # noqa: RUF012 (nobody writes to it)
    origin: Origin | None = None

    def input(self) -> Json:
        """The arguments as an object; what is none is its only member."""
        if self.custom:
            return {"input": self.arguments}
        read = parsed(self.arguments) if self.arguments.strip() else {}
        return read if isinstance(read, dict) else {"arguments": self.arguments}


class Malformed(NamedTuple):
    """A tool call without a name, or without the id that its format must have: no provider takes it."""

    sequence: int


class Result(NamedTuple):
    """What a tool answered.

    Attributes:
        call_id: of the call; empty where only the tool's `name` says which.
        content: its texts and media.
        value: where it was JSON and no text, that JSON; else None.
        error: the tool failed.
        job: the job that did it (`metadata.job_id`): of several results that one counts.
        missing: nothing is stored; this one says so.
    """

    sequence: int
    call_id: str
    content: tuple[Text | Media, ...]
    name: str = ""
    value: Any = None
    error: bool = False
    job: bool = False
    missing: bool = False
    origin: Origin | None = None

    @property
    def text(self) -> str:
        """Its texts, by lines."""
        return "\n".join(part.text for part in self.content if isinstance(part, Text))


class Other(NamedTuple):
    """What one provider alone has a word for.

    Attributes:
        kind: its type there.
        said: it is a part of what was said, so that its place must not be empty elsewhere.
    """

    sequence: int
    kind: str
    origin: Origin
    said: bool = True


Part: TypeAlias = Text | Media | Reasoning | Call | Malformed | Result | Other


class Turn(NamedTuple):
    """What one role says in one go. A `tool` turn holds results alone, and no other turn holds one.

    Attributes:
        message: the stored message, for its `message_id` and the like; the first, where several were merged.
    """

    sequence: int
    role: Role
    parts: list[Part]
    message: Json
    name: str = ""


class Repair(NamedTuple):
    """What was changed so that a provider accepts the history.

    Attributes:
        sequence: of the stored message that it is about.
        what: what was done, in words.
    """

    sequence: int
    what: str


class Written(NamedTuple):
    """A history in one format.

    Attributes:
        body: as the provider takes it, `{"messages": […]}` or the like.
        repairs: by sequence.
        skipped: how many tool calls were malformed.
    """

    body: Json
    repairs: list[Repair]
    skipped: int = 0


def parsed(text: str) -> Any:
    """The JSON in a text; None where it is none, or not what an answer can carry."""
    try:
        value = loads(text)
    except TurnlogError:
        return None
    return value if what_cannot_be_kept(value) is None else None


def encoded(value: Any) -> str:
    """JSON of a value, compact."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
