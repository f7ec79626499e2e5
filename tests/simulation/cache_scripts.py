"""What the store's scripts do in Valkey, for the cache in memory; `conformance` compares the two.

A Valkey stream is kept as a hash of its entries by number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnlog.store.stream_cache import APPEND, MARK, READ, RESET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.memory_cache import MemoryCache

Keys = tuple[bytes, bytes]


def _number(text: bytes | None) -> int | None:
    """What Lua's `tonumber` makes of a text."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def _append(cache: MemoryCache, keys: Keys, *given: bytes) -> Any:
    meta = cache.hash(keys[0])
    epoch, seq = _number(meta.get(b"epoch")), _number(meta.get(b"seq"))
    if epoch is None or seq is None or b"ended" in meta or epoch != int(given[0]):
        return [b"LOST"]
    first, events = int(given[1]), given[3:]
    last = first + len(events) - 1
    if first > seq + 1:
        return [b"GAP", seq + 1]
    word = b"DUP" if last <= seq else b"OK"
    size = _number(meta.get(b"bytes")) or 0
    for at in range(seq + 1, last + 1):
        cache.add(keys[1], at, events[at - first])
        size += len(events[at - first])
    seq = max(seq, last)
    cache.set(keys[0], {b"seq": b"%d" % seq, b"bytes": b"%d" % size})
    cache.expire(keys[0], given[2])
    cache.expire(keys[1], given[2])
    base, total, cancel, at_, generation = (
        meta.get(name, b"") for name in (b"base", b"sum", b"cancel", b"at", b"gen")
    )
    return [word, seq, base, total, cancel, size, at_, generation]


def _read(cache: MemoryCache, keys: Keys, start: bytes, count: bytes) -> Any:
    meta = cache.hash(keys[0])
    if b"epoch" not in meta or b"seq" not in meta:
        return [b"LOST"]
    numbers = (_number(start), _number(meta.get(b"base")), 0)
    behind = next(number for number in numbers if number is not None)
    entries = sorted((int(at), event) for at, event in cache.hash(keys[1]).items() if int(at) > behind)
    found = [part for at, event in entries[: int(count)] for part in (b"%d-0" % at, event)]
    named = (meta.get(name, b"") for name in (b"base", b"sum", b"ended", b"gen"))
    return [b"OK", meta[b"epoch"], meta[b"seq"], *named, found]


def _reset(cache: MemoryCache, keys: Keys, *given: bytes) -> Any:
    epoch = _number(cache.hash(keys[0]).get(b"epoch"))
    if epoch is not None and epoch > int(given[0]):
        return 0
    for key in keys:
        cache.drop(key)
    names = (b"epoch", b"seq", b"sum", b"at", b"gen")
    fields = dict(zip(names, given, strict=False)) | {b"base": given[1], b"bytes": b"0"}
    cache.set(keys[0], fields | ({b"cancel": given[5]} if given[5] else {}))
    cache.expire(keys[0], given[6])
    return 1


def _mark(cache: MemoryCache, keys: Keys, epoch: bytes, name: bytes, value: bytes, *more: bytes) -> Any:
    meta = cache.hash(keys[0])
    if _number(meta.get(b"epoch")) != int(epoch):
        return 0
    if name == b"base":
        base = _number(meta.get(b"base"))
        if base is not None and base >= int(value):
            return 0
        cache.set(keys[0], {b"base": value, b"sum": more[0], b"at": more[1], b"bytes": b"0"})
        for at in [at for at in cache.hash(keys[1]) if int(at) <= (base or 0)]:
            cache.remove(keys[1], at)
        return 1
    cache.set(keys[0], {name: value})
    if name == b"ended":
        cache.expire(keys[0], more[0])
        cache.expire(keys[1], more[0])
    return 1


SCRIPTS: dict[bytes, Callable[..., Any]] = {
    APPEND.encode(): _append,
    READ.encode(): _read,
    RESET.encode(): _reset,
    MARK.encode(): _mark,
}
