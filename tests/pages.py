"""The pages of the documentation: their sections, links, and blocks of code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
FOLDERS = ("functions", "infra", "shared", "tests")

NOT_RUN = {
    r"make run$": "each test has a server of its own; functional/test_local_server.py starts this one",
    r"make (?!run$)|\.ci/run": "they are the checks themselves",
    r"(\w+=\S+ )*\.venv/bin/py(test|thon -m tests\.)": "they are the tests themselves",
    r"pip install ": "e2e/test_install.py installs the package",
    r"sam build && sam deploy --guided$": "infra/test_guided.py holds this dialogue",
    r"EMBEDDED_OPEN=1 |sam build$": "`make sam-local` does it; it needs Docker",
    r"aws lambda invoke ": "it needs an account; functional/test_local_server.py does it by boto3",
}
"""Why a console block is not run, by how its first command begins."""

# Examples are in the first two; what the others hold is no program.
LANGUAGES = {"python", "console", "text", "json", "mermaid", ""}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)


class Command(NamedTuple):
    """A command at a prompt, and what it prints; `…` stands for anything."""

    line: str
    prints: str


class Block(NamedTuple):
    """A block of code.

    Attributes:
        prints: of a program what it prints, if a block of text right behind it says so.
    """

    page: Page
    line: int
    language: str
    text: str
    prints: str | None

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def needs_sdk(self) -> bool:
        """Whether it is a program for an agent SDK: tests/integrations/test_examples.py runs it."""
        return bool(re.search(r"^(import|from) (agents|claude_agent_sdk)\b", self.text, re.MULTILINE))

    def commands(self) -> list[Command]:
        """Those of a console block."""
        commands: list[Command] = []
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            lines = [re.sub(r"\s+# .*$", "", line) for line in part.splitlines()]
            end = 1
            # A quote that is open, or a backslash, goes on in the next line.
            while lines[end - 1].endswith("\\") or "\n".join(lines[:end]).count("'") % 2:
                end += 1
            commands.append(Command("\n".join(lines[:end]), "\n".join(lines[end:]).strip()))
        return commands


class Page(NamedTuple):
    """A page in Markdown.

    Attributes:
        name: its path in the repository.
    """

    name: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The page without code."""
        return _INLINE_CODE.sub("", _FENCE.sub("", self.text))

    def headings(self, level: int | None = None) -> list[str]:
        found = _HEADING.findall(_FENCE.sub("", self.text))
        return [title for marks, title in found if level in {None, len(marks)}]

    def links(self) -> list[str]:
        """Targets of links to pages and files, not those of the web."""
        return [target for target in _LINK.findall(self.prose) if not target.startswith(("http:", "https:"))]

    def contents(self) -> list[str]:
        """The anchors in the list of contents; empty where there is none."""
        return re.findall(r"^- \[[^\]]*\]\(#([^)]*)\)$", self.text, re.MULTILINE)

    def blocks(self) -> Iterator[Block]:
        """All blocks of code."""
        found = [*_FENCE.finditer(self.text)]
        for at, one in enumerate(found):
            behind = found[at + 1] if at + 1 < len(found) else None
            follows = behind and behind[1] == "text" and not self.text[one.end() : behind.start()].strip()
            line = self.text.count("\n", 0, one.start()) + 1
            yield Block(self, line, one[1], one[2], behind[2] if behind and follows else None)


def pages() -> list[Page]:
    """All pages."""
    found = [*ROOT.glob("*.md"), *(page for name in FOLDERS for page in (ROOT / name).rglob("*.md"))]
    return [Page(path.relative_to(ROOT).as_posix()) for path in sorted(found)]


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def matches(printed: str, expected: str) -> bool:
    """Whether a program printed what is expected, in which `…` stands for anything."""
    pattern = re.escape(expected.strip()).replace("…", ".*")
    return re.fullmatch(pattern, printed.replace("\r\n", "\n").strip(), re.DOTALL) is not None
