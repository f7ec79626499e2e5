"""Sabotage of what a message may be: its content, its sameness, its tokens, what is set with it."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_WIRE = "tests/unit/test_wire.py"
_MESSAGES = "tests/functional/test_open_messages.py"
_USAGE = "tests/unit/test_usage.py"

OPEN_MESSAGES = (
    Mutant(
        "half a character is no text",
        'return text.encode("utf-8", "backslashreplace")',
        'return text.encode("utf-8", "strict")',
        "a tool's output that was cut in the middle of an emoji is a 500",
        test=_WIRE,
    ),
    Mutant(
        "a null member is a member",
        "(one.get(name), other.get(name)) for name",
        "(one.get(name, 0), other.get(name, 0)) for name",
        "what another client sends again is 409",
    ),
    Mutant(
        "large numbers are compared digit by digit",
        "if _double(one) != _double(other):",
        "if one != other:",
        "what a browser read and sends again is 409",
        test=_WIRE,
    ),
    Mutant(
        "a truth is the number 1",
        "elif type(one) is not type(other) or one != other:",
        "elif one != other:",
        "another content is taken for a repeat",
        test=_WIRE,
    ),
    Mutant(
        "no bound of depth",
        "if depth == DEPTH_LIMIT:",
        "if depth == 2 * DEPTH_LIMIT:",
        "what was stored cannot be read",
        test=_WIRE,
    ),
    Mutant(
        "NaN is JSON",
        ", parse_constant=_no_number)",
        ")",
        "what was stored is no JSON",
        test=_WIRE,
    ),
    Mutant(
        "an infinite number is kept",
        "elif isinstance(one, float) and one - one != 0:",
        "elif isinstance(one, float) and one - one == 1:",
        "422 comes without the message's number",
        test=_WIRE,
    ),
    Mutant(
        "empty content is not absent content",
        '    if said.get("content") == "":\n        del said["content"]\n',
        "",
        "SDKs that leave out empty content get 409",
        test=_MESSAGES,
    ),
    Mutant(
        "metadata is a part of the content",
        '"stream_id", "metadata"})',
        '"stream_id"})',
        "a rating makes a repeat a conflict",
        test=_MESSAGES,
    ),
    Mutant(
        "metadata of any size",
        '(size := len(dumps(fields["metadata"]))) > METADATA_LIMIT',
        '(size := len(dumps(fields["metadata"]))) > 99 * METADATA_LIMIT',
        "it is read with every page",
        test=_MESSAGES,
    ),
    Mutant(
        "a removed message keeps what it says",
        'if given.pop("removed", False):',
        'if given.get("removed", False) is None:',
        "what was erased is stored again",
        test=_MESSAGES,
    ),
    Mutant(
        "what only the server sets is stored",
        "if value is not None and name not in _IGNORED",
        "if value is not None",
        "a message bears the time of another",
        test=_MESSAGES,
    ),
    Mutant(
        "an answer's usage is put",
        "        self.usage = None\n        if",
        "        if",
        "a GET given back sets the sum back",
        test=_MESSAGES,
    ),
    Mutant(
        "details of tokens are forgotten",
        "details, spent = added(head.details, usage)",
        "_, spent = added(head.details, usage)",
        "cached tokens are not summed",
    ),
    Mutant(
        "details of tokens are written over",
        '        were, was = unchanged({"details": head.details})\n        condition += f" AND {were}"\n',
        "        was: dict[str, Value] = {}\n",
        "an append brings back details that a PUT has replaced",
        case="tokens & put tokens",
    ),
    Mutant(
        "details of tokens stay after a rewind",
        "sums[name] -= count",
        "sums[name] -= 0",
        "tokens of messages that are gone",
    ),
    Mutant(
        "a name of a detail is stored as it is",
        "_CODES.get(name) or (_MARK + name if name[0] == _MARK else name): count",
        "_CODES.get(name) or name: count",
        "two names are one",
        test=_USAGE,
    ),
    Mutant(
        "no bound of details",
        "(name in sums or len(sums) < MAX_DETAILS)",
        "(name in sums or len(sums) < 99 * MAX_DETAILS)",
        "the head grows",
        test=_USAGE,
    ),
    Mutant(
        "an empty object lies in the head",
        "if value not in {None, EMPTY}",
        "if value is not None",
        "an append costs two units more",
        test=_USAGE,
    ),
    Mutant(
        "fields are set at any version",
        "exact = guessed or bool(replaced)",
        "exact = guessed",
        "the answer's version is another's",
    ),
    Mutant(
        "fields that are set with an append leave no token",
        'return given | {"token": store.clock.token()} if given else {}',
        "return given",
        "another's change of them undoes this one",
    ),
    Mutant(
        "fields that are set with an append are not measured",
        "    check_objects(head, after)\n    size =",
        "    size =",
        "every PATCH is 413 from then on",
        test=_MESSAGES,
    ),
    Mutant(
        "a client's wish for a short answer is not heard",
        'return any(one.partition(";")[0].strip() == "return=minimal" for one in preferences)',
        'return "return=minimal" in preferences',
        "what Prefer may say beside it hides it",
        test=_MESSAGES,
    ),
)
