"""The conversation of a coding agent, as its store gets it: a turn is one append.

What the tools answer is real: listings, files with line numbers, found lines and JSON of search results, over
the standard library of the Python that runs. Which of it, a seed decides.
"""

from __future__ import annotations

import json
import re
import sysconfig
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from tests.benchmark.texts import prose

LIBRARY = Path(sysconfig.get_path("stdlib"))
MODULES = ("argparse", "ast", "calendar", "configparser", "csv", "dataclasses", "difflib", "ftplib", "shlex")
TURNS = 40

Message = dict[str, Any]


def conversation(turns: int = TURNS, seed: int = 7) -> list[list[Message]]:
    """Turns: what the user says, one to four times a tool call and its output, an answer."""
    rng = Random(seed)
    return [_turn(rng, number) for number in range(turns)]


def _turn(rng: Random, number: int) -> list[Message]:
    messages: list[Message] = [{"role": "user", "content": prose(rng, rng.randint(40, 400))}]
    for _ in range(rng.randint(1, 4)):
        name, arguments, output = rng.choice(TOOLS)(rng)
        call_id = f"call_{UUID(int=rng.getrandbits(128)).hex[:24]}"
        call = {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        said = prose(rng, rng.randint(20, 160)) if rng.random() < 0.6 else ""
        messages += [
            {"role": "assistant", "content": said, "tool_calls": [call]},
            {"role": "tool", "content": output, "tool_call_id": call_id},
        ]
    return [*messages, {"role": "assistant", "content": f"{number}. {prose(rng, rng.randint(200, 1_500))}"}]


def _listing(rng: Random) -> tuple[str, Message, str]:
    folder = rng.choice(("email", "json", "asyncio", "http", "importlib", "unittest", "xml/dom"))
    found = sorted((LIBRARY / folder).glob("*.py"))
    lines = [
        f"-rw-r--r-- 1 agent agent {one.stat().st_size:7} Mar 14 09:12 {folder}/{one.name}" for one in found
    ]
    return "run_shell", {"command": f"ls -l {folder}", "timeout": 30}, "\n".join(lines)


def _file(rng: Random) -> tuple[str, Message, str]:
    module = rng.choice(MODULES)
    lines = _source(module)
    start, length = rng.randrange(max(1, len(lines) - 200)), rng.randint(20, 200)
    shown = [f"{at:6}\t{line}" for at, line in enumerate(lines[start : start + length], start + 1)]
    return "read_file", {"path": f"src/{module}.py", "offset": start, "limit": length}, "\n".join(shown)


def _found(rng: Random) -> tuple[str, Message, str]:
    word = rng.choice(("raise", "return", "class", "import", "except"))
    hits = [
        f"src/{module}.py:{at}:{line}"
        for module in rng.sample(MODULES, 3)
        for at, line in enumerate(_source(module), 1)
        if re.search(rf"\b{word}\b", line)
    ]
    return "grep", {"pattern": rf"\b{word}\b", "path": "src", "max_results": 60}, "\n".join(hits[:60])


def _search(rng: Random) -> tuple[str, Message, str]:
    results = [
        {
            "title": prose(rng, 50).title(),
            "url": f"https://docs.example.com/{module}/{rng.randrange(10_000)}.html",
            "snippet": prose(rng, rng.randint(120, 300)),
            "score": round(rng.random(), 4),
            "published": f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T08:00:00Z",
        }
        for module in rng.sample(MODULES, 5)
    ]
    return "web_search", {"query": prose(rng, 40), "limit": 5}, json.dumps({"results": results})


def _tests(rng: Random) -> tuple[str, Message, str]:
    count = rng.randint(5, 30)
    lines = [
        f"tests/test_{rng.choice(MODULES)}.py::test_{rng.choice(_names())} PASSED [{100 * at // count:3}%]"
        for at in range(1, count + 1)
    ]
    summary = f"===== {count} passed in {rng.random() * 9:.2f}s ====="
    return "run_shell", {"command": "pytest -v", "timeout": 600}, "\n".join([*lines, summary])


def _edit(rng: Random) -> tuple[str, Message, str]:
    module = rng.choice(MODULES)
    lines = _source(module)
    start = rng.randrange(max(1, len(lines) - 20))
    old = "\n".join(lines[start : start + rng.randint(2, 12)])
    arguments = {"path": f"src/{module}.py", "old": old, "new": old.replace("self", "this")}
    return "edit_file", arguments, json.dumps({"ok": True, "replaced": 1, "path": f"src/{module}.py"})


TOOLS = (_listing, _file, _file, _found, _search, _tests, _edit)


@cache
def _source(module: str) -> list[str]:
    return (LIBRARY / f"{module}.py").read_text(encoding="utf-8").splitlines()


@cache
def _names() -> list[str]:
    return sorted(
        {name for module in MODULES for name in re.findall(r"def ([a-z]\w+)", "\n".join(_source(module)))}
    )
