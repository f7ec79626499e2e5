"""Agents with a conversation to hold, each prompt once: `python -m tests.integrations.agents_that_die`.

It takes which SDK, which way to Turnlog, as whom, the conversation's id, and the prompts. It asks the history
which of them are answered, and goes on behind those. A line is printed for each answer.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agents import Agent, Runner
from claude_agent_sdk import AssistantMessage, ClaudeAgentOptions, TextBlock, project_key_for_directory, query

from turnlog import AsyncTurnlog
from turnlog.integrations.claude import TurnlogSessionStore
from turnlog.integrations.openai_agents import TurnlogSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


@asynccontextmanager
async def reached(way: str, user: str) -> AsyncIterator[AsyncTurnlog]:
    """Turnlog: `direct`, or the URL of its API."""
    if way == "direct":
        async with AsyncTurnlog(user_id=user) as direct:
            yield direct
    else:
        async with AsyncTurnlog(url=way, token=user) as client:
            yield client


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def claude(turnlog: AsyncTurnlog, conversation: str, prompts: Sequence[str]) -> None:
    """An agent of the Claude Agent SDK: each prompt a run of Claude Code, which resumes the one before."""
    store = TurnlogSessionStore(turnlog)
    key = {"project_key": project_key_for_directory(None), "session_id": conversation}
    entries = await store.load(key)
    done = sum(entry["type"] == "assistant" for entry in entries or ())
    for number, prompt in enumerate(prompts[done:], done):
        options = ClaudeAgentOptions(
            session_store=store,
            tools=[],
            setting_sources=[],
            **({"resume": conversation} if number else {"session_id": conversation}),
        )
        async for message in query(prompt=prompt, options=options):
            if isinstance(message, AssistantMessage):
                say("".join(block.text for block in message.content if isinstance(block, TextBlock)))


async def openai(turnlog: AsyncTurnlog, conversation: str, prompts: Sequence[str]) -> None:
    """An agent of the OpenAI Agents SDK."""
    session = TurnlogSession(conversation, turnlog)
    items = await session.get_items()
    done = sum(item.get("role") == "assistant" for item in items)
    if len(items) > 2 * done:
        await session.pop_item()  # the prompt that was not answered
    for prompt in prompts[done:]:
        say((await Runner.run(Agent(name="agent"), prompt, session=session)).final_output)


async def main(sdk: str, way: str, user: str, conversation: str, *prompts: str) -> None:
    """Hold the conversation."""
    async with reached(way, user) as turnlog:
        await {"claude": claude, "openai": openai}[sdk](turnlog, conversation, prompts)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
