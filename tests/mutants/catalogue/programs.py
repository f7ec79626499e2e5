"""Sabotage of what the HTTP client does when requests and answers get lost, several in a row among them.

The simulation of programs notices each; it runs the client as it is installed (`tests/simulation/programs`).
"""

from __future__ import annotations

from tests.mutants.mutant import Mutant

PROGRAMS = (
    Mutant(
        "the client says that nothing was done since its last try was not",
        "                    if doubt and untouched:\n",
        "                    if False:\n",
        "what was done is said not to be",
        case="programs",
    ),
    Mutant(
        "the client does not know what it deleted",
        'doubt and absent and request.operation.startswith("delete_"):',
        "False:",
        "a deletion is told as doubtful that was made",
        test="tests/functional/test_client_retries.py::test_what_its_own_first_try_deleted_is_deleted",
    ),
    Mutant(
        "messages get their ids from the server",
        '{**one, "message_id": one.get("message_id") or str(uuid4())}',
        "{**one}",
        "a message is stored twice",
        case="programs",
    ),
    Mutant(
        "batches of entries get their ids from the server",
        "batch_id=batch_id\n        )\n",
        "batch_id=None\n        )\n",
        "an entry is stored twice",
        case="programs",
    ),
    Mutant(
        "a PUT with fields is sent again",
        "undoes=bool(fields))",
        "undoes=False)",
        "an acknowledged change is undone",
        case="programs",
    ),
    Mutant(
        "a tool call without an id is sent again",
        "body=body, repeatable=known)",
        "body=body)",
        "a tool call is stored twice",
        case="programs",
    ),
    Mutant(
        "the deletion of a transcript is sent again",
        "session_id, name, repeatable=False)",
        "session_id, name)",
        "what was begun anew is deleted",
        case="programs",
    ),
)
