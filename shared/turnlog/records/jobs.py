"""A job's item: long work beside the log, which one worker does at a time, and which is completed once.

| state | what comes next |
|---|---|
| `pending` | a worker claims it; it is cancelled at once |
| `running` | its worker ends it, gives it back or asks; another claims it when the lease is over |
| `input_required` | its owner answers, and it is `running` again; or its worker ends it |
| `completed`, `failed`, `cancelled`, `expired` | nothing: the first stands; after a while it is forgotten |

G10: a worker owns the job by its `attempt`: whoever claims it has a later one, and all that a worker writes
names the attempt that it is meant for. What ends the job asks in its condition that it has not ended.

The deadline and the end of a lease are times in the item. Nothing happens when they come: whoever reads
the job next ends it, and others take it for ended. So that somebody
reads it, the item is in an index by `due_at`, for the sweep.

A large result is an object in the bucket, of which the item has the key. It is put before the item that names
it, and deleted after that item.

| item | key | holds |
|---|---|---|
| job | `JOB#<id>` in the session's partition | all of it; its id is made of its Idempotency-Key |
| hook | `HOOK#<SHA-256 of the token>`, `HOOK` | whose job a webhook's token ends |
"""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid5

from turnlog.errors import Damaged
from turnlog.limits import JOB_CANCEL_SECONDS, JOB_INPUT_LIMIT, JOB_RESULT_LIMIT
from turnlog.records.expressions import attribute, names, put
from turnlog.records.keys import JobKey, hook_key, jobs_partition, parse_job, parse_partition
from turnlog.records.packing import packed, unpacked
from turnlog.wire import dumps, parse_timestamp, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from turnlog.records.expressions import Value
    from turnlog.records.item import Item
    from turnlog.records.keys import GenerationKey

PENDING, RUNNING, ASKING = "pending", "running", "input_required"
ENDED = ("completed", "failed", "cancelled", "expired")
STATES = (PENDING, RUNNING, ASKING, *ENDED)

_OF_SESSION = UUID("6d2c0f4e-6b1a-5c39-9c3e-3f1d7a4b8e02")
# None of these names is in an index's projection: else each change of the job would cost a write there.
_NUMBERS = ("attempt", "moves", "rewinds", "at")
_STRINGS = (
    "state",
    "tool",
    "tool_call_id",
    "then",
    "request",
    "created_at",
    "deadline",
    "lease_until",
    "progress",
    "cancel",
    "asked",
    "answer",
    "error",
    "ended_at",
    "hook_token",
    "result_object",
)
_BYTES = ("input", "result", "token")


