"""How the checker says that a promise is broken, and which one."""

from __future__ import annotations

THE_CONTRACT = "contract"

# Which promise a rule is of (README, "What it promises"), or whether it is of the contract alone.
RULES = {
    "G1": (
        "a pop takes one",
        "acknowledged is stored",
        "added in order",
        "append whole",
        "at least so many are stored",
        "entries move with head",
        "entries stand in order",
        "import in place",
        "import is stored",
        "items are the log",
        "live entries kept",
        "log moves with head",
        "message whole",
        "messages go whole",
        "next generation",
        "no later item without an earlier one",
        "nothing put by a rewind",
        "object before its item",
        "object deleted after its item",
        "other fields stay",
        "popped is taken",
        "positions gapless",
        "put is stored",
        "read at last",
        "removed by purge",
        "rewound as asked",
        "rewound by a rewind",
        "sequence in message",
        "sequences gapless",
        "stored message kept",
        "takes back its own alone",
        "tool call stored",
    ),
    "G2": (
        "a draft is sent once",
        "a repeat is known",
        "answered as first stored",
        "batch known as a whole",
        "change made once",
        "entry once",
        "fields set once",
        "id kept",
        "made once",
        "made once by a call",
        "message id once",
        "message once",
        "replayed is true",
        "replayed tells",
        "reused differs",
        "reused is true",
        "ring as long",
        "ring exact",
        "stored once by a call",
        "stored once by a request",
        "tool call once",
        "uuid once",
    ),
    "G3": (
        "batch counted",
        "edits counted",
        "entry_count exact",
        "listed once",
        "log_size exact",
        "message_count exact",
        "message_count was so",
        "rewinds counted",
        "size exact",
        "total exact",
        "total was so",
        "usage exact",
        "usage lowered",
        "version +1",
    ),
    "G4": (
        "204 means deleted by this",
        "alive again",
        "answered of a live session",
        "created by create",
        "deleted",
        "deleted by a call",
        "ends in time",
        "expired by age",
        "generation kept",
        "head goes with its session",
        "live head stays",
        "live log kept",
        "marker on a live session",
        "no object left",
        "not created again",
        "nothing left",
        "nothing under a tombstone",
        "objects purged",
        "old generations purged",
        "old objects purged",
        "purged",
        "purged before its end",
        "retention",
        "session live",
        "tombstone bare",
        "tombstone ends",
        "tombstone ends by TTL",
        "tombstone lasts",
        "tombstone stays",
        "tombstone without end",
        "who deletes",
    ),
    "G5": ("ownership",),
    "G6": (
        "304 is true",
        "404 means not there",
        "answer was a state",
        "cache as table",
        "cached is in the log",
        "draft never stored",
        "draft was put",
        "every session is summed up",
        "export was so",
        "found if live",
        "items were so",
        "list was so",
        "listed was so",
        "loaded was so",
        "message was so",
        "page was so",
        "read of a live session",
        "summary is a fold of what is there",
        "version ahead of what was",
        "version not ahead",
    ),
    "G7": (
        "201 means created",
        "409 changes nothing",
        "412 changes nothing",
        "413 changes nothing",
        "a call returns its answer",
        "a refusal denies nothing",
        "a refused pop takes none",
        "added by an add",
        "appended at last",
        "cleared",
        "cleared once",
        "clearing clears",
        "expected_position heeded",
        "expected_sequence heeded",
        "fields put once",
        "If-Match heeded",
        "leftover is left",
        "message_count of the rewind",
        "nothing left over",
        "nothing done after a denial",
        "nothing to pop",
        "one tool call",
        "only if unset",
        "patch applied",
        "patch on what was there",
        "put holds",
        "put is in its answer",
        "refused for no reason",
        "rewound by its call",
        "rewound by this",
        "rewound once",
        "rewound says so",
        "served where nothing fails",
        "stored as it says",
        "surely not applied",
        "takes back what was refused",
        "title set",
        "tool call in its turn",
        "who clears",
    ),
    THE_CONTRACT: (
        "410 means deleted",
        "412 means another version",
        "added is true",
        "answered in order",
        "append appends",
        "batch written once",
        "begins live",
        "bounds",
        "deletes what is there",
        "diverged is true",
        "first generation",
        "free again",
        "index place",
        "list in order",
        "mismatch differs",
        "mismatch is true",
        "names in order",
        "names known",
        "object written once",
        "purged by the stream",
        "status of the contract",
        "status tells",
        "time goes on",
        "transcript meant",
        "untouched stays",
        "who appends",
        "who changes a head",
    ),
}
_PROMISES = {rule: promise for promise, rules in RULES.items() for rule in rules}


class UnknownRule(Exception):
    """A rule is in no list of `RULES`: its name is misspelled, or the rule is new."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"{rule!r} is no rule of tests/simulation/violations.py: add it to RULES there.")


class Violation(AssertionError):
    """A promise is broken.

    Attributes:
        rule: a short name of what does not hold.
        promise: `G1` to `G7`, or `contract`.
    """

    def __init__(self, rule: str, detail: object) -> None:
        self.rule = rule
        self.promise = promise_of(rule)
        super().__init__(f"{self.promise} is broken: {rule}: {detail}")


def promise_of(rule: str) -> str:
    """The promise that a rule is of, or the contract.

    Raises:
        UnknownRule: there is no such rule.
    """
    try:
        return _PROMISES[rule]
    except KeyError:
        raise UnknownRule(rule) from None


def require(rule: str, holds: object, detail: object = "") -> None:
    """Say that the rule is broken unless it holds."""
    promise_of(rule)  # also of one that is never broken
    if not holds:
        raise Violation(rule, detail)
