"""All that the processes of one schedule share, and what goes on beside them: the stream, and time."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infra.local.stream import fits
from infra.template import stream_mapping, table_definition, ttl_attribute
from tests.simulation.answer_rules import check_answer
from tests.simulation.faults import CLIENT_FAULTS
from tests.simulation.history import History, Work
from tests.simulation.memory_cache import MemoryCache
from tests.simulation.memory_table import MemoryTable
from tests.simulation.objects import MemoryObjects
from tests.simulation.process import Process
from tests.simulation.requests import answered
from tests.simulation.scheduler import Crashed, Point, Scheduler, Touch, suspended
from turnlog.errors import TurnlogError
from turnlog.limits import UPLOAD_SECONDS
from turnlog.operations.purge import work_off
from turnlog.records.keys import MESSAGE_PREFIX, parse_generation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.simulation.memory_cache import Entry
    from tests.simulation.requests import Reply, Request
    from tests.simulation.scheduler import Chooser

START = 1_800_000_000.0
_PATTERNS = stream_mapping().patterns
_DEFINITION = table_definition("sessions")
_TTL_ATTRIBUTE = ttl_attribute()
_PURGE_SECONDS = 60.0


class World:
    """A table, a cache, a clock, and what happened.

    Args:
        chooser: decides.
        caching: whether there is a cache.
        retention_days: see `turnlog.settings`.
        every_point: whether a task stops also where nothing can come between.
        tick: seconds from which on two times are two.
        bucket: whether there is one.
    """

    def __init__(
        self,
        chooser: Chooser,
        *,
        caching: bool = True,
        retention_days: int | None = None,
        every_point: bool = True,
        tick: float = 1e-6,
        bucket: bool = True,
    ) -> None:
        self.chooser = chooser
        self.caching = caching
        self.retention_days = retention_days
        self.every_point = every_point
        self.tick = tick
        self.bucket = bucket
        self.seconds = START
        self.table = MemoryTable(_DEFINITION, _TTL_ATTRIBUTE)
        self.cache = MemoryCache(lambda: self.seconds)
        self.cache_copies: list[tuple[dict[bytes, Entry], dict[bytes, float]]] = []
        self.objects = MemoryObjects(lambda: self.seconds, self._names)
        self.history = History(
            self.table,
            lambda: self.seconds,
            retention_days,
            data=lambda key: kept.data if (kept := self.objects.kept.get(key)) else None,
            objects=self.objects.during,
            coarse=tick > 1.0,
        )
        self.scheduler = Scheduler(chooser)
        self.faults: Counter[str] = Counter()
        self.trace: list[tuple[float, str, str, Any, str | None]] = []
        self.requests = 0
        self.calls = 0  # of programs
        # By client: what it asks for, and the faults that this has met, however often it was sent.
        self._asked: dict[str, tuple[Request, list[str]]] = {}
        self.struck: list[list[str]] = []
        self._tokens = 0
        self._streams: dict[str, list[dict[str, Any]]] = {}  # by partition: it is in order for an item
        self._taken: list[dict[str, Any]] = []
        self._read = 0
        self._busy: set[str] = set()

    def _names(self, object_key: str) -> bool:
        """Whether an item names this object that a reader may look for: none of what was deleted."""
        if (file := self.history.files.of_object(object_key)) is not None:
            live = self.history.sessions[file.session.session][-1].live
            return bool(self.history.files.now(file) and live and live.key == file.session)
        for key, states in self.history.sessions.items():
            for sort_key, item in self.history.items(key).items():
                if item.get("object") == {"S": object_key}:
                    live, (number, rest) = states[-1].live, parse_generation(sort_key)
                    if live is None:
                        return False
                    if rest.startswith(MESSAGE_PREFIX):
                        return live.key.generation == number
                    return self.history.transcripts.current(key, sort_key)
        return False

    def token(self) -> bytes:
        """Sixteen bytes that were never given before."""
        self._tokens += 1
        return (self._tokens * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)).to_bytes(16, "big")

    def spawn_late(self, process: Process, call: str, work: Callable[[], object]) -> None:
        """Have this done at some time."""

        async def late() -> None:
            await suspended(Point())
            self.trace.append((self.seconds, f"late, of {process.name}", call, {}, None))
            work()

        self.scheduler.spawn(f"late {self.scheduler.steps}", late())

    def upload(self, address: Mapping[str, Any], data: bytes) -> None:
        """Have a client send the bytes of a file, at some time; S3 refuses what begins too late."""
        sent = self.seconds

        async def send() -> None:
            await suspended(Point(Touch(writes=frozenset({"objects"}))))
            if self.seconds - sent <= UPLOAD_SECONDS:
                self.trace.append((self.seconds, "a client", "sends a file", {"Key": address["url"]}, None))
                self.objects.put(address["url"], data, sent)

        self.scheduler.spawn(f"upload {self.scheduler.steps}", send())

    @contextmanager
    def calm(self, chooser: Chooser) -> Iterator[None]:
        """Without faults, for a while."""
        usual = self.chooser
        self.chooser = self.scheduler.chooser = chooser
        try:
            yield
        finally:
            self.chooser = self.scheduler.chooser = usual

    async def serve(
        self,
        name: str,
        request: Request,
        *,
        seconds: float = 29.0,
        skew: float = 0.0,
        works: list[Work] | None = None,
    ) -> Reply | None:
        """Ask a function, in a process of its own; None when no answer came.

        Args:
            name: of whoever asks.
            request: what for.
            seconds: that the function has.
            skew: seconds that its clock is fast.
            works: to note there what it does.
        """
        self.requests += 1
        asked, struck = self._asked.get(name, (None, []))
        if asked is not request:
            struck = []
            self._asked[name] = (request, struck)
            self.struck.append(struck)
        work = Work(
            *(request.kind, request),
            begin=self.history.commits,
            struck=struck,
            skew=skew,
            objects=len(self.objects.events),
        )
        if works is not None:
            works.append(work)
        if request.kind == "put_draft":
            self.history.drafts[request.key].append((work, request.body["messages"]))
        process = Process(self, name, work, seconds=seconds, skew=skew)
        self.trace.append((self.seconds, name, "begins", vars(request), None))
        try:
            reply = await answered(process.store(), request)
            work.end = self.history.commits
            self.trace.append((self.seconds, name, "is answered", vars(reply), None))
            check_answer(self.history, work, reply)
            lost = await process.point("answer", {}, CLIENT_FAULTS)
        except Crashed:
            work.end = self.history.commits
            return None
        return None if lost else reply

    def ask(self, request: Request, *, seconds: float = 29.0) -> Reply:
        """Ask a function while nothing else goes on."""
        replies: list[Reply | None] = []

        async def asked() -> None:
            replies.append(await self.serve("world", request, seconds=seconds))

        self.scheduler.spawn("world", asked())
        self.scheduler.run()
        assert replies[0] is not None
        return replies[0]

    def jump(self, seconds: float) -> None:
        """Time goes by, and the table deletes what has expired."""
        self.seconds += seconds
        self.trace.append((self.seconds, "time", f"goes on by {seconds:.0f} s", {}, None))
        self.expire()

    def expire(self) -> None:
        """The table deletes what has expired; DynamoDB may take days for that."""
        self.table.expire(datetime.fromtimestamp(self.seconds, UTC))
        self.history.committed(Work("ttl"))

    def records(self) -> list[str]:
        """The partitions for which the stream has records that nobody works on."""
        for record in self.table.stream[self._read :]:
            as_event = {"eventName": record["eventName"], "dynamodb": record}
            if any(fits(as_event, pattern) for pattern in _PATTERNS):
                self._streams.setdefault(record["Keys"]["PK"]["S"], []).append(record)
        self._read = len(self.table.stream)
        return sorted(name for name, waiting in self._streams.items() if waiting and name not in self._busy)

    def deliver_all_again(self) -> None:
        """Put every record that was ever taken into the stream once more."""
        for record in self._taken:
            self._streams[record["Keys"]["PK"]["S"]].append(record)
        self._taken.clear()

    async def deliver(self, *, until_empty: bool = False) -> None:
        """Work off the stream's records as functions/purge_session.py does, each until it succeeds."""
        while not until_empty or self.records():
            await suspended(Point(ready=lambda: bool(self.records())))
            waiting = self.records()
            partition = waiting[self.chooser.choose(len(waiting))]
            record = self._streams[partition][0]
            self._busy.add(partition)
            process = Process(
                self, f"stream {record['Keys']['SK']['S']}", Work("stream"), seconds=_PURGE_SECONDS
            )
            try:
                await work_off(process.store(), record["Keys"])
                fault = await process.point("taken", {}, ("delivered again",))
            except (TurnlogError, Crashed):
                continue
            finally:
                self._busy.discard(partition)
            if fault != "delivered again":
                self._taken.append(self._streams[partition].pop(0))