class Job(NamedTuple):
    """What is known of a job.

    Attributes:
        attempt: how often it was claimed; by it its worker is known.
        moves: its `version`: how often what it shows has changed; a lease that is kept is no change.
        rewinds: the session's, when it was started.
        at: the session's `message_count`, when it was started: near there the call is that it answers.
        tool: the name of the tool.
        tool_call_id: of the call that its result answers; None: none, and the log gets nothing.
        then: what comes after its end.
        input: packed JSON of `{"input": …}`, what the tool was called with.
        request: a digest of what it was started with.
        lease_until: until when it is its worker's.
        progress: JSON text, as the worker says it.
        cancel: JSON text of who asked when to cancel it, and why; None: nobody did.
        asked: JSON text of what the worker asks; `answer`: of what its owner says to that.
        result: packed JSON of `{"result": …}`; None, too, where an object has it that is not read yet.
        result_object: the key of that object.
        error: what went wrong, at the end or in the attempt before.
        logged: whether the log got the result; None: it has not ended.
        hook_token: with which a webhook ends it; None: none may.
        token: of who claimed or ended it; by it they know their own write.
    """

    key: JobKey
    tool: str
    state: str = PENDING
    attempt: int = 0
    moves: int = 1
    rewinds: int = 0
    at: int = 0
    tool_call_id: str | None = None
    then: str = "nothing"
    request: str = ""
    created_at: str = ""
    deadline: str = ""
    input: bytes = b""
    lease_until: str | None = None
    progress: str | None = None
    cancel: str | None = None
    asked: str | None = None
    answer: str | None = None
    result: bytes | None = None
    result_object: str | None = None
    error: str | None = None
    ended_at: str | None = None
    logged: bool | None = None
    hook_token: str | None = None
    token: bytes = b""

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.state in ENDED

    @property
    def worked(self) -> bool:
        """Whether it is in a worker's hands."""
        return self.state in {RUNNING, ASKING}

    @property
    def message_id(self) -> str:
        """Of the message that says its result."""
        return f"job_{self.key.job_id}"

    @property
    def since(self) -> str:
        """What the keys of the objects sort behind that have this job's result.

        Those of a former job, which was started with the same Idempotency-Key, sort before it.
        """
        return f"{self.key.results}{self.created_at}"

    @property
    def cancelled_at(self) -> datetime | None:
        """When it is cancelled without its worker; None: nobody asked for that."""
        if self.cancel is None:
            return None
        return parse_timestamp(json.loads(self.cancel)["asked_at"]) + timedelta(seconds=JOB_CANCEL_SECONDS)

    @property
    def due_at(self) -> datetime:
        """When whoever looks at it ends it."""
        deadline, cancelled = parse_timestamp(self.deadline), self.cancelled_at
        return min(deadline, cancelled) if cancelled else deadline

    def due(self, now: datetime) -> str | None:
        """As what whoever looks at it ends it; None: not yet."""
        if self.ended or now < self.due_at:
            return None
        return "cancelled" if self.cancelled_at and now >= self.cancelled_at else "expired"

    def seen(self, now: datetime) -> Job:
        """The job as whoever may not end it takes it: one that is due has ended."""
        return self._replace(state=self.due(now) or self.state)

    def held(self, now: datetime) -> bool:
        """Whether its worker has its lease."""
        return self.lease_until is not None and now < parse_timestamp(self.lease_until)

    def asked_to_cancel(self) -> dict[str, Any] | None:
        """Who asked to cancel it, as answers show it."""
        return json.loads(self.cancel) if self.cancel is not None else None

    def shown(self) -> dict[str, Any]:
        """The job as the contract shows it."""
        return {
            "job_id": self.key.job_id,
            "tool": self.tool,
            "tool_call_id": self.tool_call_id,
            "input": _said(self.input, "input", JOB_INPUT_LIMIT),
            "state": self.state,
            "attempt": self.attempt,
            "version": self.moves,
            "progress": _value(self.progress),
            "asked": _value(self.asked),
            "answer": _value(self.answer),
            "cancel": self.asked_to_cancel(),
            "result": _said(self.result, "result", JOB_RESULT_LIMIT),
            "error": self.error,
            "logged": self.logged,
            "then": self.then,
            "created_at": self.created_at,
            "deadline": self.deadline,
            "lease_until": self.lease_until,
            "ended_at": self.ended_at,
        }

    def put(self) -> dict[str, Any]:
        """The write that puts it where none is."""
        listed = {
            "GSI1PK": attribute(jobs_partition(self.key.session)),
            "GSI1SK": attribute(listed_as(self)),
        }
        item = {**self.key.item, **listed, **_attributes(self)}
        return {"Put": put(item, condition="attribute_not_exists(#PK)")}

    def moved(self, after: Job, *, ttl: int = 0, same_lease: bool = False) -> dict[str, Any]:
        """The write that makes it another, if what it shows is what it was; which no ended one is made.

        Args:
            after: what it is then; its `moves` are set here.
            ttl: seconds for which it is kept, if it is ended.
            same_lease: only if its lease is what it was.
        """
        before, to = _attributes(self), _attributes(after._replace(moves=self.moves + 1))
        changed = {name: value for name, value in to.items() if value != before.get(name)}
        if after.ended_at is not None:
            changed["expires_at"] = _expiry(after, ttl)
        condition = "#state = :state_was AND #attempt = :attempt_was AND #moves = :moves_was"
        values: dict[str, Value] = {
            "state_was": self.state,
            "attempt_was": self.attempt,
            "moves_was": self.moves,
        }
        if same_lease and self.lease_until is not None:
            condition += " AND #lease_until = :lease_was"
            values["lease_was"] = self.lease_until
        gone = [name for name in before if name not in to]
        return {"Update": update(self.key, changed, without=gone, condition=condition, values=values)}


