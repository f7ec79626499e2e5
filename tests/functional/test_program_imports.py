"""Imports by programs: of texts and files of any length, in steps, to the end after whatever came between."""

from __future__ import annotations

import json
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.test_programs import BOTH, program
from turnlog import Turnlog, errors
from turnlog.client import importing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.local.server import LocalServer
    from turnlog import AsyncTurnlog

Entry = dict[str, Any]


def entries(count: int) -> list[Entry]:
    """Every third without a uuid, and all of these the same."""
    return [{"mode": "plan"} if at % 3 == 2 else {"uuid": f"u{at}", "n": at} for at in range(count)]


def lines(*some: Entry) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in some)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


@pytest.fixture
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three lines each, of which not all are read at once."""
    monkeypatch.setattr(importing, "MAX_IMPORT", 3)
    monkeypatch.setattr("turnlog.client.methods.ENTRIES_AT_ONCE", 300)


async def stored(turnlog: AsyncTurnlog) -> list[Entry]:
    return [entry async for entry in turnlog.entries("s", "main")]


@pytest.mark.thorough
@BOTH
def test_a_file_of_more_than_a_request_holds(server: LocalServer, way: Any, file: Path) -> None:
    """Lines and bytes: two steps of 10,000 lines, and one of two large ones."""
    large = [{"uuid": f"large{at}", "t": '"' * 1_200_000} for at in range(2)]
    given = [*entries(20_001), *large]
    file.write_bytes(b"\xef\xbb\xbf" + lines(*given).rstrip())

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        for added in (20_003, 0):
            imported = await turnlog.import_transcript("s", "main", file)
            assert (imported.entry_count, imported.added, imported.others) == (20_003, added, 0)
        assert await stored(turnlog) == given

    program(way, server, what)


@BOTH
def test_what_a_text_may_come_in(server: LocalServer, way: Any, file: Path) -> None:
    given = lines({"uuid": "a"})
    file.write_bytes(given)

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        with file.open("rb") as opened:
            for source in (file, opened, given, given.decode(), BytesIO(given)):
                imported = await turnlog.import_transcript("s", "main", source)
                assert imported.entry_count == 1
            assert not opened.closed
        with file.open() as text:
            for wrong in (text, 5, None, str(file)):
                with pytest.raises(errors.Invalid):
                    await turnlog.import_transcript("s", "main", wrong)  # type: ignore[arg-type]
        await turnlog.import_transcript("s", "half", '{"t": "\ud83d"}')
        page = await turnlog.read_entries("s", "half")
        assert page.entries == [{"t": "\ud83d"}]

    program(way, server, what)


class Between(BytesIO):
    """A file while whose line of this number is read something happens: the steps before are stored."""

    def __init__(self, text: bytes, number: int, act: Callable[[], Any]) -> None:
        super().__init__(text)
        self._left = number
        self._act = act

    def readline(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left == 0:
            self._act()
        return super().readline(size)


@pytest.mark.thorough
@BOTH
@pytest.mark.usefixtures("short_steps")
def test_what_others_put_in_between(server: LocalServer, way: Any, file: Path) -> None:
    """They store what comes later in the file, as the agent that writes it does, and much more."""
    given = entries(9)
    theirs = [*given[6:8], {"mode": "plan"}, *({"uuid": f"other{at}"} for at in range(600))]
    file.write_bytes(lines(*given))

    async def what(turnlog: AsyncTurnlog) -> None:
        user = (await turnlog.create_session(session_id="s")).user_id
        with Turnlog(url=server.url, token=user) as other:
            text = Between(
                lines(*given),
                5,
                lambda: [other.append_entries("s", "main", some) for some in (theirs[:300], theirs[300:])],
            )
            imported = await turnlog.import_transcript("s", "main", text)
        assert (imported.entry_count, imported.added, imported.others) == (610, 7, 603)
        assert await stored(turnlog) == [*given[:3], *theirs, *given[3:6], given[8]]
        for _ in range(2):
            assert (await turnlog.import_transcript("s", "main", file)).added == 0

    program(way, server, what)


@pytest.mark.thorough
@BOTH
@pytest.mark.usefixtures("short_steps")
def test_what_is_wrong_with_a_later_line(server: LocalServer, way: Any) -> None:
    """The error names the line as it is in the file; what came before stays, and the import can go on."""
    good = entries(6)
    wrong: list[tuple[type[errors.TurnlogError], bytes, str]] = [
        (errors.EntryNotJson, b"{'a': 1}\n", "line 8: is not JSON"),
        (errors.TornLastLine, b'{"uuid": "u9", "t": "', "line 8: is not JSON, and has no end: whoever wrote"),
        (errors.Invalid, b"[]\n", "line 8: must be an object"),
        (errors.Invalid, lines({"uuid": "u0", "n": 5}), "line 8: has the uuid of line 1, and other content"),
        (errors.EntryUuidReused, lines({"uuid": "theirs", "n": 1}), "line 8: "),
        (errors.EntryUuidReused, lines({"uuid": "before", "n": 1}), "line 8: "),
    ]

    async def what(turnlog: AsyncTurnlog) -> None:
        user = (await turnlog.create_session(session_id="s")).user_id
        with Turnlog(url=server.url, token=user) as other:
            for kind, line, told in wrong:
                await turnlog.append_entries("s", "main", [{"uuid": "before"}])
                act = partial(other.append_entries, "s", "main", [{"uuid": "theirs"}])
                text = Between(b"\n" + lines(*good) + line, 6, act)
                with pytest.raises(kind) as raised:
                    await turnlog.import_transcript("s", "main", text)
                assert raised.value.detail.startswith(told.replace("line 1,", "line 2,"))
                assert raised.value.extra["line"] == 8
                shown = [entry for entry in await stored(turnlog) if "n" in entry or "mode" in entry]
                assert shown == good[: len(shown)]
                assert len(shown) >= 3
                assert (await turnlog.import_transcript("s", "main", lines(*good))).entry_count == 8
                await turnlog.delete_transcript("s", "main")

    program(way, server, what)


@BOTH
def test_the_line_of_a_refusal_is_that_of_the_file(server: LocalServer, way: Any) -> None:
    """Of what Turnlog answers, which sees no blank lines."""

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        await turnlog.append_entries("s", "main", [{"uuid": "there"}])
        text = b"\n" + lines({"uuid": "a"}) + b"\n\n" + lines({"uuid": "there", "n": 1})
        with pytest.raises(errors.EntryUuidReused, match="line 5: ") as raised:
            await turnlog.import_transcript("s", "main", text)
        assert (raised.value.extra["line"], raised.value.extra["position"]) == (5, 0)
        assert await stored(turnlog) == [{"uuid": "there"}]

    program(way, server, what)


@pytest.mark.thorough
@BOTH
def test_an_entry_that_no_answer_holds(server: LocalServer, way: Any) -> None:
    """It goes and comes by the bucket over HTTP, which programs do by themselves."""
    large, others = {"uuid": "large", "t": "x" * 6_000_000}, [{"uuid": "a"}, {"uuid": "z"}]
    text = lines(others[0], large, others[1])

    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        assert (await turnlog.import_transcript("s", "main", text)).added == 3
        assert await stored(turnlog) == [others[0], large, others[1]]
        assert (await turnlog.import_transcript("s", "main", text)).added == 0
        assert (await turnlog.append_entries("s", "main", [large])).replayed
        with pytest.raises(errors.TooLarge, match="Send fewer"):
            await turnlog.append_entries("s", "main", [{"n": 1}, {"t": large["t"]}])
        page = await turnlog.read_entries("s", "main", after=0)
        assert (page.entries, page.has_more) == ([large], True)
        assert (page.first_position, page.last_position, page.file) == (1, 1, None)

    program(way, server, what)


@pytest.mark.thorough
@BOTH
@pytest.mark.usefixtures("short_steps")
def test_deleted_between_two_steps(server: LocalServer, way: Any) -> None:
    """The first lines are gone: it is told, and the next import stores all of them."""
    given = entries(9)

    async def what(turnlog: AsyncTurnlog) -> None:
        user = (await turnlog.create_session(session_id="s")).user_id
        with Turnlog(url=server.url, token=user) as other:

            def begin_anew() -> None:
                other.delete_transcript("s", "main")
                other.append_entries("s", "main", [{}] * 5)

            with pytest.raises(errors.PositionMismatch):
                await turnlog.import_transcript("s", "main", Between(lines(*given), 5, begin_anew))
        assert await stored(turnlog) == [{}] * 5
        assert (await turnlog.import_transcript("s", "main", lines(*given))).added == 9

    program(way, server, what)


@BOTH
def test_nothing_to_import(server: LocalServer, way: Any) -> None:
    async def what(turnlog: AsyncTurnlog) -> None:
        await turnlog.create_session(session_id="s")
        for text in ("", "\n \n", b"\xef\xbb\xbf"):
            with pytest.raises(errors.Invalid, match="at least one entry"):
                await turnlog.import_transcript("s", "main", text)

    program(way, server, what)
