from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.errors import Invalid
from turnlog.wire import dumps, parse_timestamp, payload_size, timestamp


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_is_compact_utf_8(text: str) -> None:
    encoded = dumps({"a": [text, 1]})
    assert json.loads(encoded) == {"a": [text, 1]}
    assert encoded.startswith(b'{"a":["')
    assert len(encoded) <= len(json.dumps({"a": [text, 1]}))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_payload_size_is_what_a_lambda_answers(text: str) -> None:
    encoded = dumps(text)
    assert payload_size(encoded) + 2 == len(dumps(encoded.decode()))


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), "\ud800", {"\udfff": 1}])
def test_what_json_has_no_word_for(value: Any) -> None:
    with pytest.raises(Invalid):
        dumps({"a": [value]})


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2999, 1, 1)), st.timedeltas())  # noqa: DTZ001
def test_times_sort_as_text(naive: datetime, later: timedelta) -> None:
    at = naive.replace(tzinfo=UTC)
    text = timestamp(at)
    assert parse_timestamp(text) == at
    assert text.endswith("Z")
    other = at + min(max(later, timedelta(days=-300)), timedelta(days=300))
    assert (text < timestamp(other)) == (at < other)
    assert len(text) == len(timestamp(other))