def update(
    key: JobKey,
    to: Mapping[str, Any],
    *,
    plus: Mapping[str, int] | None = None,
    without: list[str] | None = None,
    condition: str,
    values: Mapping[str, Value],
) -> dict[str, Any]:
    """The parameters of UpdateItem, or of an Update in a transaction, of a job's item.

    Args:
        to: attributes and the values they get, as the table has them.
        plus: attributes that are numbers, and what is added to each.
        without: attributes that go.
        condition: with `#name` for an attribute; when it fails, the item as it is comes back.
        values: those that the condition names, without the colon.
    """
    sets = [f"#{name} = :{name}" for name in to]
    sets += [f"#{name} = #{name} + :plus_{name}" for name in plus or {}]
    expression = f"SET {', '.join(sets)}"
    if without:
        expression += f" REMOVE {', '.join(f'#{name}' for name in without)}"
    return {
        "Key": key.item,
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        "ExpressionAttributeNames": names(expression, condition),
        "ExpressionAttributeValues": {
            **{f":{name}": value for name, value in to.items()},
            **{f":plus_{name}": attribute(value) for name, value in (plus or {}).items()},
            **{f":{name}": attribute(value) for name, value in values.items()},
        },
    }


def _attributes(job: Job) -> dict[str, Any]:
    strings = {name: getattr(job, name) for name in (*_STRINGS, *_BYTES)}
    # While it has not ended, it is in the index of what will be due; `hook` is for the purge.
    due = {} if job.ended else {"GSI2PK": job.key.shard, "due_at": timestamp(job.due_at)}
    hook = {"hook": token_digest(job.hook_token)} if job.hook_token is not None else {}
    return {
        **{name: attribute(getattr(job, name)) for name in _NUMBERS},
        **{name: attribute(value) for name, value in (strings | due | hook).items() if value is not None},
        **({} if job.logged is None else {"logged": {"BOOL": job.logged}}),
    }


def from_item(item: Item) -> Job:
    """The job in an item."""
    fields: dict[str, Any] = {name: int(item[name]["N"]) for name in _NUMBERS}
    fields |= {name: item[name]["S"] for name in _STRINGS if name in item}
    fields |= {name: bytes(item[name]["B"]) for name in _BYTES if name in item}
    if "logged" in item:
        fields["logged"] = item["logged"]["BOOL"]
    return Job(parse_job(item), **fields)


def job_id(session: GenerationKey, idempotency_key: str) -> str:
    """The id of the job that is started with this key: the same for each repeat."""
    return str(uuid5(_OF_SESSION, f"{session.partition}#{session.generation}#{idempotency_key}"))


def listed_as(job: Job) -> str:
    """The index's sort key: by time, then by id, so that no page skips or repeats a job."""
    return f"{job.created_at}#{job.key.job_id}"


def said(name: str, value: Any) -> bytes:
    """What an item holds of an input or a result."""
    return packed(dumps({name: value}, "body", name))


def _said(blob: bytes | None, name: str, limit: int) -> Any:
    if blob is None:
        return None
    try:
        return json.loads(unpacked(blob, limit + len(name) + len('{"":}')))[name]
    except ValueError as error:
        raise Damaged(f"The {name} of the job is damaged.") from error


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def token_digest(token: str) -> str:
    """By which a webhook's token is looked for: the table's keys do not give it away."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def hook_put(job: Job, token: str) -> dict[str, Any]:
    """The write that says whose job a webhook's token ends."""
    item = {
        **hook_key(token_digest(token)),
        "session": attribute(job.key.session.partition),
        "generation": attribute(job.key.session.generation),
        "job_id": attribute(job.key.job_id),
    }
    return {"Put": put(item, condition="attribute_not_exists(#PK)")}


def hook_ends(job: Job, *, ttl: int) -> list[dict[str, Any]]:
    """The write by which the webhook's item of a job that has ended goes with it; none, if it has no webhook.

    Args:
        ttl: seconds for which the job is kept after its end.
    """
    if job.hook_token is None:
        return []
    change = {
        "Key": hook_key(token_digest(job.hook_token)),
        "UpdateExpression": "SET expires_at = :ends",
        "ConditionExpression": "attribute_exists(PK)",
        "ExpressionAttributeValues": {":ends": _expiry(job, ttl)},
    }
    return [{"Update": change}]


def _expiry(job: Job, ttl: int) -> dict[str, Any]:
    assert job.ended_at is not None  # noqa: S101 (only what has ended is forgotten)
    return attribute(int((parse_timestamp(job.ended_at) + timedelta(seconds=ttl)).timestamp()))


def hooked(item: Item) -> JobKey:
    """The key of the job that a webhook's item names."""
    session = parse_partition(item["session"]["S"]).at(int(item["generation"]["N"]))
    return JobKey(session, item["job_id"]["S"])
