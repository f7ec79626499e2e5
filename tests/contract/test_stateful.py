"""The HTTP API against the model: requests in any order, repeated, by two users; every answer foreseen.

A failure shrinks to the shortest script of requests that shows it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    MultipleResults,
    consumes,
    initialize,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contract.job_rules import JobRules
from tests.contract.words import (
    BOUND,
    BOUND_OR_0,
    CALL,
    EDIT,
    EDIT_ID,
    EXPECTED,
    FIELDS,
    IDS,
    MATCH,
    MESSAGES,
    NEW,
    NOT_THERE,
    PATCH,
    SESSIONS,
    SET,
    TITLE,
    USAGE,
    USERS,
)

if TYPE_CHECKING:
    from infra.local.server import LocalServer
    from tests.contract.conversation import At
    from tests.contract.model import Message

LONG = os.environ.get("TURNLOG_HYPOTHESIS") == "long"
SETTINGS = settings(
    max_examples=1_000 if LONG else 8,
    stateful_step_count=100 if LONG else 25,
    derandomize=not LONG,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


class Api(JobRules):
    """Requests in any order."""

    @initialize(target=SESSIONS, messages=MESSAGES)
    def begin(self, messages: list[Message]) -> MultipleResults[tuple[str, str]]:
        for user, sid in (("alice", "s0"), ("bob", "s0"), ("alice", "s1")):
            self.send(self.do_create, user, sid, messages, {})
        return multiple(*self.there)

    @rule(target=SESSIONS, user=USERS, sid=IDS, messages=MESSAGES, fields=FIELDS)
    def create(
        self, user: str, sid: str, messages: list[Message], fields: dict[str, Any]
    ) -> MultipleResults[tuple[str, str]]:
        return self.new(self.do_create, user, sid, messages, fields)

    @rule(
        target=SESSIONS, user=USERS, sid=IDS, start=BOUND_OR_0, messages=MESSAGES, fields=FIELDS, match=MATCH
    )
    def put(  # noqa: PLR0917
        self,
        user: str,
        sid: str,
        start: int,
        messages: list[Message],
        fields: dict[str, Any],
        match: str | None,
    ) -> MultipleResults[tuple[str, str]]:
        return self.new(self.do_put, user, sid, start, messages, fields, self.version(user, sid, match))

    @rule(at=SESSIONS, start=st.integers(0, 2), more=MESSAGES, fields=FIELDS, match=MATCH)
    def put_what_is_there_and_more(
        self, at: At, start: int, more: list[Message], fields: dict[str, Any], match: str | None
    ) -> None:
        """As a client does that holds the whole log."""
        messages = self.there[at].messages(start) + more
        self.send(self.do_put, *at, start, messages, fields, self.version(*at, match))

    @rule(target=SESSIONS, at=SESSIONS, sid=IDS, off=st.none() | st.integers(-3, 1), title=st.none() | TITLE)
    def fork(self, at: At, sid: str, off: int | None, title: str | None) -> MultipleResults[At]:
        """Of all messages, or of those before a sequence, which may not be there."""
        to = None if off is None else max(0, len(self.there[at].log) + off)
        return self.new(self.do_fork, at[0], sid, at[1], to, title)

    @rule(
        at=SESSIONS,
        messages=NEW | MESSAGES.filter(bool),
        usage=st.none() | USAGE,
        expected=EXPECTED,
        fields=SET,
    )
    def append(
        self, at: At, messages: list[Message], usage: Any, expected: str | None, fields: dict[str, Any]
    ) -> None:
        count = len(self.there[at].log)
        sequence = {None: None, "next": count, "last": max(0, count - 1)}[expected]
        self.send(self.do_append, *at, messages, usage, sequence, fields)

    @rule(at=SESSIONS, messages=NEW, usage=USAGE, fields=SET)
    def append_twice(
        self, at: At, messages: list[Message], usage: dict[str, int], fields: dict[str, Any]
    ) -> None:
        for _ in range(2):
            self.send(self.do_append, *at, messages, usage, None, fields)

    @rule(at=SESSIONS, call=CALL)
    def tool_call(self, at: At, call: Message) -> None:
        self.send(self.do_tool_call, *at, call)

    @rule(at=SESSIONS, back=st.integers(0, 4), off=st.sampled_from([0, 0, 0, 1]))
    def rewind(self, at: At, back: int, off: int) -> None:
        end = len(self.there[at].log) + off
        self.send(self.do_rewind, *at, max(0, end - back), end)

    @rule(at=SESSIONS, back=st.integers(0, 4), edit=EDIT, meant=st.booleans(), match=MATCH)
    def edit(self, at: At, back: int, edit: Message, meant: bool, match: str | None) -> None:
        log = self.there[at].log
        sequence = max(0, len(log) - back)
        if meant and sequence < len(log):
            edit = {**edit, "message_id": log[sequence].message_id}
        self.send(self.do_edit, *at, sequence, edit, self.version(*at, match))

    @rule(at=SESSIONS, back=st.integers(1, 3), value=st.integers(0, 1), edit_id=EDIT_ID)
    def edit_that_changes_nothing(self, at: At, back: int, value: int, edit_id: str) -> None:
        """Sent again after another edit, it undoes nothing."""
        sequence = max(0, len(self.there[at].log) - back)
        edit = {"metadata": {"a": value}, "edit_id": edit_id}
        for each in ({"metadata": {"a": value}}, edit, {"metadata": {"a": 1 - value}}, edit):
            self.send(self.do_edit, *at, sequence, each, None)

    @rule(at=SESSIONS, title=TITLE, only_if_unset=st.booleans(), match=MATCH)
    def title(self, at: At, title: str, only_if_unset: bool, match: str | None) -> None:
        self.send(self.do_title, *at, title, only_if_unset, self.version(*at, match))
        self.send(self.do_title, *at, "v", True, None)

    @rule(at=SESSIONS, patch=st.fixed_dictionaries({}, optional=PATCH), match=MATCH)
    def patch(self, at: At, patch: dict[str, Any], match: str | None) -> None:
        self.send(self.do_patch, *at, patch, self.version(*at, match))

    @rule(at=consumes(SESSIONS))
    def delete(self, at: At) -> None:
        self.send(self.do_delete, *at)

    @rule(at=SESSIONS, messages=MESSAGES)
    def put_draft(self, at: At, messages: list[Message]) -> None:
        self.send(self.do_put_draft, *at, messages)

    @rule(at=SESSIONS)
    def delete_draft(self, at: At) -> None:
        self.send(self.do_delete_draft, *at)

    @rule(user=USERS, sid=IDS, operation=st.sampled_from(NOT_THERE))
    def not_there(self, user: str, sid: str, operation: tuple[str, str, Any]) -> None:
        """Another user's, a deleted one, or none: the answer is the same."""
        if (user, sid) not in self.there:
            method, path, body = operation
            self.call(user, method, f"/sessions/{sid}{path}", body).problem(404, "not_found")

    @precondition(lambda self: self.deleted)
    @rule(which=st.integers(0, 3), messages=MESSAGES, how=st.sampled_from(("put", None, False, True, True)))
    def make_what_was_deleted(self, which: int, messages: list[Message], how: str | bool | None) -> None:
        at = sorted(self.deleted)[which % len(self.deleted)]
        if how == "put":
            self.send(self.do_put, *at, 0, messages, {}, None)
        else:
            self.send(self.do_create, *at, messages, {}, how)

    @precondition(lambda self: self.sent)
    @rule(back=st.integers(0, 9))
    def again(self, back: int) -> None:
        """An earlier request, byte for byte, as after a lost reply."""
        operation, given = self.sent[-1 - back % len(self.sent)]
        operation(*given)
        self.look(*given[:2])

    @rule(at=SESSIONS, limit=BOUND, before=BOUND, draft=st.booleans(), known=MATCH)
    def get(
        self,
        at: At,
        limit: int | None,
        before: int | None,
        draft: bool,
        known: str | None,
    ) -> None:
        query = {"limit": limit, "before": before, "draft": "true" if draft else None}
        tag = self.version(*at, known)
        headers = {} if tag is None else {"if-none-match": f'"{tag}"'}
        reply = self.call(at[0], "GET", f"/sessions/{at[1]}", query=query, headers=headers)
        session = self.there[at]
        if tag == session.version and not draft:
            assert reply.status == 304
            return
        end = min(len(session.log), len(session.log) if before is None else before)
        first = 0 if limit is None else max(0, end - limit)
        self.same(reply, session, 200)
        assert reply.body["messages"] == session.messages(first, end)
        assert reply.body["has_more"] == (first > 0)
        assert reply.body["oldest_sequence"] == (first if first < end else None)
        if draft:
            shown = reply.body["draft"]
            assert (shown and shown["messages"]) == session.draft

    @rule(at=SESSIONS, after=st.none() | st.integers(-1, 9), before=BOUND, limit=st.integers(1, 5))
    def page(self, at: At, after: int | None, before: int | None, limit: int) -> None:
        self.do_page(at, after, before, limit)

    @rule(user=USERS, limit=st.integers(1, 3), offset=st.integers(0, 2))
    def list(self, user: str, limit: int, offset: int) -> None:
        self.do_list(user, None, 2**62, limit, offset)

    @precondition(lambda self: self.cursors)
    @rule(back=st.integers(0, 5), limit=st.integers(1, 3))
    def list_on(self, back: int, limit: int) -> None:
        """From a cursor that was given earlier, whatever has changed since."""
        user, cursor, changed = self.cursors[-1 - back % len(self.cursors)]
        self.do_list(user, cursor, changed, limit, 0)

    @rule(at=SESSIONS)
    def get_draft(self, at: At) -> None:
        reply = self.call(at[0], "GET", f"/sessions/{at[1]}/draft")
        session = self.there[at]
        if session.draft is None:
            reply.problem(404, "not_found")
        else:
            assert (reply.status, reply.body["messages"]) == (200, session.draft)

    @rule(at=SESSIONS)
    def drop_cache(self, at: At) -> None:
        reply = self.call(at[0], "DELETE", f"/sessions/{at[1]}/cache")
        assert reply.status == 204

    @rule(at=SESSIONS)
    def export(self, at: At) -> None:
        self.do_export(at)


def test_any_requests(server: LocalServer) -> None:
    class Served(Api):
        url = server.url

    run_state_machine_as_test(Served, settings=SETTINGS)
