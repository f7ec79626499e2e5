"""Sabotage of the functions: what they do where something fails, and how much they take."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_EVENTS = "tests/unit/test_events.py"
_FAILS = "tests/unit/test_endpoint.py"
_PURGE = "tests/functional/test_purge_failures.py"
_TOLD = f"{_PURGE}::test_the_stream_is_told_what_is_not_done"

EDGE = (
    Mutant(
        "the stream is not told what the purge could not do",
        '    return {"batchItemFailures": failures}',
        '    return {"batchItemFailures": []}',
        "a deleted session's messages stay for ever",
        test=_TOLD,
    ),
    Mutant(
        "the stream is told of a failure by another name",
        'record["dynamodb"]["SequenceNumber"]',
        'record["eventID"]',
        "all of the batch is handed on again, until it is given up",
        test=_TOLD,
    ),
    Mutant(
        "the purge's failures are not counted",
        '    store.counts["failures"] += len(failures)\n',
        "",
        "no alarm tells that a purge fails",
        test=_TOLD,
    ),
    Mutant(
        "a defect is raised to Lambda",
        "            answer = problem(TurnlogError(_FAILED))",
        "            raise",
        "the client gets a page of the gateway's, and no line says which request it was",
        test=_FAILS,
    ),
    Mutant(
        "a defect's message is answered",
        "TurnlogError(_FAILED)",
        'TurnlogError(f"The request failed: {error}")',
        "the client is told what is inside",
        test=_FAILS,
    ),
    Mutant(
        "a defect's message is logged",
        '"error": type(error).__name__',
        '"error": repr(error)',
        "what a user said is in the logs",
        test=_FAILS,
    ),
    Mutant(
        "a defect is not logged",
        "            telemetry.failed(self.name, call, error)\n",
        "",
        "nobody can tell what failed",
        test=_FAILS,
    ),
    Mutant(
        "a refusal is not logged",
        "            answer = problem(error)\n        except Exception",
        "            return respond(call, problem(error))\n        except Exception",
        "nobody sees what clients are refused",
        test=_FAILS,
    ),
    Mutant(
        "a bearer is believed where nobody has checked it",
        'if "authorizer" in http or os.environ.get("AWS_SAM_LOCAL") != "true":',
        'if "authorizer" in http:',
        "on a route without an authorizer anybody is anybody",
        test=_EVENTS,
    ),
    Mutant(
        "a body may not be as long as is said",
        "and size > BODY_LIMIT:",
        "and size >= BODY_LIMIT:",
        "5,000,000 bytes are refused",
        test=_EVENTS,
    ),
    Mutant(
        "a body's escapes are not counted",
        'payload_size(encoded) + encoded.count(b"\\n")',
        "len(encoded)",
        "Lambda refuses the event, without a word of ours",
        test=_EVENTS,
    ),
    Mutant(
        "a text of a direct invoke is strict about surrogates",
        'return _few(raw.encode("utf-8", "backslashreplace") if isinstance(raw, str) else raw)',
        'return _few(raw.encode("utf-8") if isinstance(raw, str) else raw)',
        "500, where a tool wrote half a character",
        test=_EVENTS,
    ),
    Mutant(
        "all that is wrong with a body is told",
        "found[:_MOST_ERRORS]",
        "found",
        "an answer that Lambda does not let out",
        test=_EVENTS,
    ),
    Mutant(
        "a wrong field's name is told at any length",
        "one[:_LONGEST_NAME]",
        "one",
        "an answer that Lambda does not let out",
        test=_EVENTS,
    ),
    Mutant(
        "a late record takes the objects of a transcript that began anew",
        "parse_object_generation(key, name) < current",
        "parse_object_generation(key, name) <= current",
        "an acknowledged entry cannot be read",
        test=f"{_PURGE}::test_a_late_record_of_a_transcript_that_began_anew",
    ),
    Mutant(
        "milliseconds are taken for seconds",
        "context.get_remaining_time_in_millis() / 1000 if",
        "context.get_remaining_time_in_millis() if",
        "Lambda ends a function in the middle of a try, and the client gets no answer of Turnlog's",
        test=_FAILS,
    ),
)
