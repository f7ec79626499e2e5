from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from turnlog.drivers.blocking import run
from turnlog.errors import Contended, Torn, Unanswered
from turnlog.limits import REQUEST_SECONDS
from turnlog.store.retry import READ_TRIES, Tries


class ManualClock:
    """Time that passes by waiting alone."""

    def __init__(self, remaining: float, chance: float) -> None:
        self.left = remaining
        self.chance = chance
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def remaining(self) -> float:
        return self.left

    async def sleep(self, seconds: float) -> None:
        self.left -= seconds
        self.waits.append(seconds)

    def random(self) -> float:
        return self.chance

    def token(self) -> bytes:
        return bytes(16)


def exhausted(clock: ManualClock) -> int:
    """How many tries have failed when the error goes to the client."""
    error = Contended("busy")
    tries = Tries(clock, Counter())

    def try_for_ever() -> None:
        for _ in range(100_000):
            run(tries.again(error))

    with pytest.raises(Contended) as raised:
        try_for_ever()
    assert raised.value is error
    return len(clock.waits)


def test_waits_grow_to_a_bound() -> None:
    clock = ManualClock(29, 0.999)
    exhausted(clock)
    assert clock.waits == sorted(clock.waits)
    assert clock.waits[0] < 0.011
    assert 0.3 < clock.waits[-1] <= 0.4
    assert clock.waits[5] > 10 * clock.waits[0]


def test_waits_are_jittered() -> None:
    clock = ManualClock(29, 0.0)
    run(Tries(clock, Counter()).again(Contended("busy")))
    assert clock.waits == [0.0]


@pytest.mark.parametrize("chance", [0.001, 0.5, 0.999])
def test_it_gives_up_while_there_is_time_to_answer(chance: float) -> None:
    clock = ManualClock(29, chance)
    assert exhausted(clock) > 50
    assert REQUEST_SECONDS <= clock.left < REQUEST_SECONDS + 1


def test_without_time_there_is_no_other_try() -> None:
    for remaining in (-5.0, 0.0, REQUEST_SECONDS - 0.01):
        assert exhausted(ManualClock(remaining, 0.5)) == 0


def test_what_is_torn_is_read_a_few_times() -> None:
    """It may be lost: who asks must not wait for it as long as there is time."""
    clock = ManualClock(29, 0.5)
    tries = Tries(clock, Counter())
    run(tries.again(Contended("busy")))
    for _ in range(READ_TRIES - 1):
        run(tries.again(Torn("gone")))
    with pytest.raises(Torn):
        run(tries.again(Torn("gone")))
    assert len(clock.waits) == READ_TRIES
    assert tries.unanswered is None  # it was a read


def test_a_try_that_may_have_been_applied_is_not_forgotten() -> None:
    tries = Tries(ManualClock(29, 0.5), Counter())
    lost = Unanswered("lost")
    run(tries.again(lost))
    run(tries.again(Contended("busy")))
    assert tries.unanswered is lost
