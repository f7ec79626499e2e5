"""What a producer gathers, sends, and keeps: by its own clock, without a stream."""

from __future__ import annotations

from turnlog.streams.gathering import Gathered

_AT_ONCE, _A_WHILE = 0.15, 1.1


def _sent(gathered: Gathered, durable: int, now: float, *, flushed: bool = False) -> None:
    """Write an event, send it, and be told how far they are in the table."""
    gathered.add({"type": "text-delta", "id": "t", "delta": "x"}, now)
    first, events = gathered.batch()
    gathered.acknowledged(first + len(events) - 1, durable, now, flushed=flushed)


def _due_after(gathered: Gathered, now: float) -> float:
    """How long an event waits for others: at once, or a while."""
    gathered.add({"type": "text-delta", "id": "t", "delta": "x"}, now)
    waits = _AT_ONCE if gathered.due(now + _AT_ONCE) else _A_WHILE
    assert gathered.due(now + waits)
    return waits


def test_without_a_cache_events_are_gathered_for_a_while() -> None:
    gathered = Gathered(0, 0.0)
    _sent(gathered, 1, 0.1)
    assert _due_after(gathered, 0.2) == _A_WHILE


def test_with_a_cache_they_go_at_once_whatever_was_made_durable() -> None:
    for flushed, at in ((True, 1.0), (False, 6.0)):  # it was asked for; it was due
        gathered = Gathered(0, 0.0)
        _sent(gathered, 0, 0.1)
        _sent(gathered, 2, at, flushed=flushed)
        assert _due_after(gathered, at + 0.1) == _AT_ONCE


def test_a_producer_that_begins_late_does_not_know_yet() -> None:
    gathered = Gathered(0, 0.0)
    _sent(gathered, 1, 20.0)
    assert _due_after(gathered, 20.1) == _AT_ONCE


def test_a_large_batch_says_nothing_of_a_cache() -> None:
    gathered = Gathered(0, 0.0)
    gathered.add({"type": "data-x", "data": "x" * (64 << 10)}, 0.1)
    gathered.acknowledged(1, 1, 0.2)
    assert _due_after(gathered, 0.3) == _AT_ONCE


def test_a_cache_that_comes_back_is_used_at_once() -> None:
    gathered = Gathered(0, 0.0)
    _sent(gathered, 1, 0.1)
    _sent(gathered, 1, 1.2)
    assert _due_after(gathered, 1.3) == _AT_ONCE


def test_what_is_in_the_cache_alone_is_exposed_after_five_seconds() -> None:
    gathered = Gathered(0, 0.0)
    _sent(gathered, 0, 20.0)
    assert not gathered.exposed(24.9)
    assert gathered.exposed(25.0)
    gathered.once_more()
    assert gathered.batch()[0] == 1
    gathered.acknowledged(1, 1, 25.1, flushed=True)
    assert not gathered.exposed(99.0)
    _sent(gathered, 1, 99.0)
    gathered.settled(2, 100.0)
    assert not gathered.exposed(199.0)
