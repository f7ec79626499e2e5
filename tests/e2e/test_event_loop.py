"""G1, G3, G6 on an event loop: many tasks on one client, on DynamoDB Local, while Valkey is killed."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.on_stores import on
from turnlog.drivers.event_loop import AsyncStores
from turnlog.settings import Settings

if TYPE_CHECKING:
    from tests.e2e.valkey import Valkey

pytestmark = pytest.mark.real

TASKS = 16
EACH = 25


def test_many_tasks_append_to_one_session(
    process_environment: dict[str, str], valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in process_environment.items():
        monkeypatch.setenv(name, value)
    configured = Settings(process_environment["TURNLOG_TABLE"], valkey.url, 3_600, None, True, "")
    session_id = f"e2e-{uuid4()}"

    async def main() -> tuple[list[list[int]], dict[str, Any]]:
        async with AsyncStores(configured) as stores:
            turnlog = on(stores, "alice", timeout=120)
            await turnlog.create_session(session_id=session_id)
            done = asyncio.Semaphore(0)

            async def write(task: int) -> list[int]:
                sequences = []
                for number in range(EACH):
                    message = {"role": "user", "content": f"message t{task}-{number}"}
                    answer = await turnlog.append_messages(session_id, [message], usage={"prompt_tokens": 1})
                    sequences.append(answer["first_sequence"])
                    done.release()
                return sequences

            async def disturb() -> None:
                for action in (valkey.kill, valkey.start):
                    for _ in range(TASKS * EACH // 4):
                        await done.acquire()
                    await asyncio.to_thread(action)

            disturbing = asyncio.create_task(disturb())
            acknowledged = await asyncio.gather(*map(write, range(TASKS)))
            await disturbing
            return acknowledged, (await turnlog.get_session(session_id)).raw

    acknowledged, stored = asyncio.run(main())
    assert stored["message_count"] == stored["usage"]["prompt_tokens"] == TASKS * EACH
    assert [message["sequence"] for message in stored["messages"]] == list(range(TASKS * EACH))
    for task, sequences in enumerate(acknowledged):
        assert [stored["messages"][sequence]["content"] for sequence in sequences] == [
            f"message t{task}-{number}" for number in range(EACH)
        ]
        assert sequences == sorted(sequences)
    assert sorted(chain.from_iterable(acknowledged)) == list(range(TASKS * EACH))
