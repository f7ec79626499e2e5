"""A dialogue with SAM at a terminal, held as a person would who reads each question."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# SAM prints a question in bold, and waits behind a colon. The last one, about the change set, is not in bold.
_QUESTION = re.compile(r"(?:\x1b\[1m([^\x1b\n]+)\x1b\[0m|(Deploy this changeset\?))(?: \[[^\n]*\])?: \Z")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")

SILENCE = 120
"""Seconds without a word from SAM, after which it hangs."""


class Dialogue(NamedTuple):
    """What was said.

    Attributes:
        asked: the questions, in order. If SAM asked one again, it is the last one.
        transcript: all that the terminal showed, with the answers.
        status: SAM's exit status.
    """

    asked: list[str]
    transcript: str
    status: int


def held(
    command: Sequence[str], answers: Mapping[str, str], folder: Path, environment: Mapping[str, str]
) -> Dialogue:
    """Hold a dialogue: give each question its answer, or Enter alone.

    A command that asks a question again is killed: it would ask for ever.
    """
    ours, its = pty.openpty()
    with subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, cwd=folder, env=environment, start_new_session=True
    ) as process:
        os.close(its)
        try:
            asked, shown = _spoken(ours, answers)
            if len(set(asked)) == len(asked):
                process.wait(SILENCE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            os.close(ours)
    return Dialogue(asked, _plain(shown), process.returncode)


def _plain(shown: str) -> str:
    """What stands on the terminal in the end: a line's start again is another line in its place."""
    return re.sub(r"[^\r\n]*\r", "", _STYLE.sub("", shown).replace("\r\n", "\n"))


def _spoken(terminal: int, answers: Mapping[str, str]) -> tuple[list[str], str]:
    """The questions, and all that was shown, until the end or until a question that was asked before."""
    asked: list[str] = []
    shown, answered = "", 0
    for text in _texts(terminal):
        shown += text
        if question := _QUESTION.search(shown, answered):
            again = question[1] or question[2]
            asked.append(again)
            if again in asked[:-1]:
                break
            answered = len(shown)
            os.write(terminal, f"{answers.get(again, '')}\n".encode())
    return asked, shown


def _texts(terminal: int) -> Iterator[str]:
    """What arrives at the terminal, until nobody can write there any more."""
    decoder = getincrementaldecoder("utf-8")()
    while True:
        if not select.select([terminal], [], [], SILENCE)[0]:
            message = f"SAM has said nothing for {SILENCE} seconds"
            raise TimeoutError(message)
        try:
            read = os.read(terminal, 1 << 16)
        except OSError:  # Linux's word for the end
            read = b""
        if not read:
            return
        yield decoder.decode(read)
