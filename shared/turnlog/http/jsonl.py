"""Reads a transcript from a text of JSON lines (jsonlines.org), and says what is wrong with it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from turnlog.errors import EntryNotJson, Invalid, MissingParent, TooLarge, TornLastLine
from turnlog.http.events import what_is_wrong
from turnlog.limits import MAX_IMPORT
from turnlog.models.transcripts import Entry

_PARENT = "parentUuid"


def parse(text: bytes) -> list[dict[str, Any]]:
    """The entries in a text; blank lines are passed over.

    Raises:
        EntryNotJson: a line is not JSON.
        TornLastLine: the last line is not JSON, and does not end with a newline.
        Invalid: an entry is no object, its uuid is not one or is an earlier entry's, or there is no entry.
        MissingParent: an entry's `parentUuid` is no earlier entry's uuid.
        TooLarge: there are more than `MAX_IMPORT`.
    """
    adapter: TypeAdapter[Entry] = TypeAdapter(Entry)
    *lines, rest = text.split(b"\n")
    entries: list[dict[str, Any]] = []
    uuids: set[str] = set()
    for number, line in enumerate([*lines, rest], 1):
        if not line.strip(b" \t\r"):
            continue
        try:
            entry = adapter.validate_python(from_json(line, allow_inf_nan=False))
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)[0]
            at = ".".join(map(str, found["loc"]))
            raise _at(Invalid, number, f"{at} {what_is_wrong(found['msg'])}".strip()) from None
        except ValueError:
            torn = number > len(lines)
            raise _at(TornLastLine if torn else EntryNotJson, number, "is not JSON") from None
        parent = entry.get(_PARENT)
        if parent is not None and not (isinstance(parent, str) and parent in uuids):
            raise _at(MissingParent, number, f"{_PARENT} must be the uuid of an earlier entry")
        if (uuid := entry.get("uuid")) is not None:
            if uuid in uuids:
                raise _at(Invalid, number, "uuid must not be that of an earlier entry")
            uuids.add(uuid)
        entries.append(dict(entry))
    if not entries:
        raise Invalid.at("body", msg="must hold at least one entry")
    if len(entries) > MAX_IMPORT:
        raise TooLarge(
            f"An import is at most {MAX_IMPORT} entries; this one has {len(entries)}."
            " Import the first of them, and append the others."
        )
    return entries


def _at(kind: type[Invalid], number: int, msg: str) -> Invalid:
    told = f"line {number}: {msg}"
    return kind(told, errors=[{"loc": ["body", number], "msg": told}], extra={"line": number})
