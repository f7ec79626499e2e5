"""Sabotage of what is known after several faults in a row: by the client, and by an operation."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CLIENT = "tests/functional/test_client_doubt.py"
_MADE = f"{_CLIENT}::test_what_may_have_been_made_is_not_made_twice"
_FAULTS = "tests/functional/test_several_faults.py"
_THROTTLED = f"{_FAULTS}::test_a_throttle_does_not_answer_for_the_try_before_it"

DOUBTS = (
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
        "unsure = unsure if untouched else error",
        "unsure = None if untouched else error",
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
        "PUT forgets the version when it is unsure",
        "        if not ours:\n            check_version",
        "        if not ours and not unsure:\n            check_version",
        "a version that was never seen is written over",
        test=_FAULTS,
    ),
    Mutant(
        "PUT forgets its own first step",
        "ours = ours or head.token == token",
        "ours = head.token == token",
        "a title that another has set since is written over",
        test=_FAULTS,
    ),
    Mutant(
        "a throttle takes a title's doubt away",
        "        except Contended as error:\n"
        "            await store.again(attempt, error)\n            continue",
        "        except Contended as error:\n            unsure = None\n"
        "            await store.again(attempt, error)\n            continue",
        "a title that was set is said to be refused",
        test=_THROTTLED,
    ),
    Mutant(
        "a title's doubt is no answer",
        "        check_version(head, if_match, unsure)\n        if only_if_unset",
        "        check_version(head, if_match)\n        if only_if_unset",
        "a title that was set is said to be refused",
        test=_THROTTLED,
    ),
    Mutant(
        "a throttle takes a patch's doubt away",
        " over the same head: if it was made, or another was, the token refuses it.\n"
        "            unsure = error if isinstance(error, Unanswered) else unsure",
        " over the same head: if it was made, or another was, the token refuses it.\n"
        "            unsure = error if isinstance(error, Unanswered) else None",
        "a patch that was made is said to be refused, or made again over another's",
        test=_THROTTLED,
    ),
    Mutant(
        "a patch's doubt is no answer",
        "    for attempt in count():\n        check_version(head, if_match, unsure)",
        "    for attempt in count():\n        check_version(head, if_match)",
        "a patch that was made is said to be refused",
        test=_THROTTLED,
    ),
    Mutant(
        "a throttle takes a create's doubt away",
        "                return Created(there, [], created=False, unsure=unsure)\n"
        "        except (Contended, Unanswered) as error:\n"
        "            unsure = error if isinstance(error, Unanswered) else unsure",
        "                return Created(there, [], created=False, unsure=unsure)\n"
        "        except (Contended, Unanswered) as error:\n"
        "            unsure = error if isinstance(error, Unanswered) else None",
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
        """stored[-1]["last_sequence"] + 1,
                    if_match=stored[-1]["version"],
""",
        """stored[-1]["last_sequence"] + 1,
""",
        "another's message goes, as the log is as long again",
        test="tests/integrations/test_openai_take_back.py"
        "::test_another_exchanges_the_last_one_before_the_take_back",
    ),
)
