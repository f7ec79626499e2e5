"""What each request does, to the API and to the model."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.contract.conversation import Conversation
from tests.contract.model import Refused

if TYPE_CHECKING:
    from tests.contract.conversation import At
    from tests.contract.model import Message


class Requests(Conversation):
    """Writes, and pages of the list, each checked against the model as it is made."""

    def do_create(
        self,
        user: str,
        sid: str,
        messages: list[Message],
        fields: dict[str, Any],
        recreate: bool | None = None,
    ) -> None:
        given = {} if recreate is None else {"recreate": recreate}
        body = {"session_id": sid, "messages": messages, **fields, **given}
        reply = self.call(user, "POST", "/sessions", body)
        if (user, sid) in self.deleted and not recreate:
            assert "recreate" in reply.problem(410, "gone")["detail"]
        elif session := self.there.get((user, sid)):
            self.same(reply, session, 200)
        else:
            self.same(reply, self.made(user, sid, messages, fields), 201)
            assert reply.headers["location"] == f"/sessions/{sid}"

    def do_put(  # noqa: PLR0917
        self,
        user: str,
        sid: str,
        start: int,
        messages: list[Message],
        fields: dict[str, Any],
        version: int | None,
    ) -> None:
        body = {"start_sequence": start, "messages": messages, **fields}
        reply = self.call(user, "PUT", f"/sessions/{sid}", body, headers=if_match(version))
        session = self.there.get((user, sid))
        try:
            distinct(messages)
            self.puttable(user, sid, start, version)
            if session is None:
                session, status = self.made(user, sid, messages, fields), 201
            else:
                session.put(start, messages, fields, self.tick())
                status = 200
        except Refused as refused:
            self.refused(reply, refused)
        else:
            self.same(reply, session, status)

    def do_fork(self, user: str, sid: str, source: str, to: int | None, title: str | None) -> None:
        """Make the session of `source`."""
        given = {"session_id": sid, "to_sequence": to, "title": title}
        body = {name: value for name, value in given.items() if value is not None}
        reply = self.call(user, "POST", f"/sessions/{source}/fork", body)
        if (user, sid) in self.deleted:
            assert "recreate" in reply.problem(410, "gone")["detail"]
        elif session := self.there.get((user, sid)):
            of_it = [end for one, end in [session.origin or ("", 0)] if one == source]
            if of_it and to in {None, *of_it}:
                self.same(reply, session, 200)
            else:
                reply.problem(409, "session_exists")
        elif of := self.expect(reply, user, source):
            try:
                fork = of.fork(source, to, title, self.tick())
            except Refused as refused:
                self.refused(reply, refused)
            else:
                self.there[user, sid] = fork
                self.same(reply, fork, 201)
                assert reply.headers["location"] == f"/sessions/{sid}"

    def do_append(  # noqa: PLR0917
        self,
        user: str,
        sid: str,
        messages: list[Message],
        usage: dict[str, int] | None,
        expected: int | None,
        fields: dict[str, Any],
    ) -> None:
        given = {"usage": usage, "expected_sequence": expected, "set": fields or None}
        body = {"messages": messages, **{name: value for name, value in given.items() if value is not None}}
        reply = self.call(user, "POST", f"/sessions/{sid}/messages", body)
        if (session := self.expect(reply, user, sid)) is None:
            return
        try:
            sequences, replayed = session.append(messages, usage, expected, fields, self.tick())
        except Refused as refused:
            self.refused(reply, refused)
            return
        self.see(session, reply.body["messages"])
        first_stored = [
            session.log[at].shown(at, session.log[at].sent.get("tool_calls", [])) for at in sequences
        ]
        assert (reply.status, reply.body) == (
            200 if replayed else 201,
            {
                "messages": first_stored,
                "first_sequence": min(sequences),
                "last_sequence": max(sequences),
                "message_count": len(session.log),
                "version": session.version,
                "replayed": replayed,
            },
        )

    def do_tool_call(self, user: str, sid: str, call: Message) -> None:
        reply = self.call(user, "POST", f"/sessions/{sid}/tool-calls", {"tool_call": call})
        if (session := self.expect(reply, user, sid)) is None:
            return
        sequence = session.tool_call(call, self.tick())
        self.see(session, [reply.body["message"]])
        assert (reply.status, reply.body["message"]) == (200, session.messages()[sequence])

    def do_edit(self, user: str, sid: str, at: int, edit: Message, version: int | None) -> None:
        path = f"/sessions/{sid}/messages/{at}"
        reply = self.call(user, "PATCH", path, edit, headers=if_match(version))
        if (session := self.expect(reply, user, sid)) is None:
            return
        known = at < len(session.log) and edit.get("edit_id") in session.log[at].edits
        try:
            before = deepcopy(session)
            before.edit(at, edit, 0)
            if not known:
                session.check(version)
            session.edit(at, edit, self.tick())
        except Refused as refused:
            self.refused(reply, refused)
            return
        self.see(session, [reply.body["message"]])
        edited = {"message": session.messages()[at], "version": session.version}
        assert (reply.status, reply.body) == (200, edited)

    def do_rewind(self, user: str, sid: str, to: int, expected: int) -> None:
        body = {"to_sequence": to, "expected_sequence": expected}
        reply = self.call(user, "POST", f"/sessions/{sid}/rewind", body)
        if (session := self.expect(reply, user, sid)) is None:
            return
        try:
            replayed = session.rewind(to, expected, self.tick())
        except Refused as refused:
            self.refused(reply, refused)
        else:
            left = {"message_count": to, "version": session.version, "replayed": replayed}
            assert (reply.status, reply.body) == (200, left)

    def do_title(self, user: str, sid: str, title: str, only_if_unset: bool, version: int | None) -> None:
        body = {"title": f" {title} ", "only_if_unset": only_if_unset}
        reply = self.call(user, "PATCH", f"/sessions/{sid}/title", body, headers=if_match(version))
        if (session := self.expect(reply, user, sid)) is None:
            return
        try:
            session.check(version)
        except Refused as refused:
            self.refused(reply, refused)
        else:
            session.retitle(title, self.tick(), only_if_unset=only_if_unset)
            self.same(reply, session, 200)

    def do_patch(self, user: str, sid: str, patch: dict[str, Any], version: int | None) -> None:
        reply = self.call(user, "PATCH", f"/sessions/{sid}", patch, headers=if_match(version))
        if (session := self.expect(reply, user, sid)) is None:
            return
        try:
            session.check(version)
        except Refused as refused:
            self.refused(reply, refused)
        else:
            session.patch(patch, self.tick())
            self.same(reply, session, 200)

    def do_delete(self, user: str, sid: str) -> None:
        reply = self.call(user, "DELETE", f"/sessions/{sid}")
        if (session := self.expect(reply, user, sid)) is not None:
            assert reply.status == 204
            del self.there[user, sid]
            self.deleted[user, sid] = session.version + 1

    def do_put_draft(self, user: str, sid: str, messages: list[Message]) -> None:
        reply = self.call(user, "PUT", f"/sessions/{sid}/draft", {"messages": messages})
        if (session := self.expect(reply, user, sid)) is not None:
            session.draft = messages
            assert (reply.status, reply.body["messages"]) == (200, messages)

    def do_delete_draft(self, user: str, sid: str) -> None:
        reply = self.call(user, "DELETE", f"/sessions/{sid}/draft")
        if (session := self.expect(reply, user, sid)) is not None:
            session.draft = None
            assert reply.status == 204

    def do_list(
        self, user: str, cursor: str | None, changed: int, limit: int, offset: int
    ) -> tuple[str, int] | None:
        """A page of the sessions that were last changed before `changed`; where the next one begins."""
        query = {"limit": limit, "offset": offset, "cursor": cursor}
        reply = self.call(user, "GET", "/sessions", query=query)
        own = [(one.changed, sid, one) for (owner, sid), one in self.there.items() if owner == user]
        older = sorted((one for one in own if one[0] < changed), reverse=True)[offset:]
        assert reply.body["total"] == len(own)
        assert [session["session_id"] for session in reply.body["sessions"]] == [
            sid for _, sid, _ in older[:limit]
        ]
        for shown, (_, _, session) in zip(reply.body["sessions"], older, strict=False):
            assert shown.items() >= session.shown().items()
        assert (reply.body["next_cursor"] is not None) == (len(older) > limit)
        if len(older) <= limit:
            return None
        self.cursors.append((user, reply.body["next_cursor"], older[limit - 1][0]))
        return self.cursors[-1][1:]

    def do_page(self, at: At, after: int | None, before: int | None, limit: int) -> None:
        """A page of a session's messages."""
        query = {"after": after, "before": before, "limit": limit}
        reply = self.call(at[0], "GET", f"/sessions/{at[1]}/messages", query=query)
        session = self.there[at]
        count = len(session.log)
        end = count if before is None else min(before, count)
        if after is None:
            first = max(0, end - limit)
            more = first > 0
        else:
            first = min(after + 1, end)
            more = first + limit < end
            end = min(first + limit, end)
        empty = first >= end
        assert reply.body == {
            "messages": session.messages(first, end),
            "has_more": more,
            "oldest_sequence": None if empty else first,
            "newest_sequence": None if empty else end - 1,
        }

    def do_export(self, at: At) -> None:
        """The history as Chat Completions messages, and as lines."""
        reply = self.call(at[0], "GET", f"/sessions/{at[1]}/openai-messages")
        # No result answers a call; assistant messages that follow one another are one.
        roles = [
            one.sent["role"] for one in self.there[at].log if one.sent["role"] != "tool" and not one.removed
        ]
        pairs = zip(roles, [None, *roles], strict=False)
        kept = [role for role, before in pairs if (role, before) != ("assistant", "assistant")]
        assert [message["role"] for message in reply.body["messages"]] == kept
        reply = self.call(at[0], "GET", f"/sessions/{at[1]}/export", query={"format": "jsonl"})
        assert [json.loads(line) for line in reply.raw.splitlines()] == self.there[at].messages()

    def teardown(self) -> None:
        """At the end: the messages from either side, each user's list as a whole and page by page."""
        for at in self.there:
            self.do_page(at, -1, None, 2)
            self.do_page(at, None, 2, 1)
        for user in self.apis:
            self.do_list(user, None, self.now + 1, 100, 0)
            older = self.do_list(user, None, self.now + 1, 1, 0)
            while older:
                older = self.do_list(user, *older, 1, 0)


def if_match(version: int | None) -> dict[str, str]:
    """The header for a version."""
    return {} if version is None else {"if-match": f'"{version}"'}


def distinct(messages: list[Message]) -> None:
    """Refuse two messages of one id."""
    ids = [message["message_id"] for message in messages if "message_id" in message]
    if len(set(ids)) < len(ids):
        raise Refused(422, "invalid")
