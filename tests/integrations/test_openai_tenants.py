"""G5: one session of the OpenAI Agents SDK for several tenants, each of whom has a history of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from agents import Agent, RunContextWrapper, Runner, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from turnlog import AsyncTurnlog
from turnlog.integrations.openai_agents import TurnlogSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integrations.conftest import Server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tenants(server: Server, anyio_backend: Any) -> AsyncIterator[dict[str, AsyncTurnlog]]:  # noqa: ARG001
    async with (
        AsyncTurnlog(url=server.url, token=uuid4().hex) as alice,
        AsyncTurnlog(url=server.url, token=uuid4().hex) as bob,
    ):
        yield {"alice": alice, "bob": bob}


async def test_one_session_object_for_several_tenants(tenants: dict[str, AsyncTurnlog]) -> None:
    """G5: the run's context says whose history it is; the SDK hands it to every call."""

    def of(wrapper: RunContextWrapper[str] | None) -> AsyncTurnlog:
        assert wrapper is not None
        return tenants[wrapper.context]

    @function_tool  # type: ignore[untyped-decorator]
    def half(number: int) -> float:
        """Half of it."""
        return number / 2

    session = TurnlogSession("same-id", of)
    for tenant in ("alice", "bob", "alice"):
        model = ScriptedModel(
            [[function_call("half", '{"number": 3}', call_id="c")], [assistant_message(f"1.5, {tenant}.")]]
        )
        agent = Agent(name="a", model=model, tools=[half])
        result = await Runner.run(agent, f"I am {tenant}: half of 3?", session=session, context=tenant)
        assert result.final_output == f"1.5, {tenant}."
    for tenant, turns in (("alice", 2), ("bob", 1)):
        messages = [one async for one in tenants[tenant].messages("same-id")]
        assert [one["role"] for one in messages] == ["user", "assistant", "tool", "assistant"] * turns
        contents = [one["content"] for one in messages if one["role"] == "user"]
        assert contents == [f"I am {tenant}: half of 3?"] * turns
