"""Sabotage of what serves streams bit by bit: server-sent events, their handler, Lambda's runtime loop."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_FOLLOW = "tests/functional/test_follow_stream.py"
_HANDLER = "tests/unit/test_streaming.py"
_LOOP = "tests/unit/test_streaming_runtime.py"
_CLIENT = "tests/unit/test_client_follow.py"
_PARSED = "tests/unit/test_sse.py"

SERVING = (
    Mutant(
        "the last event that a reader has seen is not heeded",
        'after = call.headers.get("last-event-id") or call.query.get("after")',
        'after = call.query.get("after")',
        "a browser that was cut off gets events twice",
        test=f"{_FOLLOW}::test_a_reader_that_was_cut_off_goes_on_behind_the_last_event_that_it_saw",
    ),
    Mutant(
        "a reader is not told that events were lost",
        'yield _frame(dumps({"cursor": page.cursor}), event="reset", cursor=page.cursor)',
        "pass",
        "it shows what is of no message",
        test=f"{_FOLLOW}::test_a_reader_of_what_was_lost_drops_the_running_step",
    ),
    Mutant(
        "a reader is not told that a stream has ended",
        'yield _frame(dumps({"cursor": page.cursor, "state": page.stream.state}), event="end")',
        "pass",
        "it comes again and again",
        test=f"{_FOLLOW}::test_events_arrive_while_the_producer_writes",
    ),
    Mutant(
        "an answer goes on as long as its function may",
        "    until = store.clock.remaining() - FOLLOW_SECONDS\n",
        "    until = 0.0\n",
        "Lambda ends it, and counts a failure",
        test=f"{_FOLLOW}::test_an_answer_ends_after_its_time_and_says_meanwhile_that_it_is_alive",
    ),
    Mutant(
        "nothing says that a connection is alive",
        "            yield HEARTBEAT\n",
        "            pass\n",
        "a proxy cuts it off",
        test=f"{_FOLLOW}::test_an_answer_ends_after_its_time_and_says_meanwhile_that_it_is_alive",
    ),
    Mutant(
        "a reader is not told that what comes next is kept no longer",
        '            yield _frame(problem(error).body, event="resync")\n',
        "",
        "it shows half an answer as if it were whole",
        test=f"{_FOLLOW}::test_what_is_kept_no_longer_is_told_in_the_middle_of_an_answer",
    ),
    Mutant(
        "a stream that has ended is streamed without an event",
        "    if first.over:\n        return Answer(204)\n",
        "",
        "a browser comes again and again",
        test=f"{_FOLLOW}::test_who_has_all_of_a_stream_that_has_ended_need_not_come_again",
    ),
    Mutant(
        "the REST API's claims are not read",
        'authorizer.get("jwt", authorizer)',
        'authorizer.get("jwt", {})',
        "nobody gets at a stream",
        test="tests/unit/test_events.py::test_an_event_of_the_rest_api",
    ),
    Mutant(
        "every page may read a stream",
        "    if origin and origin in origins:\n",
        "    if origin:\n",
        "a page from elsewhere reads with a token that it got hold of",
        test=f"{_HANDLER}::test_pages_of_the_given_origins_may_read",
    ),
    Mutant(
        "chunks are not closed when nobody wants more",
        "            await chunks.aclose()\n",
        "",
        "what they hold is held until it is found as garbage",
        test=f"{_HANDLER}::test_when_nobody_wants_more_the_rest_is_closed_and_told",
    ),
    Mutant(
        "an answer that broke off looks whole",
        "            failed(self.name, call, error)\n            raise\n",
        "            failed(self.name, call, error)\n",
        "no alarm tells that streams fail",
        test=f"{_HANDLER}::test_a_defect_in_the_middle_is_logged_and_raised",
    ),
    Mutant(
        "an empty chunk is sent",
        "            if chunk:  # an empty one would end the body\n",
        "            if True:\n",
        "the rest of the answer is lost",
        test=f"{_LOOP}::test_an_empty_chunk_does_not_end_the_body",
    ),
    Mutant(
        "the loop gathers an answer",
        "_send(connection, chunk)\n        connection.send(b",
        "pass\n        connection.send(b",
        "it does not arrive",
        test=f"{_LOOP}::test_chunks_arrive_one_by_one",
    ),
    Mutant(
        "what a body raises is not reported",
        "                trailers = _trailers(error)\n",
        "",
        "an answer that broke off looks whole",
        test=f"{_LOOP}::test_what_the_body_raises_goes_into_the_trailers",
    ),
    Mutant(
        "the loop reports what an error says",
        '"errorMessage": "The function failed; its log says where."',
        '"errorMessage": str(error)',
        "what a user wrote gets into logs",
        test=f"{_LOOP}::test_what_the_handler_raises_is_the_invocations_error",
    ),
    Mutant(
        "a client that has gone ends the loop",
        "    except (OSError, HTTPException) as error:\n        _log(error)  # whoever asked has gone\n",
        "    except ValueError as error:\n        _log(error)  # whoever asked has gone\n",
        "the next one waits for a cold start",
        test=f"{_LOOP}::test_a_client_that_has_gone_ends_its_answer_and_no_other",
    ),
    Mutant(
        "a client takes what was lost for what is there",
        "                        reset = page  # of",
        "                        reset = {}  # of",
        "a program shows what is of no message",
        test=f"{_CLIENT}::test_what_was_lost_is_said_once",
    ),
    Mutant(
        "a client does not say what was lost where a stream ends",
        "            if reset:\n                yield reset\n            yield None",
        "            yield None",
        "a program keeps the step that the producer lost",
        test=f"{_CLIENT}::test_what_was_lost_is_said_also_where_nothing_comes_behind_it",
    ),
    Mutant(
        "a quiet answer that is cut is an error",
        '        if begun:\n            return b""\n',
        "",
        "a program behind a load balancer gives up a stream in which nothing happens for a while",
        test=f"{_CLIENT}::test_a_quiet_stream_is_followed_however_often_its_connection_is_cut",
    ),
    Mutant(
        "a client does not come again behind what it has seen",
        "                        after = page.cursor\n",
        "",
        "a program gets events twice",
        test=f"{_CLIENT}::test_an_answer_that_is_cut_anywhere",
    ),
    Mutant(
        "a client that is cancelled leaves an answer that has just begun",
        "for incoming in opened:  # it came while this was cancelled",
        "for incoming in []:",
        "after a hundred of them it has no connection left",
        test=f"{_CLIENT}::test_a_reader_that_is_cancelled_at_any_moment_gives_its_connection_back",
    ),
    Mutant(
        "a CRLF that is cut in two counts as two ends",
        'whole = self._rest.removesuffix(b"\\r")',
        "whole = self._rest",
        "an event is torn",
        test=f"{_PARSED}::test_an_answer_that_is_cut_anywhere",
    ),
)
