"""Server-sent events, as clients read them out of bytes that are cut anywhere."""

from __future__ import annotations

import pytest

from turnlog.client.sse import Frame, Frames

ANSWER = (
    "retry: 1000\n\n"
    'id: s.1.1\ndata: {"type":"text-delta","delta":"a\u2028b\u0085c é"}\n\n'
    ": hb\n\n"
    'id: s.1.2\nevent: reset\ndata: {"cursor":"s.1.2"}\n\n'
    "event: end\ndata: {}\n\n"
).encode()
READ = [
    Frame("message", '{"type":"text-delta","delta":"a\u2028b\u0085c é"}', "s.1.1"),
    Frame("", "hb", "s.1.1"),
    Frame("reset", '{"cursor":"s.1.2"}', "s.1.2"),
    Frame("end", "{}", "s.1.2"),
]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_answer_that_is_cut_anywhere(end: bytes) -> None:
    answer = ANSWER.replace(b"\n", end)
    # Behind a CR alone the reader has to see one byte more.
    for at in range(len(answer) + 1):
        frames = Frames()
        found = [*frames.feed(answer[:at]), *frames.feed(answer[at:]), *frames.feed(b":")]
        assert found == READ, at
        assert (frames.last_id, frames.retry) == ("s.1.2", 1.0)


def test_byte_by_byte() -> None:
    frames = Frames()
    assert [frame for at in range(len(ANSWER)) for frame in frames.feed(ANSWER[at : at + 1])] == READ


def test_an_event_whose_end_did_not_come_is_none() -> None:
    """Its reader comes again with the id of the one before."""
    frames = Frames()
    assert frames.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n") == [Frame("message", "a", "1")]
    assert frames.last_id == "1"


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (b"data: a\ndata:b\ndata\n\n", [Frame("message", "a\nb\n", None)]),
        (b"\xef\xbb\xbfdata: a\n\n", [Frame("message", "a", None)]),
        (b"data:  a\n\n", [Frame("message", " a", None)]),
        (b"event: x\n\ndata: a\n\n", [Frame("message", "a", None)]),
        (b"id: 1\nid: \0\ndata: a\n\n", [Frame("message", "a", "1")]),
        (b"retry: soon\nother: x\ndata: a\n\n", [Frame("message", "a", None)]),
        (b"data: \xff\n\n", [Frame("message", "\ufffd", None)]),
    ],
)
def test_the_standards_rules(answer: bytes, read: list[Frame]) -> None:
    frames = Frames()
    assert frames.feed(answer) == read
    assert frames.retry is None
