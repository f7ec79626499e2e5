"""The rules of a history that providers accept, in one place, whatever is stored.

1. Every tool call is answered by exactly one result, right behind the assistant's turn that calls.
   - A result that is missing is put in, and says so.
   - Of several, the one of a job counts, else the first.
   - A result that came later moves up to its call, so that what was said in between comes behind it.
   - A result of which no call is known before it is left out.
2. Assistant turns that follow one another are one; nothing of either is lost.
3. A malformed call is left out. No two calls have one id.

Calls without an id (Gemini's, Ollama's, the old `function_call`) are paired by the tool's name, in order. A
result that names no tool is that of the first of them that has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from turnlog.formats.neutral import Call, Malformed, Repair, Result, Text, Turn, Written
from turnlog.formats.wording import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from turnlog.formats.neutral import Json, Part

_LONGEST_SHOWN = 64


class Repaired(NamedTuple):
    """A history that obeys the rules.

    Attributes:
        turns: an assistant's turn that calls is followed by a `tool` turn with its results, in its order.
        skipped: malformed calls.
    """

    turns: list[Turn]
    repairs: list[Repair]
    skipped: int


def written(body: Json, history: Repaired, more: list[Repair]) -> Written:
    """What a format made of a history, with its own repairs among those of the history."""
    repairs = sorted([*history.repairs, *more], key=lambda one: one.sequence)
    return Written(body, repairs, history.skipped)


class _Slot:
    """A call, and what answers it.

    Attributes:
        id: that no other call has.
        group: the assistant turns that will be one.
        at: the place of the result among all turns.
    """

    def __init__(self, call: Call, group: int) -> None:
        self.call = call
        self.id = call.id
        self.group = group
        self.result: Result | None = None
        self.at = -1
        self.repeated = False


class _Newest:
    """The calls of one id, or of one tool, in the newest go in which there are any."""

    def __init__(self) -> None:
        self._slots: list[_Slot] = []
        self._answered = 0  # so many at the beginning are

    def add(self, slot: _Slot) -> None:
        """One that comes behind them; those of an earlier go are let go."""
        if self._slots and self._slots[-1].group != slot.group:
            self._slots, self._answered = [], 0
        self._slots.append(slot)

    def first_open(self) -> _Slot:
        """The first that is not answered; the last, if all are."""
        while self._answered < len(self._slots) - 1 and self._slots[self._answered].result:
            self._answered += 1
        return self._slots[self._answered]


def repaired(turns: list[Turn], *, joins: bool = True) -> Repaired:
    """The history as providers accept it.

    Args:
        joins: the format has one message for assistant turns that follow one another; else that is no repair.
    """
    return _Repair(turns, joins=joins).done()


def open_calls(turns: list[Turn]) -> set[str]:
    """The ids of the calls that none of these turns answers, so that a later one may."""
    repair = _Repair(turns, joins=True)
    repair.pair()
    return {slot.id for slot in repair.slots if not slot.result} - {""}


class _Repair:
    def __init__(self, turns: list[Turn], *, joins: bool) -> None:
        self._turns = turns
        self._joins = joins
        self._repairs: list[Repair] = []
        self._skipped = 0
        self.slots: list[_Slot] = []
        self._by_id: dict[str, _Newest] = {}
        self._unnamed: dict[str, _Newest] = {}  # calls without an id, by their tool; under "" all of them
        self._by_name: dict[str, _Newest] = {}  # all calls, by their tool
        self._group = 0  # the newest
        self._groups: list[int] = []  # by turn: of assistants the group, of others the one before them
        self._next: dict[int, int] = {}  # by group: the place of the first turn behind it that is no tool's

    def done(self) -> Repaired:
        """Pair, then write."""
        self.pair()
        self._drop_repeated()
        self._name()
        turns = list(self._merged())
        return Repaired(turns, self._repairs, self._skipped)

    def _tell(self, sequence: int, what: str) -> None:
        self._repairs.append(Repair(sequence, what))

    def pair(self) -> None:
        """Find the result of each call."""
        open_ = False  # whether a further assistant turn belongs to the group
        for at, turn in enumerate(self._turns):
            if turn.role == "assistant":
                if not open_:
                    self._next.setdefault(self._group, at)
                    self._group, open_ = self._group + 1, True
                for part in turn.parts:
                    if isinstance(part, Call):
                        self._called(_Slot(part, self._group))
            elif turn.role == "tool":
                answered = [self._answered(part, at) for part in turn.parts if isinstance(part, Result)]
                # One that moves up to an earlier go leaves no trace here.
                open_ = open_ and self._group not in answered
            else:
                self._next.setdefault(self._group, at)
                open_ = False
            self._groups.append(self._group)

    def _called(self, slot: _Slot) -> None:
        self.slots.append(slot)
        if slot.id:
            self._by_id.setdefault(slot.id, _Newest()).add(slot)
        else:
            for name in (slot.call.name, ""):
                self._unnamed.setdefault(name, _Newest()).add(slot)
        self._by_name.setdefault(slot.call.name, _Newest()).add(slot)

    def _answered(self, result: Result, at: int) -> int | None:
        """The group whose call a result answers; None where it does not count, as far as is known by now."""
        slot = self._asked(result)
        if slot is None:
            self._tell(
                result.sequence, f"left out: the result of an unknown tool call{_shown(result.call_id)}"
            )
            return None
        before = slot.result
        guessed = before is not None and not before.call_id and bool(result.call_id)
        if before and not guessed and not (result.job and not before.job):
            self._tell(result.sequence, f"left out: a further result of the tool call{_shown(slot.id)}")
            return None
        if before:
            self._tell(before.sequence, f"left out: a result of the tool call{_shown(slot.id)}, of two")
        slot.result, slot.at = result, at
        return slot.group

    def _asked(self, result: Result) -> _Slot | None:
        """The call that a result answers: the one of its id; if it names none, one of its tool."""
        if result.call_id:
            named = self._by_id.get(result.call_id)
            return named.first_open() if named else None
        unnamed = self._unnamed.get(result.name)
        slot = unnamed.first_open() if unnamed else None
        if slot and (result.job or not slot.result):
            return slot
        # A call that has an id, as long as nothing else has been said.
        alike = self._by_name.get(result.name)
        beside = alike.first_open() if alike else None
        return beside if beside and beside.group == self._group and not beside.result else slot

    def _drop_repeated(self) -> None:
        """A call that was stored twice in one go, and answered once at most, is one."""
        seen: dict[tuple[int, str], list[_Slot]] = {}
        for slot in self.slots:
            if slot.id:
                seen.setdefault((slot.group, slot.id), []).append(slot)
        for slots in seen.values():
            first = slots[0]
            for slot in slots[1:]:
                alike = (slot.call.name, slot.call.arguments) == (first.call.name, first.call.arguments)
                if alike and slot.result is None:
                    slot.repeated = True
                    self._tell(slot.call.sequence, f"left out: the tool call{_shown(slot.id)} once more")

    def _name(self) -> None:
        """Give each call an id that no other has."""
        known = {slot.id for slot in self.slots}
        taken: set[str] = set()
        numbers: dict[str, int] = {}
        for slot in self.slots:
            if slot.repeated:
                continue
            base = slot.id or f"call_{slot.call.sequence}"
            unique = base
            while unique in taken or (unique in known and unique != slot.id):
                numbers[base] = numbers.get(base, 1) + 1
                unique = f"{base}_{numbers[base]}"
            if slot.id and unique != slot.id:
                self._tell(
                    slot.call.sequence, f"changed: the id{_shown(slot.id)}, which an earlier tool call has"
                )
            slot.id = unique
            taken.add(unique)

    def _merged(self) -> Iterator[Turn]:
        """The turns, each group of assistants as one, with its results behind it."""
        slots = iter(self.slots)
        current: Turn | None = None
        calls: list[_Slot] = []
        last = -1
        for at, turn in enumerate(self._turns):
            if turn.role == "tool":
                continue
            if current and (turn.role != "assistant" or self._groups[at] != self._groups[at - 1]):
                yield current
                yield from self._answers(calls)
                current, calls = None, []
            parts = self._kept(turn, slots, calls)
            if turn.role != "assistant":
                yield turn._replace(parts=parts)
            elif current is None:
                current = turn._replace(parts=parts)
            else:
                if turn.sequence != last and self._joins:
                    self._tell(turn.sequence, "merged with the assistant message before it")
                current.parts.extend(parts)
                current = current._replace(name=current.name or turn.name)
            last = turn.sequence
        if current:
            yield current
            yield from self._answers(calls)

    def _kept(self, turn: Turn, slots: Iterator[_Slot], calls: list[_Slot]) -> list[Part]:
        """The parts of a turn, its calls under their new ids."""
        parts: list[Part] = []
        for part in turn.parts:
            if isinstance(part, Malformed):
                self._skipped += 1
                self._tell(part.sequence, "left out: a malformed tool call")
            elif isinstance(part, Call):
                slot = next(slots)
                if not slot.repeated:
                    calls.append(slot)
                    parts.append(part._replace(id=slot.id))
            else:
                parts.append(part)
        return parts

    def _answers(self, calls: list[_Slot]) -> Iterator[Turn]:
        """The `tool` turn behind these calls, if there are any."""
        if not calls:
            return
        results: list[Part] = []
        for slot in calls:
            result = slot.result
            if result is None:
                self._tell(
                    slot.call.sequence,
                    f"put in: a result of the tool call{_shown(slot.id)}, of which none is stored",
                )
                said = (Text(slot.call.sequence, MISSING),)
                result = Result(
                    slot.call.sequence, slot.id, said, name=slot.call.name, error=True, missing=True
                )
            elif slot.at > self._next.get(slot.group, slot.at):
                self._tell(result.sequence, f"moved up: the result of the tool call{_shown(slot.id)}")
            results.append(result._replace(call_id=slot.id, name=slot.call.name))
        yield Turn(results[0].sequence, "tool", results, {})


def _shown(known: str) -> str:
    """An id in a repair's words."""
    if not known:
        return ""
    return f" {known}" if len(known) <= _LONGEST_SHOWN else f" {known[:_LONGEST_SHOWN]}…"
