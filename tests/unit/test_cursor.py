from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.errors import Invalid
from turnlog.operations.list_sessions import _cursor, _parse_cursor

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(TEXT, TEXT)
def test_a_cursor_comes_back(user: str, sort_key: str) -> None:
    cursor = _cursor(user, sort_key)
    assert cursor.isascii()
    assert _parse_cursor(user, cursor) == sort_key
    with pytest.raises(Invalid):
        _parse_cursor(user + "x", cursor)


@given(TEXT, TEXT, st.integers(0, 200), st.characters(codec="ascii"))
def test_a_cursor_that_was_changed_is_refused(user: str, sort_key: str, at: int, new: str) -> None:
    cursor = _cursor(user, sort_key)
    changed = cursor[: at % len(cursor)] + new + cursor[at % len(cursor) + 1 :]
    if changed != cursor:
        with pytest.raises(Invalid):
            _parse_cursor(user, changed)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        _parse_cursor("user", text)
