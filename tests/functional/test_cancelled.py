"""Operations on a loop that are cancelled at every place where they wait, on a table, a bucket and a cache.

What a cancelled operation leaves is the session as it was, or as it was to be; made again, it is as it was to
be. Whoever comes next is answered by its own, and no connection stays behind.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.cancelling import When, cancelled, run_clean
from tests.functional.world import wait_until
from tests.on_stores import on
from turnlog.coroutines import run
from turnlog.drivers.blocking import clients
from turnlog.drivers.event_loop import AsyncStores
from turnlog.errors import Gone, NotFound
from turnlog.settings import settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from turnlog import AsyncTurnlog

    Call = Callable[[AsyncTurnlog, str], Awaitable[Any]]

pytestmark = pytest.mark.usefixtures("server")

# More than an item holds: it lies in the bucket.
LARGE = random.Random(1).randbytes(500_000).hex()
SHOWN = ("title", "metadata", "usage", "message_count")


def said(by: str, *numbers: int) -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"{by} {at}", "message_id": f"{by}-{at}"} for at in numbers]


def lines(by: str, *numbers: int) -> list[dict[str, Any]]:
    return [{"uuid": f"{by}-{at}", "text": f"{by} {at}"} for at in numbers]


MINE = said("mine", 0, 1, 2)
ENTRIES = lines("mine", 0, 1)
TEXT = "".join(f'{{"uuid": "mine-{at}", "text": "mine {at}"}}\n' for at in range(4))

OPERATIONS: dict[str, Call] = {
    "append": lambda user, id_: user.append_messages(id_, said("mine", 3), usage={"prompt_tokens": 2}),
    "put": lambda user, id_: user.put_session(id_, messages=[*MINE, *said("mine", 3, 4)], title="put"),
    "rewind": lambda user, id_: user.rewind_session(id_, to_sequence=1, expected_sequence=3, rewind_id="r"),
    "title": lambda user, id_: user.set_title(id_, "set"),
    "patch": lambda user, id_: user.patch_session(id_, metadata={"patched": True}),
    "tool call": lambda user, id_: user.add_tool_call(id_, {"id": "c"}),
    "create": lambda user, id_: user.create_session(session_id=f"{id_}-new", messages=said("mine", 0)),
    "delete": lambda user, id_: user.delete_session(id_),
    "get": lambda user, id_: user.get_session(id_),
    "list": lambda user, _: user.list_sessions(),
    "page": lambda user, id_: user.list_messages(id_, after=0),
    "export": lambda user, id_: user.export_openai_messages(id_),
    "entries": lambda user, id_: user.append_entries(id_, "main", lines("mine", 2), batch_id="b"),
    "an object": lambda user, id_: user.append_entries(
        id_, "main", [{"uuid": "o", "text": LARGE}], batch_id="b"
    ),
    "read entries": lambda user, id_: user.read_entries(id_, "main"),
    "read an object": lambda user, id_: user.read_entries(id_, "large"),
    "transcripts": lambda user, id_: user.list_transcripts(id_),
    "import": lambda user, id_: user.import_transcript(id_, "main", TEXT),
    "delete a transcript": lambda user, id_: user.delete_transcript(id_, "main"),
    "put a draft": lambda user, id_: user.put_draft(id_, said("drafted", 0)),
    "get a draft": lambda user, id_: user.get_draft(id_),
    "delete a draft": lambda user, id_: user.delete_draft(id_),
}


async def begun(user: AsyncTurnlog, operation: str) -> str:
    """A session with all that one can have, as far as the operation looks at it."""
    session = await user.create_session(messages=MINE, title="begun", usage={"prompt_tokens": 1})
    id_: str = session["session_id"]
    await user.append_entries(id_, "main", ENTRIES)
    if operation == "read an object":
        await user.append_entries(id_, "large", [{"text": LARGE}])
    await user.put_draft(id_, said("draft", 0))
    return id_


async def there(user: AsyncTurnlog, id_: str) -> Any:
    """All that there is of a session, and of the one that is created."""
    found: dict[str, Any] = {}
    for name in (id_, f"{id_}-new"):
        with suppress(NotFound):
            session = await user.get_session(name)
            found[name.removeprefix(id_)] = [
                *(session[field] for field in SHOWN),
                [(one["content"], one.get("tool_calls")) for one in session["messages"]],
            ]
    with suppress(NotFound):
        found["draft"] = [one["content"] for one in (await user.get_draft(id_))["messages"]]
    with suppress(NotFound):
        for transcript in (await user.list_transcripts(id_))["transcripts"]:
            found[transcript["name"]] = (await user.read_entries(id_, transcript["name"]))["entries"]
    return found


class Others:
    """Other users, whose sessions say whose they are."""

    def __init__(self, stores: AsyncStores) -> None:
        self._users = {name: on(stores, f"{name}-{uuid4().hex}") for name in ("bob", "carol")}

    async def begin(self) -> None:
        for name, user in self._users.items():
            await user.create_session(session_id="s", messages=said(name, 0, 1))
            await user.append_entries("s", "main", lines(name, 0, 1))

    async def find_their_own(self) -> None:
        """All at once, more than there are idle connections."""
        await asyncio.gather(*(self._finds_its_own(name) for name in self._users))

    async def _finds_its_own(self, name: str) -> None:
        user = self._users[name]
        session, page, entries = await asyncio.gather(
            user.get_session("s"), user.list_messages("s", after=0), user.read_entries("s", "main")
        )
        assert [one["content"] for one in session["messages"]] == [f"{name} 0", f"{name} 1"]
        assert [one["content"] for one in page["messages"]] == [f"{name} 1"]
        assert entries["entries"] == lines(name, 0, 1)


@pytest.mark.parametrize(
    ("operation", "late", "again"),
    [
        ("append", True, False),
        pytest.param("append", False, True, marks=pytest.mark.thorough),
        *(
            pytest.param(operation, *(((True, False), (False, True))[at % 2]), marks=pytest.mark.thorough)
            for at, operation in enumerate(OPERATIONS)
            if at
        ),
    ],
)
def test_a_cancelled_operation_leaves_what_was_or_what_was_to_be(
    operation: str, late: bool, again: bool, valkey: Any
) -> None:
    call = OPERATIONS[operation]

    async def main() -> int:
        async with AsyncStores(settings()) as stores:
            user, others = on(stores, f"user-{uuid4().hex}"), Others(stores)
            await others.begin()
            id_ = await begun(user, operation)
            before = await there(user, id_)
            await call(user, id_)
            after = await there(user, id_)
            times, was_cancelled = 0, True
            while was_cancelled:
                id_ = await begun(user, operation)
                was_cancelled = await cancelled(_made(call, user, id_), When(times + 1, late, again))
                await others.find_their_own()
                assert await there(user, id_) in ((before, after) if was_cancelled else (after,))
                with suppress(NotFound, Gone):  # it was deleted by the one that was cancelled
                    await call(user, id_)
                assert await there(user, id_) == after
                times += was_cancelled
            together = [user.list_sessions(limit=1) for _ in range(60)]
            await asyncio.gather(*together)
            return times

    functions_cache = clients()[1]  # the purge's
    assert functions_cache
    run(functions_cache.run(("PING",)))
    connected = len(valkey.client_list())
    times = run_clean(main)
    assert times >= 1
    wait_until(lambda: len(valkey.client_list()) <= connected)


async def _made(call: Call, user: AsyncTurnlog, id_: str) -> None:
    await call(user, id_)
