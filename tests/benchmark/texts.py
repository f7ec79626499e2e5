"""English prose, and messages of a given size made of it: the same ones in every run."""

from __future__ import annotations

import json
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from random import Random

MESSAGE_SIZE = 1024
"""Bytes of JSON of a message's role and content."""

LARGE = 10_000
"""From so many bytes on, the licence would come twice, and deflate would see that."""


def message(tag: str, size: int = MESSAGE_SIZE) -> dict[str, str]:
    """A message of exactly so many bytes of JSON that begins with its tag."""
    role = "user" if len(tag) % 2 else "assistant"
    room = size - len(json.dumps({"role": role, "content": f"{tag} "}))
    text = _licence() if size < LARGE else _lines()
    return {"role": role, "content": f"{tag} {_slice(text, crc32(tag.encode()), room)}"}


def prose(rng: Random, size: int) -> str:
    """So many characters of prose."""
    return _slice(_licence(), rng.getrandbits(32), size)


def _slice(text: str, start: int, size: int) -> str:
    start %= len(text)
    return (text[start:] + text * (size // len(text) + 1))[:size]


@cache
def _lines() -> str:
    """A megabyte and more of Python's own library."""
    sources = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"), key=lambda one: one.stat().st_size)
    return _plain(" ".join(one.read_text(encoding="utf-8") for one in sources[-40:]))


@cache
def _licence() -> str:
    """The licence: prose that is at hand everywhere and does not change."""
    return _plain((Path(__file__).parent.parent.parent / "LICENSE").read_text(encoding="ascii"))


def _plain(text: str) -> str:
    """The text without what JSON would escape."""
    return " ".join(text.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "").split())
