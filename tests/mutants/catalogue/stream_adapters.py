"""Sabotage of what front ends are shown of a stream, and of what the log gets of it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/test_stream_adapters.py"

STREAM_ADAPTERS = (
    Mutant(
        "a step ends with an open text",
        'closed = [*self._close(""), *self._cut_off("")]\n        self._step',
        'closed = [*self._cut_off("")]\n        self._step',
        "the AI SDK forgets the text, and throws at its next delta",
        test=_UNIT,
    ),
    Mutant(
        "a delta without its start",
        '            made.append(_of(group, "start"))\n',
        "            pass\n",
        "a resume that begins at a delta throws",
        test=_UNIT,
    ),
    Mutant(
        "a call that is said twice is two calls",
        '(call.state != "streaming" or kind == "tool-input-start")',
        'kind == "tool-input-start"',
        "a replay shows a call that has answered as one that waits",
        test=_UNIT,
    ),
    Mutant(
        "events behind the end",
        '        self.over = True\n        if kind == "abort":',
        '        if kind == "abort":',
        "AG-UI's client refuses what comes behind RUN_FINISHED",
        test=_UNIT,
    ),
    Mutant(
        "what a dropped step had opened is remembered",
        "            self._forget()\n            return [event]",
        "            return [event]",
        "the step that is begun anew lacks what the dropped one had said",
        test=_UNIT,
    ),
    Mutant(
        "a field that the client is too old for",
        "if self._version >= field.since:",
        "if bool(field.since):",
        "strict builds of the AI SDK refuse the chunk",
        test=_UNIT,
    ),
    Mutant(
        "a dynamic tool's answer does not say so",
        "            if dynamic:\n",
        "            if dynamic is None:\n",
        "version 5 of the AI SDK throws",
        test=_UNIT,
    ),
    Mutant(
        "a snapshot of AG-UI does not begin again what is open",
        "*(one for begun in self._open.values() for one in begun), *ends]",
        "*ends]",
        "the client refuses what follows",
        test=_UNIT,
    ),
    Mutant(
        "a call of a cancelled turn stays open in the log",
        '        if kind != "finish":\n            made += self._unanswered("")\n',
        "",
        "a front end shows a tool that runs for ever",
        test=_UNIT,
    ),
    Mutant(
        "a call stands in the log where its input was whole",
        'case ["tool", "input", "start" | "available" | "error"]:',
        'case ["tool", "input", "available" | "error"]:',
        "after a reload the page shows another order",
        test=_UNIT,
    ),
    Mutant(
        "the message of Claude Code that was streamed is said again",
        "                    streamed[0].told = True\n                    return []\n",
        "                    streamed[0].told = True\n",
        "every text stands there twice",
        test="tests/integrations/test_claude_events.py::test_event_by_event",
    ),
    Mutant(
        "an answer of OpenAI's that is asked for again stands behind the first",
        'lost = [{"type": "reset-step"}] if self._running else []',
        'lost = [{"type": "finish-step"}] if self._running else []',
        "the beginning of a text stands before the whole one",
        test="tests/integrations/test_openai_events.py"
        "::test_a_response_that_is_asked_for_again_drops_what_came_of_it",
    ),
)
