"""Of what the requests of the stateful test are made: few words, so that they often meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle


def identity(message: dict[str, Any]) -> str | int:
    """Two messages of one request do not share an id."""
    named: str | None = message.get("message_id")
    return named or id(message)


SESSIONS: Bundle[tuple[str, str]] = Bundle("sessions")
USERS = st.sampled_from(["alice", "bob"])
IDS = st.sampled_from(["s0", "s1", "s2", "s3"])
CALL = st.fixed_dictionaries({"id": st.sampled_from(["c0", "c1", "c2"])})
TEXT = st.sampled_from(["a", "b", "ü" * 700])  # the last one is stored compressed
SAID: dict[str, Any] = {"role": st.sampled_from(["user", "assistant", "tool"]), "content": TEXT}
NAMED: dict[str, Any] = {"message_id": st.sampled_from(["m0", "m1", "m2", "m3", "m4", "m5"])}
MESSAGE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(SAID) | st.fixed_dictionaries(SAID | NAMED)
CALLING: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none(), "tool_calls": st.lists(CALL, min_size=1, max_size=1)}
)
MESSAGES = st.lists(MESSAGE | CALLING, max_size=3, unique_by=identity)
NEW = st.lists(st.fixed_dictionaries(SAID | NAMED), min_size=1, max_size=3, unique_by=identity)
EDIT_ID = st.sampled_from(["e0", "e1", "e2", "e3"])
EDITED: dict[str, Any] = {"edit_id": EDIT_ID, **NAMED}
EDIT: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"removed": st.just(True)}, optional=EDITED),
    st.fixed_dictionaries({"replace": st.fixed_dictionaries(SAID)}, optional=EDITED),
    st.fixed_dictionaries(
        {"metadata": st.none() | st.dictionaries(st.sampled_from("ab"), st.none() | st.integers(0, 1))},
        optional=EDITED,
    ),
)
USAGE = st.fixed_dictionaries(
    {}, optional={name: st.integers(0, 5) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
)
TITLE = st.sampled_from(["t", "u"])
VALUE = st.sampled_from([1, {"b": 2}, [None]])
COUNTS = st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 2), max_size=2)
OBJECT = {
    "metadata": st.dictionaries(st.sampled_from(["a", "b"]), VALUE, max_size=2),
    "credentials": st.dictionaries(st.just("p"), st.fixed_dictionaries({"k": VALUE})),
    "successful_agent_runs": COUNTS,
    "successful_agent_schedules": COUNTS,
}
CHANGE = st.none() | VALUE | st.fixed_dictionaries({"b": st.none() | st.just(3)})
COUNTED = st.none() | st.dictionaries(st.sampled_from(["a", "b"]), st.none() | st.integers(0, 2), max_size=2)
PATCH = {
    "metadata": st.none() | st.dictionaries(st.sampled_from(["a", "b"]), CHANGE, max_size=2),
    "credentials": st.none()
    | st.dictionaries(st.just("p"), st.none() | st.fixed_dictionaries({"k": CHANGE})),
    "successful_agent_runs": COUNTED,
    "successful_agent_schedules": COUNTED,
    "touch": st.booleans(),
}
SET: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.fixed_dictionaries(
    {}, optional={"title": TITLE, **OBJECT}
)
FIELDS = st.fixed_dictionaries({}, optional={"title": TITLE, "usage": USAGE, **OBJECT})
MATCH = st.sampled_from([None, None, "now", "before"])
BOUND = st.none() | st.integers(0, 5)
BOUND_OR_0 = st.just(0) | st.integers(0, 3)
EXPECTED = st.sampled_from([None, None, "next", "last"])
A_MESSAGE = {"messages": [{"role": "user", "content": "a"}]}
NOT_THERE: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"metadata": {"a": 1}}),
    ("DELETE", "", None),
    ("PATCH", "/title", {"title": "t"}),
    ("GET", "/messages", None),
    ("POST", "/messages", A_MESSAGE),
    ("GET", "/messages/0", None),
    ("PATCH", "/messages/0", {"removed": True}),
    ("POST", "/fork", {"session_id": "never"}),
    ("POST", "/rewind", {"to_sequence": 0, "expected_sequence": 1}),
    ("POST", "/tool-calls", {"tool_call": {"id": "c0"}}),
    ("GET", "/openai-messages", None),
    ("GET", "/export?format=anthropic", None),
    ("PUT", "/draft", A_MESSAGE),
    ("GET", "/draft", None),
    ("DELETE", "/draft", None),
    ("DELETE", "/cache", None),
    ("GET", "/transcripts", None),
    ("GET", "/transcripts/main", None),
    ("POST", "/transcripts/main", {"entries": [{}]}),
    ("PUT", "/transcripts/main", {}),
    ("DELETE", "/transcripts/main", None),
    ("GET", "/jobs", None),
    ("POST", "/jobs/00000000-0000-5000-8000-000000000000/claim", {}),
]
