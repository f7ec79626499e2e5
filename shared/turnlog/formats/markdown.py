"""A history for people: Markdown.

Each message stands under a heading that says whose it is. What a tool was asked and what it answered stands
in a fence that nothing in it can close. A line of a message that looks like one of these headings, or makes
one of the line above it, is escaped, and so is HTML. A fence that a message leaves open is closed. What one
says never reads as another's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from turnlog.formats.neutral import Call, Malformed, Media, Other, Reasoning, Result, Text
from turnlog.formats.reading import turns
from turnlog.formats.wording import described, left_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from turnlog.formats.neutral import Json, Part

_TITLES = {
    "system": "System",
    "developer": "Developer",
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tool result",
}
_HEADING = re.compile(
    r"^( {0,3})(#{1,6}[ \t][^A-Za-z0-9]*(?:(?:System|Developer|User|Assistant|Tool)\b|(?<=&)#?\w))"
)
# A line below a text makes a heading of it, whatever the text is.
_UNDERLINE = re.compile(r"^( {0,3})(=+|-+)(?=[ \t]*$)")
# A tag or a comment may hide what follows, or be a heading. What is escaped or code is none.
_TAG = re.compile(r"\\.|(?P<code>(?<!`)(`+)(?!`)[^|]{0,500}?(?<!`)\2(?!`))|(?P<tag><(?=[!?/A-Za-z]))")
_END = re.compile(r"(\r\n|\n|\r)")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_RUN = re.compile(r"`+")
_IMAGE = "image/"


def write(messages: Iterable[Json]) -> str:
    """The messages as one text. Half of a character's pair becomes U+FFFD, as UTF-8 cannot hold it."""
    blocks = [block for at, message in enumerate(messages) for block in _message(message, at)]
    text = "".join(f"{block}\n\n" for block in blocks)
    # Two halves that belong together are one character; one alone is none.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _message(message: Json, at: int) -> Iterable[str]:
    for turn in turns(message, at):
        if turn.role == "tool":
            for part in turn.parts:
                if isinstance(part, Result):
                    yield from _result(part)
            continue
        shown = [text for part in turn.parts if (text := _part(part))]
        if turn.parts and not shown:  # such as reasoning that is encrypted
            continue
        name = f" ({_line(turn.name)})" if turn.name else ""
        yield f"## {_TITLES[turn.role]}{name}"
        yield from shown


def _part(part: Part) -> str:  # noqa: PLR0911 (one for each kind)
    match part:
        case Text():
            return _said(part.text)
        case Reasoning():
            return "\n".join(f"> {line}".rstrip() for line in part.text.splitlines())
        case Call():
            return f"**Tool call** {_code(part.name)} {_code(part.id) if part.id else ''}".rstrip() + (
                f"\n\n{_fenced(part.arguments, '' if part.custom else 'json')}"
            )
        case Media():
            return _medium(part)
        case Malformed():
            return left_out("a malformed tool call")
        case Other():
            return left_out(part.kind)
    return ""


def _result(part: Result) -> Iterable[str]:
    about = " ".join(_code(one) for one in (part.name, part.call_id) if one)
    failed = " (failed)" if part.error else ""
    yield f"## {_TITLES['tool']} {about}".rstrip() + failed
    texts = [one.text for one in part.content if isinstance(one, Text)]
    if texts:
        yield _fenced("\n".join(texts), "")
    for one in part.content:
        if isinstance(one, Media):
            yield _fenced(one.text, "") if one.text else left_out(_line(described(one)))


def _medium(part: Media) -> str:
    if part.text:
        return _said(part.text)
    if part.url.startswith(("http://", "https://")) and not set(part.url) & set("<>\n\r "):
        mark = "!" if part.kind == "image" else ""
        return f"{mark}[{_line(part.name or part.kind)}](<{part.url}>)"
    return left_out(_line(described(part)))


def _said(text: str) -> str:
    """What somebody said, in Markdown of its own."""
    pieces = _END.split(text)
    lines, ends = pieces[::2], [*pieces[1::2], ""]
    # One backtick that is left may make code of other lines than it seems to.
    spans = not any("`" in _TAG.sub("", line) for line in lines if not _FENCE.match(line))
    written: list[str] = []
    closing, certain, before = "", True, ""
    for line in lines:
        inside = bool(closing) and certain
        if found := _FENCE.match(line):
            mark, behind = found[1], found[2].strip()
            # One that is indented may be of a list, and end with it.
            certain = certain and not line.startswith(" ")
            if not closing:
                closing = "" if "`" in behind and mark[0] == "`" else mark
            elif mark[0] == closing[0] and len(mark) >= len(closing) and not behind:
                closing = ""
        shown = _HEADING.sub(r"\1\\\2", line)
        if not inside:
            shown = _TAG.sub(lambda one: _escaped(one, spans=spans), shown)
            if before.strip():
                shown = _UNDERLINE.sub(r"\1\\\2", shown)
        written.append(shown)
        before = line
    text = "".join(line + end for line, end in zip(written, ends, strict=True))
    return f"{text}\n{closing}" if closing else text


def _escaped(found: re.Match[str], *, spans: bool) -> str:
    if found["tag"]:
        return f"\\{found[0]}"
    return found[0] if spans or not found["code"] else found[0].replace("<", "\\<")


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in _RUN.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _code(name: str) -> str:
    """A name as code, in one line."""
    shown = _line(name)
    fence = "`" * (max((len(run) for run in _RUN.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _line(text: str) -> str:
    return " ".join(text.split())
