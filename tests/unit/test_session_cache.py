from __future__ import annotations

import json
import tracemalloc
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.bombs import bomb
from tests.simulation.memory_cache import MemoryCache
from turnlog.coroutines import run
from turnlog.errors import Damaged, Refused, Unavailable
from turnlog.limits import DRAFT_LIMIT, PART_SIZE, PARTS_LIMIT
from turnlog.records.head import Head
from turnlog.records.keys import SessionKey
from turnlog.records.messages import Stored, encode, for_cache, from_cache
from turnlog.records.packing import inflated
from turnlog.store.session_cache import (
    SessionCache,
    _draft_key,
    _head_key,
    _log_key,
    _prefix_checksum,
    _sealed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = SessionKey("u", "s")
HEAD = Head(KEY.at(0), message_count=3, started_at="2026-11-28T00:00:00.000000Z")
GIGABYTE = 1_000


@pytest.fixture
def memory() -> MemoryCache:
    return MemoryCache(lambda: 0.0)


@pytest.fixture
def cache(memory: MemoryCache) -> SessionCache:
    return SessionCache(memory, 60, Counter())


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """The most memory that was held since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def put_message(memory: MemoryCache, sequence: int, value: bytes) -> None:
    sealed = _sealed(str(sequence), value, _prefix_checksum(HEAD))
    run(memory.run(("HSET", _log_key(HEAD), sequence, sealed)))


def message(sequence: int, content: str) -> Stored:
    return encode(sequence, {"message_id": str(sequence), "role": "user", "content": content})


def test_what_unpacks_to_a_gigabyte_is_a_miss(
    cache: SessionCache, memory: MemoryCache, peak: Callable[[], int]
) -> None:
    good = message(0, "x" * 5_000)
    run(cache.keep(HEAD, [good, message(2, "y")]))
    put_message(memory, 1, bomb(GIGABYTE))
    found = run(cache.messages(HEAD, 0, 3))
    assert found == [good.json, None, message(2, "y").json]
    assert peak() < 8 * PARTS_LIMIT


def test_what_of_the_table_unpacks_to_a_gigabyte_is_damaged(peak: Callable[[], int]) -> None:
    with pytest.raises(Damaged, match="Message 7 is damaged"):
        _ = Stored(7, bomb(GIGABYTE)).json
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        inflated(bomb(GIGABYTE), 1000)
    assert peak() < 8 * PARTS_LIMIT


def test_a_message_of_unknown_size_may_be_as_long_as_an_item() -> None:
    longest = b'{"content":"' + b"x" * (PART_SIZE - 14) + b'"}'
    assert inflated(zlib.compress(longest), PART_SIZE) == longest
    assert Stored(0, zlib.compress(longest)).json == longest
    for damaged in (
        zlib.compress(b"{" + longest),
        zlib.compress(longest)[:-1],
        b"\x78",
        b"\x02" + b"\xff" * 20,
        b"\x05",
        b"",
    ):
        with pytest.raises(Damaged):
            _ = Stored(0, damaged).json


def test_what_is_in_two_pieces_is_unpacked_to_its_size_and_no_further(
    cache: SessionCache, memory: MemoryCache, peak: Callable[[], int]
) -> None:
    good = message(0, "x" * 2_000_000)
    value = for_cache(good, 0)
    run(cache.keep(HEAD, [good]))
    put_message(memory, 1, value.partition(b"\n")[0] + b"\n" + bomb(GIGABYTE))
    kept, bombed, _ = (
        from_cache(at, one or b"", HEAD.key) for at, one in enumerate(run(cache.messages(HEAD, 0, 3)))
    )
    assert kept
    assert bombed
    assert kept.json == good.json
    with pytest.raises(Damaged):
        _ = bombed.json
    assert peak() < 20 * PARTS_LIMIT


def test_what_names_an_object_of_another_session_is_a_miss() -> None:
    mine, other = KEY.at(0), SessionKey("mallory", "s").at(0)
    for key, object_key in ((mine, mine.message_objects), (other, other.message_objects)):
        value = for_cache(message(0, "x" * 500_000)._replace(object_key=f"{object_key}1-0"), 0)
        assert (from_cache(0, value, mine) is None) == (key == other)
    for damaged in (b"\x03", b"\x03{}\n", b"\x03[]\n", b"\x03{\n", b"\x03" + b"[" * 100_000 + b"\n"):
        assert from_cache(0, damaged, mine) is None


@pytest.mark.parametrize(
    "value", [zlib.compress(b"{}")[:-1], b"\x05?", b"{" + bytes(2 * PARTS_LIMIT), b"\x78"]
)
def test_what_is_no_message_is_a_miss(cache: SessionCache, memory: MemoryCache, value: bytes) -> None:
    put_message(memory, 0, value)
    assert run(cache.messages(HEAD, 0, 1)) == [None]


def test_large_messages_are_not_all_unpacked_at_once(cache: SessionCache, peak: Callable[[], int]) -> None:
    """All are known to be messages; what no answer holds stays as it lies there."""
    head = HEAD._replace(message_count=90)
    for sequence in range(90):
        run(cache.keep(head, [message(sequence, "x" * (1_000_000 if sequence % 3 else 390_000))]))
    found = [
        from_cache(at, value or b"", HEAD.key) for at, value in enumerate(run(cache.messages(head, 0, 90)))
    ]
    assert all(one and one.fields()["content"][-1] == "x" for one in found)
    assert peak() < 16 * PARTS_LIMIT


@pytest.mark.parametrize(
    "dumped",
    [
        b"[" * 200_000,
        b"{}",
        b"[1]",
        b"null",
        b'{"key": 1, "ring": 2, "token": 3}',
        b"\xff",
        json.dumps({**json.loads(HEAD.dump()), "title": "x" * (1 << 18)}).encode(),
    ],
)
def test_what_is_no_head_is_a_miss(cache: SessionCache, memory: MemoryCache, dumped: bytes) -> None:
    cache_key = _head_key(KEY)
    run(memory.run(("SET", cache_key, _sealed(cache_key, HEAD.dump()))))
    assert run(cache.head(KEY)) == HEAD
    run(memory.run(("SET", cache_key, _sealed(cache_key, dumped))))
    assert run(cache.head(KEY)) is None


def test_a_draft_that_is_damaged_is_gone_and_makes_room_for_another(
    cache: SessionCache, memory: MemoryCache
) -> None:
    cache_key = _draft_key(HEAD.key)
    sealed = _sealed(cache_key, b'{"messages":[]}')
    too_long = _sealed(cache_key, b"{" + b" " * DRAFT_LIMIT + b"}")
    for damaged in (sealed[:-1], sealed[::-1], b"", b"abc", too_long):
        run(memory.run(("SET", cache_key, damaged)))
        assert run(cache.draft(HEAD.key)) is None
    run(memory.run(("DEL", cache_key), ("HSET", cache_key, 0, sealed)))
    assert run(cache.draft(HEAD.key)) is None
    run(cache.put_draft(HEAD.key, b'{"messages":[1]}'))
    assert run(cache.draft(HEAD.key)) == b'{"messages":[1]}'


class Refusing:
    """A cache that answers each command so."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply

    async def run(self, *commands: Any, atomic: bool = False) -> list[Any]:  # noqa: ARG002
        return [self.reply] * len(commands)

    async def post(self, *commands: Any) -> None:
        pass


@pytest.mark.parametrize("code", ["ERR", "OOM", "MISCONF", "EXECABORT", "ASK", "MOVED", ""])
def test_an_error_is_a_miss_but_for_drafts(code: str) -> None:
    counts: Counter[str] = Counter()
    cache = SessionCache(Refusing(Refused(code)), 60, counts)
    assert run(cache.head(KEY)) is None
    assert run(cache.messages(HEAD, 0, 3)) == [None] * 3
    run(cache.edited(HEAD, HEAD, message(0, "x")))
    run(cache.rewound(HEAD, HEAD))
    run(cache.keep(HEAD, [message(0, "x")]))
    assert run(cache.state()) == "unavailable"
    assert counts["cache_errors"] == (0 if code == "ERR" else 6)
    for drafts in (cache.draft(HEAD.key), cache.put_draft(HEAD.key, b"{}"), cache.delete_draft(HEAD.key)):
        with pytest.raises(Unavailable, match="error"):
            run(drafts)


@pytest.mark.parametrize("reply", [7, [b"x"], [], [[b"x"]], b"x", None])
def test_replies_of_another_kind_are_misses(reply: Any) -> None:
    cache = SessionCache(Refusing(reply), 60, Counter())
    assert run(cache.head(KEY)) is None
    assert run(cache.messages(HEAD, 0, 3)) == [None] * 3
    assert run(cache.draft(HEAD.key)) is None


def test_what_is_kept_once_has_an_end() -> None:
    """A key gets its end when it is there: not before its first value."""
    now = [0.0]
    cache = SessionCache(MemoryCache(lambda: now[0]), 60, Counter())
    run(cache.appended(HEAD, [message(0, "x")]))
    run(cache.put_draft(HEAD.key, b"{}"))
    now[0] = 59
    assert run(cache.messages(HEAD, 0, 1)) == [message(0, "x").json]
    now[0] = 61
    assert run(cache.messages(HEAD, 0, 1)) == [None]
    assert run(cache.head(KEY)) is None
    assert run(cache.draft(HEAD.key)) is None


def test_generations_share_no_message_and_no_draft(cache: SessionCache) -> None:
    """Also where both began at the same time, as clocks have it."""
    later = HEAD._replace(key=HEAD.key.next)
    run(cache.appended(HEAD, [message(0, "old")]))
    run(cache.put_draft(HEAD.key, b"{}"))
    assert run(cache.messages(later, 0, 1)) == [None]
    assert run(cache.draft(later.key)) is None
    # One that was put under the other's key is found to be wrong.
    assert _prefix_checksum(later) != _prefix_checksum(HEAD)
    run(cache.appended(later, [message(0, "new")]))
    run(cache.drop(HEAD.key, HEAD))
    assert run(cache.messages(later, 0, 1)) == [message(0, "new").json]
