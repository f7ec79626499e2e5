"""What operations hold at their peak: a get beside its answer, others beside what a small request names."""

from __future__ import annotations

import json
import time
import tracemalloc
from base64 import b64encode
from contextlib import closing
from importlib import import_module
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from infra import template
from tests.benchmark.bench import bench
from tests.benchmark.targets import targets
from tests.benchmark.units import World
from tests.benchmark.workloads import weighing
from turnlog.client.importing import Known, steps
from turnlog.client.request import TAKE_FILES
from turnlog.coroutines import run
from turnlog.drivers.blocking import SystemClock
from turnlog.errors import Diverged, EntryUuidReused, MessageIdReused, TooLarge, TurnlogError, Unavailable
from turnlog.http.events import parse as parse_event
from turnlog.limits import BODY_FILE_LIMIT, COMPARED_BYTES, PAYLOAD_LIMIT
from turnlog.operations.add_tool_call import add_tool_call
from turnlog.operations.append_entries import append_entries
from turnlog.operations.append_messages import append_messages
from turnlog.operations.create_session import create_session
from turnlog.operations.edit_message import edit_message
from turnlog.operations.import_transcript import import_transcript
from turnlog.operations.put_session import put_session
from turnlog.operations.read_session import following, newest
from turnlog.operations.rewind_session import rewind_session
from turnlog.records.jsonl import parse
from turnlog.store.protocols import Address
from turnlog.store.retry import RESERVE

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import datetime

    from turnlog.http.endpoint import Endpoint

T = TypeVar("T")

LARGE = "2026-01-01 INFO all is well\n" * 7_000
"""200 KB of a log, as tools put it out: deflate makes a hundredth of it."""


@pytest.mark.real
def test_a_get_takes_less_than_three_times_its_answer() -> None:
    """Of a fresh process, as the bench weighs it, warm and cold: what is let go before the next is made."""
    with bench(["turnlog", "handlers"]) as run_of:
        weighing(run_of)
    weighed = targets(run_of.cells)
    assert len(weighed) == 2
    assert all(one.reached for one in weighed), weighed


@pytest.mark.thorough
def test_small_messages_before_large_ones_are_no_reason_to_hold_all_of_those() -> None:
    """Of many at once, as the small ones suggest; most of what is read does not fit into the answer."""
    world = World()

    def read(*, cached: bool) -> int:
        async def reading() -> int:
            store = world.store(cached=cached)
            return (await newest(store, await store.head(world.key))).length

        tracemalloc.start()
        try:
            assert 1_000 < run(reading()) < 1_050
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    filling = world.store(cached=False)
    run(create_session(filling, world.key))
    for _ in range(300):
        run(append_messages(filling, world.key, [{"role": "tool", "content": LARGE}]))
    for _ in range(20):
        run(append_messages(filling, world.key, [{"role": "user", "content": "yes"}] * 50))
    without, cold, warm = read(cached=False), read(cached=True), read(cached=True)
    assert max(without, cold, warm) < 5 * PAYLOAD_LIMIT, (without, cold, warm)


