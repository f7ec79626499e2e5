"""Sabotage of exports: which messages they are of, the rules of providers, whose words they are."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

FORMATS = (
    Mutant(
        "an export takes the result of a newer call",
        "            open_ -= {part.id for part in parts if isinstance(part, Call)}\n",
        "",
        "a call shows what another call with its id has got",
        test="tests/functional/test_export_window.py",
    ),
    Mutant(
        "a late result is lost between two windows",
        "if form in PROVIDERS:\n                window = window._replace(late",
        "if not form:\n                window = window._replace(late",
        "the window of the call says that no result is stored, the next one has no call for it",
        test="tests/functional/test_export_window.py",
    ),
    Mutant(
        "an export begins anywhere",
        "    if not taken or begins_turn(json.loads(taken[-1])):",
        "    if not taken or taken:",
        "a window begins in the middle of a turn, with results whose calls are before it",
    ),
    Mutant(
        "an export forgets the message with which its turn begins",
        "message if full and lead else None)",
        "None)",
        "a model sees a turn that nobody began",
    ),
    Mutant(
        "an export is written without a look at its size",
        "if size <= PAYLOAD_LIMIT or alone:",
        "if bool(window) or alone:",
        "Lambda refuses the answer",
        test="tests/functional/test_export_window.py",
    ),
    Mutant(
        "the system message twice",
        "if keep_system and window.first > 0:",
        "if keep_system and window.messages:",
        "what instructs the model stands there twice",
        test="tests/functional/test_export_window.py",
    ),
    Mutant(
        "a result that answers no call is passed on",
        "return named.first_open() if named else None\n        unnamed",
        "return named.first_open() if named else next(iter(self._slots), None)\n        unnamed",
        "a tool's answer stands behind another call",
        test="tests/functional/test_export.py",
    ),
    Mutant(
        "a job's result does not count",
        "if before and not guessed and not (result.job and not before.job):",
        "if before and not guessed:",
        "a model reads that the job was begun, not what it found",
        test="tests/functional/test_export.py",
    ),
    Mutant(
        "what is said behind a result is said before it",
        "open_ = open_ and self._group not in answered",
        "open_ = open_ and bool(answered)",
        "an answer stands before what it is about",
        test="tests/functional/test_export.py",
    ),
    Mutant(
        "two calls with one id",
        "while unique in taken or (unique in known and unique != slot.id):",
        "while not unique:",
        "the provider refuses the history",
        test="tests/functional/test_export.py",
    ),
    Mutant(
        "a function's answer is an instruction",
        '    "function": "tool",\n}',
        '    "function": "developer",\n}',
        "M6: what a tool read on the web instructs the model",
        test="tests/functional/test_export.py",
    ),
    Mutant(
        "a result among what a user says is what the user says",
        'kind: Role = "tool" if isinstance(part, Result) else whole.role',
        "kind: Role = whole.role",
        "a call is not answered",
        test="tests/unit/test_formats_any.py",
    ),
    Mutant(
        "malformed calls are skipped without a warning",
        'store.counts["malformed_tool_calls"] += skipped',
        'store.counts["malformed_tool_calls"] += 0',
        "nobody learns that a program writes such calls",
        test="tests/functional/test_export.py",
    ),
    Mutant(
        "a text of nothing for Anthropic",
        "    if not part.text.strip():\n        return []\n    block",
        "    if part.text is None:\n        return []\n    block",
        "the provider refuses the history",
        test="tests/unit/test_formats.py",
    ),
    Mutant(
        "thoughts without a signature for Anthropic",
        "    if signature:\n        return {",
        "    if signature is not None:\n        return {",
        "the provider refuses the history",
        test="tests/unit/test_formats.py",
    ),
    Mutant(
        "reasoning that nothing follows",
        "items = writer.items if exact else writer.followed()",
        "items = writer.items",
        "the provider refuses the history",
        test="tests/unit/test_formats.py",
    ),
    Mutant(
        "a fence that its text can close",
        'fence = "`" * max(3, longest + 1)',
        'fence = "`" * max(3, 0 * longest)',
        "a tool's text reads as a message of somebody",
        test="tests/unit/test_formats.py",
    ),
)
