"""What clients ask of sessions, by what they know of them, which may be old."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.client_requests import ClientRequests
from tests.simulation.requests import Request

if TYPE_CHECKING:
    from tests.simulation.requests import Reply


@dataclass
class SessionRequests(ClientRequests):
    """One client's requests about sessions.

    Attributes:
        known: what answers told of a session, by its id.
        cursor: where the list goes on, and below which place.
    """

    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    cursor: tuple[str, str] | None = None

    def learn(self, request: Request, reply: Reply) -> None:
        """Keep what the answer tells of the session, or where the list goes on."""
        known = self.known.setdefault(request.made.session_id, {})
        version = reply.body.get("version") if reply.body else None
        if tag := reply.headers.get("etag") or (version and f'"{version}"'):
            known.setdefault("etags", []).append(tag)
        if reply.body and "message_count" in reply.body:
            known["count"] = reply.body["message_count"]
        if request.kind == "get" and reply.status == 200 and not reply.body["has_more"]:
            known["messages"] = reply.body["messages"]
        if request.kind == "list" and reply.status == 200:
            cursor, shown = reply.body["next_cursor"], reply.body["sessions"]
            place = f"{shown[-1]['updated_at']}#{shown[-1]['session_id']}" if cursor else ""
            self.cursor = (cursor, place) if cursor else None

    def make(self, kind: str, session: str) -> Request:
        """A request of this kind."""
        make = getattr(self, f"_{kind}", None)
        return make(session) if make else Request(kind, self.user, session)

    def _count(self, session: str) -> int:
        return int(self.known.get(session, {}).get("count", 0))

    def _if_match(self, session: str, header: str = "if-match") -> dict[str, str]:
        """Most often the version that it knows; else an older one, several, the next one, or any."""
        tags, rng = self.known.get(session, {}).get("etags", ()), self.rng
        if not tags or rng.random() >= 0.4:
            return {}
        newest, older = tags[-1], rng.choice(tags)
        coming = f'"{int(newest.strip(chr(34))) + 1}"'
        asked = rng.choice((newest, newest, newest, older, f"{newest}, {coming}", coming, "*"))
        return {header: asked}

    def _usage(self) -> dict[str, Any]:
        """Tokens as one provider or another returns them."""
        rng = self.rng
        first, second, third = (rng.randrange(100) for _ in range(3))
        return rng.choice(
            (
                {"prompt_tokens": first, "completion_tokens": second},
                {
                    "prompt_tokens": first,
                    "completion_tokens": second,
                    "prompt_tokens_details": {"cached_tokens": third},
                },
                {
                    "input_tokens": first,
                    "output_tokens": second,
                    "cache_read_input_tokens": third,
                    "service_tier": "standard",
                },
            )
        )

    def _append(self, session: str) -> Request:
        rng = self.rng
        again = self._sent_to(session, "append")
        if again and rng.random() < 0.25:
            return self._repeated(rng.choice(again))
        named = rng.random() < 0.8
        new = [self.texts.message(self.user, named=named) for _ in range(rng.choice((1, 1, 2, 3, 5)))]
        body: dict[str, Any] = {"messages": new}
        if rng.random() < 0.3:
            body["usage"] = self._usage()
        if rng.random() < 0.15:
            title, metadata = f"{self.texts.mark()} of {self.user}.", {"set": self.texts.mark()}
            body["set"] = rng.choice(({"title": title}, {"metadata": metadata}, {"metadata": {}}))
        if rng.random() < 0.15:
            body["expected_sequence"] = max(0, self._count(session) + rng.choice((0, 0, 0, -1, 1)))
        request = Request("append", self.user, session, body, again=named)
        if named:
            self.sent.append(request)
        return request

    def _repeated(self, first: Request) -> Request:
        """From another device: the same; with more behind it; or under an id of it something else."""
        rng, messages = self.rng, first.body["messages"]
        match rng.randrange(6):
            case 0:
                messages = [*messages, self.texts.message(self.user, named=True)]
            case 1:
                messages = [{**messages[0], "content": self.texts.message(self.user, named=True)["content"]}]
            case 2:
                changed = {**messages[0], "content": self.texts.message(self.user, named=True)["content"]}
                messages = [changed, *messages[1:]]
        if rng.random() < 0.5:
            messages = [self.texts.respelled(one) for one in messages]
        body = {key: value for key, value in first.body.items() if key != "expected_sequence"}
        return Request("append", self.user, first.session, {**body, "messages": messages})

    def _create(self, session: str) -> Request:
        named = self.rng.random() < 0.8
        new = [self.texts.message(self.user, named=named) for _ in range(self.rng.randrange(3))]
        body: dict[str, Any] = {"session_id": session, "messages": new}
        if self.rng.random() < 0.5:
            body |= {"title": f"{self.texts.mark()} of {self.user}.", "usage": self._usage()}
        if self.rng.random() < 0.8:
            # Most clients look first, before they send that again.
            return Request("create", self.user, body=body | {"recreate": True}, again=self.rng.random() < 0.3)
        return Request("create", self.user, body=body)

    def _put(self, session: str) -> Request:
        rng, known = self.rng, self.known.get(session, {})
        there = known.get("messages", [])
        start = rng.randrange(len(there) + 1) if rng.random() < 0.4 else 0
        spelled = self.texts.respelled if rng.random() < 0.5 else dict
        kept = [
            spelled(one) for one in there[start : rng.choice((len(there), len(there), rng.randrange(99)))]
        ]
        ids = [one["message_id"] for one in kept]
        if len(set(ids)) < len(ids):  # a PUT names each once
            kept = kept[: next(at for at, name in enumerate(ids) if name in ids[:at])]
        if rng.random() < 0.5:  # as a client has them that keeps no more than what was said
            for one in kept:
                del one["sequence"], one["message_id"], one["created_at"]
        named = rng.random() < 0.5
        new = [self.texts.message(self.user, named=named) for _ in range(rng.choice((0, 1, 2, 4, 9)))]
        taken = [one.body["messages"][0] for one in self._sent_to(session, "append")]
        taken = [one for one in taken if one["message_id"] not in {two.get("message_id") for two in there}]
        if taken and rng.random() < 0.1:
            new = [*new, rng.choice(taken)]
        body: dict[str, Any] = {"messages": kept + new}
        if start or rng.random() < 0.1:
            body["start_sequence"] = start + rng.choice((0, 0, 0, 1))
            if body["start_sequence"] != start:
                body["messages"] = new  # what is there, a place further on, would be said twice
        if rng.random() < 0.3:
            body["title"] = f"{self.texts.mark()} of {self.user}."
        if rng.random() < 0.2:
            body["usage"] = self._usage()
        if rng.random() < 0.2:
            body["metadata"] = {"put": self.texts.mark()}
        return Request("put", self.user, session, body, headers=self._if_match(session))

    def _title(self, session: str) -> Request:
        title = f"{self.texts.mark()} of {self.user}."
        body = {"title": title, "only_if_unset": self.rng.random() < 0.4}
        return Request("title", self.user, session, body, headers=self._if_match(session))

    def _patch(self, session: str) -> Request:
        rng = self.rng
        patch = {rng.choice("abc"): rng.choice((None, self.texts.mark()))}
        name = rng.choice(("metadata", "successful_agent_runs"))
        body: dict[str, Any] = {name: patch} | rng.choice(({}, {}, {"touch": False}))
        return Request("patch", self.user, session, body, headers=self._if_match(session))

    def _tool_call(self, session: str) -> Request:
        call = self.texts.call(self.user)
        named = self.rng.random() < 0.6
        if named:
            call["id"] = f"call-{self.texts.mark()}"
        return Request("tool_call", self.user, session, {"tool_call": call}, again=named)

    def _edit(self, session: str) -> Request:
        """Of a message that it knows, or of whichever stands there; now and then one that was sent before."""
        rng, known = self.rng, self.known.get(session, {})
        again = self._sent_to(session, "edit")
        if again and rng.random() < 0.25:
            return rng.choice(again)
        there = known.get("messages", [])
        if there and rng.random() < 0.7:
            message = rng.choice(there)
            sequence, body = message["sequence"], {"message_id": message["message_id"]}
        else:
            sequence, body = rng.randrange(max(1, self._count(session) + 1)), {}
        body |= rng.choice(
            (
                {"removed": True},
                {"replace": self.texts.message(self.user, named=False)},
                {"metadata": {rng.choice("ab"): rng.choice((None, self.texts.mark()))}},
            )
        )
        if rng.random() < 0.7:
            body["edit_id"] = f"e{self.texts.mark()}"
        named = "edit_id" in body and "message_id" in body
        headers = self._if_match(session)
        request = Request("edit", self.user, session, body, headers=headers, again=named, sequence=sequence)
        if named:
            self.sent.append(request)
        return request

    def _get_message(self, session: str) -> Request:
        sequence = self.rng.randrange(self._count(session) + 1)
        return Request("get_message", self.user, session, sequence=sequence)

    def _rewind(self, session: str) -> Request:
        rng = self.rng
        end = max(0, (self._count(session) or rng.randrange(6)) + rng.choice((0, 0, 0, 0, 0, 1, -1)))
        to = max(0, end - rng.choice((0, 1, 1, 2, 3, 9, 99)))
        body: dict[str, Any] = {"to_sequence": to, "expected_sequence": end}
        if named := rng.random() < 0.5:
            body["rewind_id"] = f"r{self.texts.mark()}"
        headers = self._if_match(session)
        return Request("rewind", self.user, session, body, headers=headers, again=named)

    def _fork(self, session: str) -> Request:
        rng = self.rng
        others = [name for name in ("s0", "s1", "s2") if name != session or rng.random() < 0.1]
        body: dict[str, Any] = {"session_id": rng.choice((*others, "f0", "f1", "f2", "f3"))}
        if rng.random() < 0.4:
            body["to_sequence"] = max(0, self._count(session) - rng.choice((0, 0, 1, 2, -1)))
        if rng.random() < 0.3:
            body["title"] = f"{self.texts.mark()} of {self.user}."
        return Request("fork", self.user, session, body)

    def _get(self, session: str) -> Request:
        rng = self.rng
        query = dict(
            rng.choice(({}, {}, {"limit": rng.randrange(4)}, {"before": rng.randrange(6)}, {"draft": True}))
        )
        headers = self._if_match(session, "if-none-match")
        return Request("get", self.user, session, query=query, headers=headers)

    def _window(self) -> dict[str, Any]:
        rng = self.rng
        return rng.choice(
            ({}, {"limit": rng.randrange(1, 4)}, {"before": rng.randrange(6), "keep_system": True})
        )

    def _export(self, session: str) -> Request:
        return Request("export", self.user, session, query=self._window())

    def _export_session(self, session: str) -> Request:
        form = self.rng.choice(("openai-responses", "anthropic", "ai-sdk", "markdown", "jsonl"))
        return Request("export_session", self.user, session, query={"format": form, **self._window()})

    def _messages(self, session: str) -> Request:
        rng = self.rng
        query = {"limit": rng.choice((1, 2, 3, 100))}
        query |= rng.choice(({}, {"after": rng.randrange(-1, 6)}, {"before": rng.randrange(6)}))
        return Request("messages", self.user, session, query=query)

    def _list(self, session: str) -> Request:  # noqa: ARG002 (it is about all of them)
        rng = self.rng
        query: dict[str, Any] = {"limit": rng.choice((1, 1, 2, 50))}
        if self.cursor and rng.random() < 0.7:
            cursor, below = self.cursor
            return Request("list", self.user, query=query | {"cursor": cursor}, below=below)
        return Request("list", self.user, query=query | {"offset": rng.choice((0, 0, 1))})

    def _put_draft(self, session: str) -> Request:
        message = {"role": "assistant", "content": f"draft {self.texts.mark()} of {self.user}."}
        return Request("put_draft", self.user, session, {"messages": [message]})
