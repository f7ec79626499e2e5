"""What is sent and answered, beside what the model says must be there."""

from __future__ import annotations

import itertools
from copy import deepcopy
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hypothesis.stateful import MultipleResults, RuleBasedStateMachine, multiple

from tests.contract.model import Refused, Session
from tests.functional.api import Api

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.model import Message
    from tests.http_client import Reply

At = tuple[str, str]
EXAMPLES = itertools.count()
RUN = uuid4().hex[:8]
MOST = 26  # messages in a session: those that a repeated tool call is looked for among


class Conversation(RuleBasedStateMachine):
    """Two users with the same session ids, who know nothing of each other.

    Attributes:
        url: of the API.
        there: the sessions that are there, by user and id.
        deleted: those that were, and the version that each was deleted with.
        sent: the writes so far.
        cursors: whose they are, and when the last session before them was changed.
        now: counts the changes.
    """

    url = ""

    def __init__(self) -> None:
        super().__init__()
        example = next(EXAMPLES)  # so no example meets the sessions of another
        self.apis = {name: Api(self.url, f"{name}-{RUN}-{example}") for name in ("alice", "bob")}
        self.there: dict[tuple[str, str], Session] = {}
        self.deleted: dict[tuple[str, str], int] = {}
        self.sent: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.cursors: list[tuple[str, str, int]] = []
        self.now = 0

    def call(self, user: str, method: str, path: str, body: Any = None, **how: Any) -> Reply:
        """Send a request."""
        how["query"] = {name: value for name, value in how.get("query", {}).items() if value is not None}
        return self.apis[user].call(method, path, body, **how)

    def send(self, operation: Callable[..., None], user: str, sid: str, *given: Any) -> None:
        """Send a write that may be sent again, and look at what it left."""
        given = deepcopy(given)
        if (session := self.there.get((user, sid))) and len(session.log) > MOST:
            return
        operation(user, sid, *given)
        self.sent.append((operation, (user, sid, *given)))
        self.look(user, sid)

    def new(self, operation: Callable[..., None], user: str, sid: str, *given: Any) -> MultipleResults[At]:
        """Send a write that may make a session; what it made."""
        before = set(self.there)
        self.send(operation, user, sid, *given)
        return multiple(*(set(self.there) - before))

    def look(self, user: str, sid: str) -> None:
        """The session as a whole must be the model's."""
        reply = self.call(user, "GET", f"/sessions/{sid}")
        if (session := self.expect(reply, user, sid)) is not None:
            self.same(reply, session, 200)
            self.see(session, reply.body["messages"])
            assert reply.body["messages"] == session.messages()
            times = [one.created_at or "" for one in session.log]
            assert times == sorted(times)

    def expect(self, reply: Reply, user: str, sid: str) -> Session | None:
        """The session; None where there is none, of which the answer must tell nothing but that."""
        session = self.there.get((user, sid))
        if session is None:
            reply.problem(404, "not_found")
        return session

    def version(self, user: str, sid: str, match: str | None) -> int | None:
        """The version that a conditional request names."""
        session = self.there.get((user, sid))
        version = session.version if session else 1
        return {None: None, "now": version, "before": version - 1}[match]

    def same(self, reply: Reply, session: Session, status: int) -> None:
        """The answer must be the session."""
        assert reply.status == status, reply.raw
        assert {name: reply.body[name] for name in session.shown()} == session.shown()
        assert reply.etag == f'"{session.version}"'

    def refused(self, reply: Reply, refused: Refused) -> None:
        """The answer must be the refusal."""
        problem = reply.problem(refused.status, refused.code)
        assert {name: problem[name] for name in refused.extra} == refused.extra

    def see(self, session: Session, messages: list[Message]) -> None:
        """Take over what the server gave to new messages: from then on it must stand."""
        for message in messages:
            stored = session.log[message["sequence"]]
            stored.message_id = stored.message_id or message["message_id"]
            stored.created_at = stored.created_at or message["created_at"]
            if stored.edited_at == "":
                stored.edited_at = message["edited_at"]
                assert stored.edited_at >= stored.created_at

    def puttable(self, user: str, sid: str, start: int, version: int | None) -> None:
        """Refuse a PUT that the log need not be looked at for."""
        if (user, sid) in self.deleted:
            raise Refused(410, "gone")
        session = self.there.get((user, sid))
        if session is not None:
            session.check(version)
        elif start:
            raise Refused(409, "diverged", sequence=0, message_count=0)
        elif version is not None:
            raise Refused(412, "precondition_failed")

    def made(self, user: str, sid: str, messages: list[Message], fields: dict[str, Any]) -> Session:
        """A new session."""
        session = Session(self.tick())
        session.put(0, messages, fields, self.now)
        session.version = self.deleted.pop((user, sid), 0) + 1
        self.there[user, sid] = session
        return session

    def tick(self) -> int:
        self.now += 1
        return self.now
