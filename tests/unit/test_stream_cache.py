"""What the cache says of a stream is not believed where it was damaged."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from tests.simulation.memory_cache import MemoryCache
from turnlog.coroutines import run
from turnlog.drivers.blocking import SystemClock
from turnlog.records.keys import SessionKey, StreamKey
from turnlog.records.streams import Stream
from turnlog.store.session_cache import SessionCache
from turnlog.store.store import Store
from turnlog.store.stream_cache import StreamCache

KEY = SessionKey("u", "s")
STREAM = Stream(StreamKey(KEY.at(0), "a"), epoch=7, first_epoch=7)
META, EVENTS = b"turnlog:{USER#u#SESSION#s}:stream:a", b"turnlog:{USER#u#SESSION#s}:events:a"


def begun() -> tuple[MemoryCache, StreamCache]:
    memory, counts = MemoryCache(lambda: 0.0), Counter[str]()
    store = Store(cast("Any", None), SessionCache(memory, 60, counts), SystemClock(0.0), None, counts)
    cache = StreamCache(store, KEY, "a")
    run(cache.reset(STREAM))
    assert run(cache.append(7, 1, [b"{}", b"[]"]))
    return memory, cache


def test_what_was_put_is_found() -> None:
    _, cache = begun()
    found = run(cache.behind(STREAM, 1))
    assert found
    assert (found.first, found.events) == (2, [b"[]"])
    held = run(cache.append(7, 3, [b"3"]))
    assert held
    assert (held.word, held.seq, held.base) == ("OK", 3, 0)


@pytest.mark.parametrize("field", [b"base", b"sum", b"gen"])
@pytest.mark.parametrize("value", [b"", b"2", b"x", b"-1"])
def test_a_damaged_number_is_a_lost_stream(field: bytes, value: bytes) -> None:
    memory, cache = begun()
    cast("dict[bytes, bytes]", memory.data[META])[field] = value
    held = run(cache.append(7, 3, [b"3"]))
    assert held
    assert held.word == "LOST"
    assert run(cache.behind(STREAM, 0)) is None


def test_a_damaged_or_misplaced_event_ends_what_is_read() -> None:
    memory, cache = begun()
    events = cast("dict[bytes, bytes]", memory.data[EVENTS])
    events[b"2"] = events[b"1"]
    found = run(cache.behind(STREAM, 0))
    assert found
    assert found.events == [b"{}"]


def test_another_generation_or_epoch_is_another_stream() -> None:
    _, cache = begun()
    assert run(cache.behind(STREAM._replace(key=StreamKey(KEY.at(1), "a")), 0)) is None
    assert run(cache.behind(STREAM._replace(epoch=8), 0)) is None
