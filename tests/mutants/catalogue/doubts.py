"""Sabotage of what is known after several faults in a row: by the client, and by an operation."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CLIENT = "tests/functional/test_client_doubt.py"
_MADE = f"{_CLIENT}::test_what_may_have_been_made_is_not_made_twice"
_FAULTS = "tests/functional/test_several_faults.py"
_THROTTLED = f"{_FAULTS}::test_a_throttle_does_not_answer_for_the_try_before_it"

# By operation: the case that sees soonest that it does not tell its doubt.
_IN_DOUBT = {
    "add_tool_call": "tool call, in doubt & refused",
    "append_entries": "entries, in doubt & refused",
    "append_messages": "append, in doubt & refused",
    "create_session": "create, in doubt & refused",
    "delete_session": "delete, in doubt & refused",
    "delete_transcript": "delete the transcript, in doubt & refused",
    "import_transcript": "import, in doubt & refused",
    "patch_session": "patch, in doubt & refused",
    "put_session": "put in steps & refused",
    "rewind_session": "rewind, If-Match, in doubt & deleted",
    "set_title": "title, in doubt & refused",
}

DOUBTS = (
    *(
        Mutant(
            f"{operation} does not tell its doubt",
            f"@tells_doubt\nasync def {operation}(",
            f"async def {operation}(",
            "what was made is said to be refused",
            case=case,
        )
        for operation, case in _IN_DOUBT.items()
    ),
    Mutant(
        "a throttle answers for a write without an answer",
        "(refused or isinstance(error, Contended))",
        "refused",
        "what was made is said to be surely not",
        case="append, in doubt & refused",
    ),
    Mutant(
        "a refusal answers for a write without an answer",
        "(refused or isinstance(error, Contended))",
        "isinstance(error, Contended)",
        "a rewind that was made is answered with 404",
        case="rewind, If-Match, in doubt & deleted",
    ),
    Mutant(
        "a work that is half done is said not to be begun",
        "        self.written = True\n",
        "",
        "a PUT of which a step is stored is said to be surely not applied",
        case="put in steps & refused",
    ),
    Mutant(
        "a time-out is taken for not sent",
        "_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout,",
        "_NOT_SENT = (httpx.ConnectError, httpx.TimeoutException,",
        "a tool call without an id is made twice",
        test=_MADE,
    ),
    Mutant(
        "a connection that breaks is taken for not sent",
        "_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout,",
        "_NOT_SENT = (httpx.NetworkError, httpx.ConnectTimeout,",
        "a tool call without an id is made twice",
        test=_MADE,
    ),
    Mutant(
        "a connection that ends without an answer is the program's",
        "httpx.RemoteProtocolError",
        "httpx.ProxyError",
        "an append is not sent again, and the error is none of Turnlog's",
        test=_MADE,
    ),
    Mutant(
        "who waited for a connection is taken to have sent",
        "httpx.PoolTimeout, httpx.ProxyError)\n_LOST",
        "httpx.ProxyError)\n_LOST",
        "a title that was not sent is not sent again",
        test=f"{_CLIENT}::test_what_was_not_sent_is_sent_again",
    ),
    Mutant(
        "a gateway's time-out is taken for a refusal",
        "    504: Unanswered,",
        "    504: Contended,",
        "a tool call without an id is made twice",
        test=_MADE,
    ),
    Mutant(
        "a gateway's bad answer is taken for a refusal",
        "    502: Unanswered,",
        "    502: Contended,",
        "a tool call without an id is made twice",
        test=_MADE,
    ),
    Mutant(
        "a gateway's 503 is taken for a refusal",
        "    502: Unanswered,\n",
        "    502: Unanswered,\n    503: Contended,\n",
        "a tool call without an id is made twice",
        test=_MADE,
    ),
    Mutant(
        "a refusal takes the client's doubt away",
        "doubt = doubt if untouched else error",
        "doubt = None if untouched else error",
        "a title that was set is said to be refused, a session that was deleted not to be there",
        test=f"{_CLIENT}::test_a_refusal_does_not_answer_for_the_try_before_it",
    ),
    Mutant(
        "the client waits as long as it is told",
        "min(int(after), _LONGEST_RETRY_AFTER)",
        "int(after)",
        "a program stands still for an hour",
        test=f"{_CLIENT}::test_it_waits_no_longer_than_half_a_minute",
    ),
    Mutant(
        "Retry-After is taken for a number",
        " if after.isdecimal() else 0",
        " if after else 0",
        "a proxy's date is a ValueError in the program",
        test=f"{_CLIENT}::test_it_waits_no_longer_than_half_a_minute",
    ),
    Mutant(
        "a draft is deleted once more",
        'Request("delete_draft", session_id, repeatable=False)',
        'Request("delete_draft", session_id)',
        "a draft that another has begun since is gone",
        test=f"{_CLIENT}::test_a_draft_that_another_began_is_not_deleted",
    ),
    Mutant(
        "PUT forgets the version when a try was not answered",
        "        if not self.ours:\n            check_version",
        "        if not self.ours and not self.tries.unanswered:\n            check_version",
        "a version that was never seen is written over",
        test=_FAULTS,
    ),
    Mutant(
        "PUT forgets its own first step",
        "self.ours = self.ours or head.token == self._token",
        "self.ours = head.token == self._token",
        "a title that another has set since is written over",
        test=_FAULTS,
    ),
    Mutant(
        "a throttle answers for the try before it",
        "        elif isinstance(error, Unanswered):\n            self.unanswered = error\n",
        "        else:\n            self.unanswered = error if isinstance(error, Unanswered) else None\n",
        "a title or a patch that was made is said to be refused, or made again over another's",
        test=_THROTTLED,
    ),
    Mutant(
        "a throttle answers for the create before it",
        "        elif isinstance(error, Unanswered):\n            self.unanswered = error\n",
        "        else:\n            self.unanswered = error if isinstance(error, Unanswered) else None\n",
        "a PUT writes over what another has set in the session that it created",
        test=f"{_FAULTS}::test_a_put_that_creates_is_throttled_after_a_lost_reply",
    ),
    Mutant(
        "a message takes the machine's time whatever was before it",
        "    # Clocks differ between machines; the log's times do not run backwards for that.\n"
        "    now = max(store.now(), head.updated_at)",
        "    # Clocks differ between machines; the log's times do not run backwards for that.\n"
        "    now = store.now()",
        "times run backwards, or nothing is appended until the clock has caught up",
        test="tests/functional/test_limits_that_result.py::test_a_clock_that_is_behind",
    ),
    Mutant(
        "what is taken back is taken at any version",
        "                        stored[-1].version,\n",
        "                        None,  # type: ignore[arg-type]\n",
        "another's message goes, as the log is as long again",
        test="tests/integrations/test_openai_take_back.py"
        "::test_another_exchanges_the_last_one_before_the_take_back",
    ),
)
