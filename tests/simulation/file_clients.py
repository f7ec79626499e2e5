"""What clients ask of files; and what they send to the bucket: nothing, the bytes, or the bytes twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tests.simulation.client_requests import ClientRequests
from tests.simulation.requests import Request

if TYPE_CHECKING:
    from tests.simulation.requests import Reply

_NOBODY = "0" * 32


@dataclass
class FileRequests(ClientRequests):
    """One client's requests about files.

    Attributes:
        data: the bytes of what it promised, by their hash; `meant`: the requests of which they are the body.
        known: ids of files, by session.
        bodies: ids of files that are bodies, each with its request.
    """

    data: dict[str, bytes] = field(default_factory=dict)
    meant: dict[str, Request] = field(default_factory=dict)
    known: dict[str, list[str]] = field(default_factory=dict)
    bodies: list[tuple[str, Request]] = field(default_factory=list)

    def learn(self, request: Request, reply: Reply) -> list[tuple[dict[str, Any], bytes]]:
        """Keep what there is; what is to be sent where."""
        known = self.known.setdefault(request.session, [])
        if request.kind == "list_files" and reply.status == 200:
            known += [one["file_id"] for one in reply.body["files"]]
        if request.kind != "create_file" or reply.status != 201:
            return []
        known.append(reply.body["file_id"])
        data = self.data[reply.body["sha256"]]
        if request.body["purpose"] == "body":
            self.bodies.append((reply.body["file_id"], self.meant[reply.body["sha256"]]))
        return [(reply.body["upload"], data)] * self.rng.choice((0, 1, 1, 1, 2))

    def make(self, kind: str, session: str) -> Request:
        """A request of this kind."""
        rng = self.rng
        match kind:
            case "create_file":
                return self._create(session)
            case "body_file" if self.bodies:
                file_id, meant = rng.choice(self.bodies)
                session = rng.choice((*(meant.session,) * 3, session))
                return replace(meant, session=session, query={"body_file": file_id})
            case "body_file":
                return self._create(session)
            case "list_files":
                query: dict[str, Any] = {"limit": rng.choice((1, 2, 50))}
                if (known := self.known.get(session)) and rng.random() < 0.3:
                    query["cursor"] = rng.choice(known)
                return Request(kind, self.user, session, query=query)
        file_id = rng.choice(self.known.get(session) or [_NOBODY])
        return Request(kind, self.user, session, file_id=file_id)

    def _create(self, session: str) -> Request:
        meant = self._meant(session)
        data = json.dumps(meant.body).encode()
        digest = sha256(data).hexdigest()
        self.data[digest], self.meant[digest] = data, meant
        body = {
            "name": f"{self.texts.mark()} of {self.user}.",
            "media_type": "application/json",
            "size": len(data),
            "sha256": digest,
            "purpose": self.rng.choice(("file", "body")),
        }
        return Request("create_file", self.user, session, body)

    def _meant(self, session: str) -> Request:
        """What the body of a file asks for. That of a PUT fills a session that was created for it, too."""
        rng = self.rng
        messages = [self.texts.message(self.user, named=True) for _ in range(rng.choice((1, 2)))]
        match rng.randrange(6):
            case 0:
                said = self.texts.message(self.user, named=False)
                body = {"replace": said, "edit_id": f"e{self.texts.mark()}"}
                return Request("edit", self.user, session, body, again=False, sequence=rng.randrange(3))
            case 1 | 2:
                return Request("put", self.user, session, {"messages": messages})
            case 3:
                entries = [{"uuid": one["message_id"], "text": one["content"]} for one in messages]
                return Request("append_entries", self.user, session, {"entries": entries}, name="main")
        return Request("append", self.user, session, {"messages": messages})
