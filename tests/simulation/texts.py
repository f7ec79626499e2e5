"""What clients say: each thing once, so that it is known where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random


class Texts:
    """Messages and tool calls no two of which are alike.

    Args:
        rng: decides.
        first: the number behind which theirs begin.
    """

    def __init__(self, rng: Random, first: int = 0) -> None:
        self._rng = rng
        self._count = first

    def mark(self) -> int:
        """A number that was not given before."""
        self._count += 1
        return self._count

    def message(self, user: str, *, named: bool) -> dict[str, Any]:
        """A message, with an id of the client's if it is named."""
        mark, rng = self.mark(), self._rng
        padding = "-" * rng.choice((0, 0, 0, 40, 400))
        message: dict[str, Any] = {
            "role": rng.choice(("user", "user", "assistant", "assistant", "tool")),
            "content": f"{mark} of {user}.{padding}",
        }
        if rng.random() < 0.2:
            message["annotations"] = [{"score": rng.choice((1, 1.0)), "url": None}]
        if message["role"] == "assistant" and rng.random() < 0.2:
            message["tool_calls"] = [self.call(user)]
        return message | ({"message_id": f"id-{mark}"} if named else {})

    def respelled(self, message: dict[str, Any]) -> dict[str, Any]:
        """The same message, as a client in another language sends it again."""
        if annotations := message.get("annotations"):
            score = annotations[0]["score"]
            other = {"score": int(score) if isinstance(score, float) else float(score)}
            return {"refusal": None, "annotations": [other]} | {
                name: value for name, value in message.items() if name != "annotations"
            }
        return dict(message)

    def call(self, user: str) -> dict[str, Any]:
        """A tool call without an id."""
        return {"type": "function", "function": {"name": "f", "arguments": f"{self.mark()} of {user}."}}
