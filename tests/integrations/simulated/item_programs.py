"""Agents of the OpenAI Agents SDK: they add items, pop and clear, and after an error try again, or do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.clients import SESSIONS
from tests.simulation.programs.calls import Program
from turnlog.integrations.openai_agents import TurnlogSession
from turnlog.records.keys import SessionKey

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.programs.way import Way
    from tests.simulation.texts import Texts

ITEM_LIMIT = 1_000
"""Bytes of a message here; one that is larger is refused."""

_METHODS = ("add_items",) * 4 + ("pop_item",) * 3 + ("get_items", "clear_session")


class ItemProgram(Program):
    """An agent.

    Args:
        rng: decides what it does.
        texts: what it says; shared with all others.
    """

    def __init__(
        self,
        way: Way,
        user: str,
        *,
        rng: Random,
        texts: Texts,
    ) -> None:
        super().__init__(way, user)
        self._rng = rng
        self._texts = texts
        self._methods = [method for method in _METHODS if rng.random() < 0.6] or ["add_items"]
        self._session = TurnlogSession(SESSIONS[0], self.turnlog)

    async def run(self, calls: int) -> None:
        """Make so many calls, one after the other; a failed one is made again, as often as not."""
        key = SessionKey(self.user, SESSIONS[0])
        for _ in range(calls):
            method = self._rng.choice(self._methods)
            asked = {"items": self._items()} if method == "add_items" else {}
            for _ in range(3):
                call = await self.call(method, key, asked, lambda: getattr(self._session, method)(**asked))  # noqa: B023
                if not call.unsure or method != "add_items" or self._rng.random() < 0.5:
                    break

    def _items(self) -> list[dict[str, Any]]:
        rng = self._rng
        items = [self._item() for _ in range(rng.choice((1, 2, 3, 4, 5, 7)))]
        if rng.random() < 0.35:
            items.append(
                {"role": "user", "content": f"{self._texts.mark()} of {self.user}." + "-" * ITEM_LIMIT}
            )
        return items

    def _item(self) -> dict[str, Any]:
        mark = self._texts.mark()
        text = f"{mark} of {self.user}."
        kinds: tuple[dict[str, Any], ...] = (
            {"role": "user", "content": text},
            {"type": "function_call", "call_id": f"call-{mark}", "name": "f", "arguments": text},
            {"type": "function_call_output", "call_id": f"call-{mark}", "output": text},
            {"type": "reasoning", "id": f"rs-{mark}", "summary": [text]},
        )
        return self._rng.choice(kinds)