def weighed(work: Coroutine[Any, Any, T]) -> tuple[T, int]:
    """What an operation gives, and the bytes that it holds at its peak."""
    tracemalloc.start()
    try:
        return run(work), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak_of(work: Coroutine[Any, Any, Any], refusal: type[TurnlogError]) -> int:
    """Bytes that an operation holds at its peak, which is refused in the end."""
    tracemalloc.start()
    try:
        with pytest.raises(refusal):
            run(work)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def noise(size: int, seed: int) -> str:
    """Text that deflate makes no smaller than three quarters."""
    return b64encode(Random(seed).randbytes(size * 3 // 4)).decode()


@pytest.mark.thorough
def test_a_small_request_that_names_large_messages() -> None:
    """They are read and compared in steps: of what differs at once, no more than the first step is read."""
    world = World()
    store = world.store(cached=False)
    run(create_session(store, world.key))
    for number in range(99):
        content, message_id = noise(900_000, number), f"m{number}"
        large = {"role": "user", "content": content, "message_id": message_id}
        run(append_messages(store, world.key, [large]))
    small = [{"role": "user", "content": "x", "message_id": f"m{number}"} for number in range(99)]
    for refused, error in (
        (append_messages(store, world.key, small), MessageIdReused),
        (put_session(store, world.key, small), Diverged),
    ):
        before = world.table.reads
        with pytest.raises(error):
            run(refused)
        # Units are of 4 KB.
        assert world.table.reads - before < COMPARED_BYTES // 4_096


def test_a_small_request_that_names_messages_in_the_bucket() -> None:
    """One is read, compared and let go before the next one; of what is only looked at, none is read."""
    world, bucket = World(), MemoryObjects()
    store = world.store()._replace(objects=bucket)
    run(create_session(store, world.key))
    for number in range(12):
        content, message_id = noise(6_000_000, number), f"m{number}"
        large = {"role": "tool", "content": content, "message_id": message_id}
        run(append_messages(store._replace(in_process=True), world.key, [large]))
    small = [{"role": "user", "content": "x", "message_id": f"m{number}"} for number in range(12)]
    head = run(store.head(world.key))
    refused: list[tuple[Coroutine[Any, Any, Any], type[TurnlogError], int]] = [
        (append_messages(store, world.key, small), MessageIdReused, 1),
        (put_session(store, world.key, small), Diverged, 1),
        (put_session(store, world.key, small, start=12), MessageIdReused, 0),
    ]
    for work, error, reads in refused:
        before = bucket.read
        # Twice its JSON, and its text.
        assert peak_of(work, error) < 25_000_000
        assert bucket.read - before == reads
    before = bucket.read
    for reading, shown in (
        (newest(store, head), "m11"),
        (following(store, head, after=-1, before=None, limit=12), "m0"),
    ):
        page, peak = weighed(reading)
        # Its client reads it whole, so a page has one.
        (told,) = json.loads(b"[" + page.messages + b"]")
        assert (told["message_id"], told["file"]["size"] > 6_000_000) == (shown, True)
        assert peak < 1_000_000
    assert bucket.read == before
    assert run(newest(store._replace(in_process=True), head)).length == 1
    assert bucket.read - before == 1
    run(add_tool_call(store, world.key, {"id": "c"}))
    assert bucket.read - before == 1
    run(rewind_session(store, world.key, 0, expected=13))
    assert bucket.read - before == 1
    assert not bucket.kept


@pytest.mark.thorough
def test_a_small_request_that_names_messages_which_compress_to_nothing() -> None:
    """They are items, of 16 KB each, and 16 MB of JSON: none is unpacked that will not be answered."""
    world = World()
    store = world.store()
    run(create_session(store, world.key))
    for number in range(12):
        large = {"role": "tool", "content": "x" * (16 << 20), "message_id": f"m{number}"}
        run(append_messages(store._replace(in_process=True), world.key, [large]))
    small = [{"role": "user", "content": "x", "message_id": f"m{number}"} for number in range(12)]
    head = run(store.head(world.key))
    for work, error, most in (
        (append_messages(store, world.key, small), MessageIdReused, 80_000_000),
        (put_session(store, world.key, small), Diverged, 80_000_000),
        (put_session(store, world.key, small, start=12), MessageIdReused, 1_000_000),
        (newest(store, head), TooLarge, 1_000_000),
    ):
        assert peak_of(work, error) < most


@pytest.mark.thorough
def test_a_small_request_that_names_a_large_message_of_many_parts() -> None:
    """What Python makes of its JSON would be ten times as much: it is compared as text, or not at all."""
    world, bucket = World(), MemoryObjects()
    store = world.store()._replace(objects=bucket)
    run(create_session(store, world.key))
    parts = [{"type": "text", "text": "x"}] * 400_000
    large: dict[str, Any] = {"role": "assistant", "content": parts, "message_id": "m"}
    run(append_messages(store._replace(in_process=True), world.key, [large]))
    size = 27 * len(parts)
    small: dict[str, Any] = {**large, "content": parts[:9]}
    for work, refusal in (
        (append_messages(store, world.key, [small]), MessageIdReused),
        (put_session(store, world.key, [small]), Diverged),
    ):
        assert peak_of(work, refusal) < 4 * size
    for call in ({"id": "c"}, {"id": "d"}):
        added, peak = weighed(add_tool_call(store, world.key, call))
        assert peak < 4 * size
        assert json.loads(added.message)["sequence"] == 1
    replace = edit_message(store, world.key, 0, {"replace": {"role": "assistant", "content": parts[:9]}})
    assert weighed(replace)[1] < 4 * size


@pytest.mark.thorough
def test_a_small_request_that_names_large_batches_of_entries() -> None:
    """Each batch is read, compared and let go."""
    world = World()
    bucket = MemoryObjects()
    store = world.store()._replace(objects=bucket)
    run(create_session(store, world.key))
    for number in range(60):
        entries = [{"uuid": f"u{number}"}, {"large": noise(4_000_000, number)}]
        run(append_entries(store, world.transcript, entries))
    named = [{"uuid": f"u{number}"} for number in range(59)] + [{"uuid": "u59", "other": 1}]
    before = world.table.requests.total()
    assert peak_of(append_entries(store, world.transcript, named), EntryUuidReused) < 40_000_000
    # The transcript's head, the session's, and one Query and one GetObject for each batch.
    assert (world.table.requests.total() - before, bucket.read) == (2 + 60, 60)


@pytest.mark.thorough
@pytest.mark.parametrize("operation", sorted(TAKE_FILES))
def test_a_body_of_64_mb_takes_a_half_of_its_functions_memory(operation: str) -> None:
    """As noise, which compresses least, and without a cache. The other half is for Python itself."""
    world = World()
    store = world.store(cached=False)._replace(objects=MemoryObjects())
    first = [{"role": "user", "content": "x"}] if operation == "edit_message" else []
    run(create_session(store, world.key, first))
    said = noise(BODY_FILE_LIMIT - 1_000, 1)
    message, entry = {"role": "user", "content": said}, {"uuid": "e", "text": said}
    bodies: dict[str, dict[str, Any]] = {
        "append_entries": {"entries": [entry]},
        "append_messages": {"messages": [message]},
        "edit_message": {"replace": message},
        "import_transcript": entry,
        "put_session": {"messages": [message]},
    }
    data = json.dumps(bodies[operation]).encode()
    del said, message, entry, bodies
    event = {"user_id": world.key.user_id, "session_id": world.key.session_id, "name": "t", "sequence": 0}
    call = parse_event(event, "-")._replace(data=data)
    handler: Endpoint = import_module(f"functions.{operation}").handler
    answer, peak = weighed(handler.answer(store, call))
    assert answer.status in {200, 201}
    (memory,) = [one.memory_size for one in template.functions() if one.operation == operation]
    assert len(data) + peak < memory * 1_000_000 // 2


@pytest.mark.thorough
def test_a_small_import_into_a_transcript_of_large_batches() -> None:
    """It looks through all of them, of which it holds two at the most."""
    world = World()
    bucket = MemoryObjects()
    store = world.store()._replace(objects=bucket)
    run(create_session(store, world.key))
    for number in range(40):
        entries = [{"uuid": f"u{number}"}, {"large": noise(4_000_000, number)}]
        run(append_entries(store, world.transcript, entries))
    lines = parse(b'{"uuid":"new"}\n{"uuid":"u39","other":1}\n')
    assert peak_of(import_transcript(store, world.transcript, lines), EntryUuidReused) < 40_000_000
    assert bucket.read == 40


@pytest.mark.thorough
def test_a_file_is_imported_in_steps_of_which_one_is_held() -> None:
    """The file is read as the steps are made: it could be of any length."""

    class File(BytesIO):
        left = 100_000

        def readline(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 (as the base has it)
            self.left -= 1
            entry = {"uuid": f"u{self.left}", "t": "x" * 2_000}
            return json.dumps(entry).encode() + b"\n" if self.left >= 0 else b""

    tracemalloc.start()
    with closing(Known()) as known:
        sizes = [len(step.text) for step in steps(File(), known)]
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) > 200_000_000
    assert peak < 40_000_000


def test_what_there_is_no_time_to_compare_is_not_written() -> None:
    world = World()
    store = world.store()
    run(create_session(store, world.key))
    for number in range(3):
        run(append_entries(store, world.transcript, [{"uuid": f"u{number}"}]))
    named = [{"uuid": "u0"}, {"uuid": "u1"}, {"uuid": "new"}]
    late = store._replace(clock=SystemClock(time.monotonic() + RESERVE - 1))
    with pytest.raises(Unavailable, match="no time to compare"):
        run(append_entries(late, world.transcript, named))
    head = run(store.find_transcript(world.transcript.of(world.key.at(0))))
    assert head
    assert head.length == 3


class MemoryObjects:
    """A bucket that counts what is read."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.read = 0

    async def put(self, key: str, data: bytes, *, gzip: bool = False) -> None:
        del gzip
        self.kept[key] = data

    async def get(self, key: str) -> bytes:
        self.read += 1
        return self.kept[key]

    async def copy(self, key: str, to: str) -> None:
        self.kept[to] = self.kept[key]

    async def delete(self, key: str) -> None:
        del self.kept[key]

    async def has(self, key: str) -> bool:
        return key in self.kept

    async def upload(self, key: str, *, size: int, sha256: str, media_type: str) -> Address:
        raise NotImplementedError(key)

    async def download(
        self, key: str, *, name: str = "", media_type: str = "", gzip: bool = False
    ) -> Address:
        del name, media_type, gzip
        return Address("GET", f"memory:{key}", {})

    async def list(self, prefix: str, before: str = "") -> dict[str, datetime]:
        raise NotImplementedError(prefix)
