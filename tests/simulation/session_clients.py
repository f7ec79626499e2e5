"""What clients ask of sessions, by what they know of them, which may be old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.requests import Request

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.requests import Reply
    from tests.simulation.texts import Texts


class SessionRequests:
    """One client's requests about sessions.

    Args:
        user: as whom.
        rng: decides.
        texts: what it says; shared with the other clients.
        sent: appends of all clients, which one of them may send again as its own.
    """

    def __init__(self, user: str, *, rng: Random, texts: Texts, sent: list[Request]) -> None:
        self._user = user
        self._rng = rng
        self._texts = texts
        self._sent = sent
        self._known: dict[str, dict[str, Any]] = {}
        self._cursor: tuple[str, str] | None = None

    def learn(self, request: Request, reply: Reply) -> None:
        """Keep what the answer tells of the session, or where the list goes on."""
        known = self._known.setdefault(request.key.session_id, {})
        if tag := reply.headers.get("etag"):
            known["etag"] = tag
        if reply.body and "message_count" in reply.body:
            known["count"] = reply.body["message_count"]
        if request.kind == "get" and reply.status == 200 and not reply.body["has_more"]:
            known["messages"] = reply.body["messages"]
        if request.kind == "list" and reply.status == 200:
            cursor, shown = reply.body["next_cursor"], reply.body["sessions"]
            place = f"{shown[-1]['updated_at']}#{shown[-1]['session_id']}" if cursor else ""
            self._cursor = (cursor, place) if cursor else None

    def make(self, kind: str, session: str) -> Request:
        """A request of this kind."""
        make = getattr(self, f"_{kind}", None)
        return make(session) if make else Request(kind, self._user, session)

    def _count(self, session: str) -> int:
        return int(self._known.get(session, {}).get("count", 0))

    def _if_match(self, session: str, header: str = "if-match") -> dict[str, str]:
        tag = self._known.get(session, {}).get("etag")
        return {header: tag} if tag and self._rng.random() < 0.4 else {}

    def _usage(self) -> dict[str, int]:
        return {"prompt_tokens": self._rng.randrange(100), "completion_tokens": self._rng.randrange(100)}

    def _append(self, session: str) -> Request:
        rng = self._rng
        again = self._of(session)
        if again and rng.random() < 0.25:
            return self._repeated(rng.choice(again))
        named = rng.random() < 0.8
        new = [self._texts.message(self._user, named=named) for _ in range(rng.choice((1, 1, 2, 3)))]
        body: dict[str, Any] = {"messages": new}
        if rng.random() < 0.3:
            body["usage"] = self._usage()
        if rng.random() < 0.15:
            body["expected_sequence"] = max(0, self._count(session) + rng.choice((0, 0, 0, -1, 1)))
        request = Request("append", self._user, session, body, again=named)
        if named:
            self._sent.append(request)
        return request

    def _of(self, session: str) -> list[Request]:
        """What was appended to the session, or sent at least, by anybody of this user."""
        mine = [one for one in self._sent if (one.user, one.session) == (self._user, session)]
        return [one for one in mine if one.kind == "append"]

    def _repeated(self, first: Request) -> Request:
        """From another device: the same; with more behind it; or under the same id something else."""
        rng, messages = self._rng, first.body["messages"]
        match rng.randrange(4):
            case 0:
                messages = [*messages, self._texts.message(self._user, named=True)]
            case 1:
                messages = [
                    {**messages[0], "content": self._texts.message(self._user, named=True)["content"]}
                ]
        body = {key: value for key, value in first.body.items() if key != "expected_sequence"}
        return Request("append", self._user, first.session, {**body, "messages": messages})

    def _create(self, session: str) -> Request:
        named = self._rng.random() < 0.8
        new = [self._texts.message(self._user, named=named) for _ in range(self._rng.randrange(3))]
        body: dict[str, Any] = {"session_id": session, "messages": new}
        if self._rng.random() < 0.5:
            body |= {"title": f"{self._texts.mark()} of {self._user}.", "usage": self._usage()}
        return Request("create", self._user, body=body)

    def _put(self, session: str) -> Request:
        rng, known = self._rng, self._known.get(session, {})
        there = known.get("messages", [])
        start = rng.randrange(len(there) + 1) if rng.random() < 0.4 else 0
        kept = [{**one} for one in there[start : rng.choice((len(there), len(there), rng.randrange(99)))]]
        if rng.random() < 0.5:  # as a client has them that keeps no more than what was said
            for one in kept:
                del one["sequence"], one["message_id"], one["created_at"]
        named = rng.random() < 0.5
        new = [self._texts.message(self._user, named=named) for _ in range(rng.choice((0, 1, 2, 4, 9)))]
        taken = [one.body["messages"][0] for one in self._of(session)]
        taken = [one for one in taken if one["message_id"] not in {two.get("message_id") for two in there}]
        if taken and rng.random() < 0.1:
            new = [*new, rng.choice(taken)]
        body: dict[str, Any] = {"messages": kept + new}
        if start or rng.random() < 0.1:
            body["start_sequence"] = start + rng.choice((0, 0, 0, 1))
            if body["start_sequence"] != start:
                body["messages"] = new  # what is there, a place further on, would be said twice
        if rng.random() < 0.3:
            body["title"] = f"{self._texts.mark()} of {self._user}."
        if rng.random() < 0.2:
            body["usage"] = self._usage()
        if rng.random() < 0.2:
            body["metadata"] = {"put": self._texts.mark()}
        return Request("put", self._user, session, body, headers=self._if_match(session))

    def _title(self, session: str) -> Request:
        title = f"{self._texts.mark()} of {self._user}."
        body = {"title": title, "only_if_unset": self._rng.random() < 0.4}
        return Request("title", self._user, session, body, headers=self._if_match(session))

    def _patch(self, session: str) -> Request:
        rng = self._rng
        patch = {rng.choice("abc"): rng.choice((None, self._texts.mark()))}
        name = rng.choice(("metadata", "successful_agent_runs"))
        body: dict[str, Any] = {name: patch} | rng.choice(({}, {}, {"touch": False}))
        return Request("patch", self._user, session, body, headers=self._if_match(session))

    def _tool_call(self, session: str) -> Request:
        call = self._texts.call(self._user)
        named = self._rng.random() < 0.6
        if named:
            call["id"] = f"call-{self._texts.mark()}"
        return Request("tool_call", self._user, session, {"tool_call": call}, again=named)

    def _rewind(self, session: str) -> Request:
        rng = self._rng
        end = max(0, (self._count(session) or rng.randrange(6)) + rng.choice((0, 0, 0, 0, 0, 1, -1)))
        to = max(0, end - rng.choice((0, 1, 1, 2, 3, 9, 99)))
        body: dict[str, Any] = {"to_sequence": to, "expected_sequence": end}
        if named := rng.random() < 0.5:
            body["rewind_id"] = f"r{self._texts.mark()}"
        headers = self._if_match(session)
        return Request("rewind", self._user, session, body, headers=headers, again=named)

    def _get(self, session: str) -> Request:
        rng = self._rng
        query = dict(
            rng.choice(({}, {}, {"limit": rng.randrange(4)}, {"before": rng.randrange(6)}, {"draft": True}))
        )
        headers = self._if_match(session, "if-none-match")
        return Request("get", self._user, session, query=query, headers=headers)

    def _messages(self, session: str) -> Request:
        rng = self._rng
        query = {"limit": rng.choice((1, 2, 3, 100))}
        query |= rng.choice(({}, {"after": rng.randrange(-1, 6)}, {"before": rng.randrange(6)}))
        return Request("messages", self._user, session, query=query)

    def _list(self, session: str) -> Request:  # noqa: ARG002 (it is about all of them)
        rng = self._rng
        query: dict[str, Any] = {"limit": rng.choice((1, 1, 2, 50))}
        if self._cursor and rng.random() < 0.7:
            cursor, below = self._cursor
            return Request("list", self._user, query=query | {"cursor": cursor}, below=below)
        return Request("list", self._user, query=query | {"offset": rng.choice((0, 0, 1))})

    def _put_draft(self, session: str) -> Request:
        message = {"role": "assistant", "content": f"draft {self._texts.mark()} of {self._user}."}
        return Request("put_draft", self._user, session, {"messages": [message]})
