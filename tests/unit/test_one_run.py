"""What the answers of appends say of whose the messages are that stand there."""

from __future__ import annotations

from typing import Any

import pytest

from turnlog.integrations.common import is_one_run
from turnlog.models.answers import Appended


def answer(first: int, count: int, version: int, **other: Any) -> Appended:
    messages: list[dict[str, Any]] = [{}] * count
    given: dict[str, Any] = {
        "first_sequence": first,
        "last_sequence": first + count - 1,
        "message_count": first + count,
        "version": version,
        "replayed": False,
        "messages": messages,
    } | other
    return Appended(**given)


def test_appends_right_after_each_other() -> None:
    assert is_one_run([])
    assert is_one_run([answer(4, 2, 9)])
    assert is_one_run([answer(4, 99, 9), answer(103, 99, 10), answer(202, 1, 11)])


@pytest.mark.parametrize(
    "appended",
    [
        [answer(4, 2, 9, replayed=True)],
        [answer(4, 99, 9), answer(103, 1, 10, replayed=True)],
        # A part of it was there, with another's message behind.
        [answer(0, 99, 9, last_sequence=99, message_count=100)],
        # Others have been appended since.
        [answer(0, 99, 9, message_count=139)],
        [answer(0, 99, 9), answer(139, 1, 11)],
        [answer(0, 99, 9), answer(99, 1, 11)],
    ],
)
def test_others_came_between(appended: list[Appended]) -> None:
    assert not is_one_run(appended)
