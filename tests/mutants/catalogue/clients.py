"""Sabotage of the clients: what they keep open, how they find their way, and what they give."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CLIENTS = "tests/functional/test_clients.py"
_LATE = "tests/integrations/test_openai_late.py"

CLIENTS = (
    Mutant(
        "a forked process uses its parent's connections",
        "        process = os.getpid()\n",
        "        process = 0\n",
        "the two read each other's answers",
        test=f"{_CLIENTS}::test_a_forked_process_has_connections_of_its_own",
    ),
    Mutant(
        "a client is used on two loops at once",
        "            if _runs(other):\n",
        "            if False:\n",
        "a program works by chance",
        test=f"{_CLIENTS}::test_a_second_thread_is_told_what_to_do_at_once",
    ),
    Mutant(
        "a closed client opens connections anew",
        "        self._closed = True\n        kept = self._made.pop(os.getpid(), None)\n",
        "        kept = self._made.pop(os.getpid(), None)\n",
        "connections stay open that nobody closes",
        test=f"{_CLIENTS}::test_a_closed_client_says_so",
    ),
    Mutant(
        "the list is not read again where it moved",
        "            if not several or now is None:  # one page",
        "            if True:  # one page",
        "a session that is there does not come",
        test=f"{_CLIENTS}::test_each_session_comes_once_while_the_list_moves",
    ),
    Mutant(
        "a session comes as often as it is met",
        "                        known.add(session.session_id)\n",
        "",
        "a session comes twice",
        test=f"{_CLIENTS}::test_each_session_comes_once_while_the_list_moves",
    ),
    Mutant(
        "a route that is not there is a session that is not there",
        "        if reply.is_redirect or reply.status_code in _NO_SUCH_ROUTE:\n",
        "        if reply.is_redirect:\n",
        "a wrong URL is an empty history",
        test="tests/functional/test_client_retries.py::test_answers_that_are_not_turnlogs_own",
    ),
    Mutant(
        "what the environment says twice is taken once",
        '        if http and direct:\n            raise UsageError(\n                "TURNLOG_URL',
        '        if False:\n            raise UsageError(\n                "TURNLOG_URL',
        "a program writes where nobody meant it to",
        test=f"{_CLIENTS}::test_settings_that_are_missing_or_wrong",
    ),
    Mutant(
        "a session that is handed over is not used",
        "        session = session or Session()\n        self._settings",
        "        session = Session()\n        self._settings",
        "a program works in another account",
        test=f"{_CLIENTS}::test_a_session_of_boto3_is_used",
    ),
    Mutant(
        "a message is given with what the server added",
        "        return {name: value for name, value in self.raw.items() if name not in _SERVERS}",
        "        return self.raw",
        "a provider refuses a history",
        test=f"{_CLIENTS}::test_answers_are_typed",
    ),
    Mutant(
        "a take-back without an answer is forgotten",
        """            if may_be_done(refused) or isinstance(refused, UsageError):
                raise
            made = False
""",
        """            failed.take_back = None
            if may_be_done(refused) or isinstance(refused, UsageError):
                raise
            made = False
""",
        "it arrives late and takes what was acknowledged",
        test=f"{_LATE}::test_a_late_take_back_takes_nothing_of_the_same_call_made_again",
    ),
    Mutant(
        "a refused call denies what the same call before stored",
        "if unsure and not may_be_done(error) and not",
        "if not messages and not may_be_done(error) and not",
        "a program believes that none of its items are there",
        test=f"{_LATE}::test_a_refusal_does_not_deny_what_the_same_call_sent_before",
    ),
    Mutant(
        "a call takes back what the same call before may store late",
        "if stored and not unsure and is_one_run(stored)",
        "if stored and is_one_run(stored)",
        "what that one appends late is stored, though its items were taken back",
        test=f"{_LATE}::test_nothing_is_taken_back_that_the_same_call_before_may_store_again",
    ),
    Mutant(
        "items are said to be stored in a session that is gone",
        "            return False  # all of the session is gone\n",
        "            pass\n",
        "a program believes that its items are there",
        test=f"{_LATE}::test_a_session_that_was_deleted_meanwhile_has_no_items",
    ),
)
