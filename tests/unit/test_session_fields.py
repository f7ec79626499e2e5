"""A session's field is named in several places; a place that was forgotten is told here, with what to add.

The recipe is in shared/README.md, "A new session field".
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, get_type_hints

from infra import template
from turnlog.models.answers import Session
from turnlog.models.sessions import CreateSession, PutSession
from turnlog.records import head as heads
from turnlog.records.head import JSON_FIELDS, Head
from turnlog.records.keys import SessionKey
from turnlog.records.usage import details_text

if TYPE_CHECKING:
    from turnlog.records.item import Item

SHOWN = {one.name for one in fields(Session)}
# What a client cannot set, because the store counts it or finds it out.
OF_THE_STORE = {"session_id", "user_id", "started_at", "updated_at", "version", "message_count"}


def full() -> Head:
    """A live head of which no field has its default."""
    values = {
        name: _value(name, kind)
        for name, kind in get_type_hints(Head).items()
        if name not in {"key", "deleted_at", "forking"}
    }
    return Head(SessionKey("alice", "s").at(0), **values)  # type: ignore[arg-type]


def _value(name: str, kind: object) -> object:
    if name in JSON_FIELDS:
        return json.dumps({name: 1})
    if name == "details":
        return details_text({"prompt_tokens_details.cached_tokens": 1})
    if kind in {int, int | None}:
        return len(name) + 1000
    return name.encode() if kind is bytes else name


HEAD = full()
INDEX, _ = template.table_definition("t")["GlobalSecondaryIndexes"]
PROJECTED = INDEX["Projection"]["NonKeyAttributes"]
KEYS = [key["AttributeName"] for key in template.table_definition("t")["KeySchema"] + INDEX["KeySchema"]]


def listed(item: Item, attributes: list[str]) -> dict[str, object]:
    """The session that a list makes of the index's copy of an item."""
    return heads.from_item({name: value for name, value in item.items() if name in attributes}).session()


def session_of(head: Head) -> dict[str, object]:
    """What a list is to show: all but the details of the usage."""
    return head._replace(details="{}").session()


def test_each_field_is_stored() -> None:
    stored, cached = heads.from_item(HEAD.item()), heads.load(HEAD.dump())
    lost = [
        name
        for name in Head._fields
        if {getattr(stored, name), getattr(cached, name)} != {getattr(HEAD, name)}
    ]
    assert not lost, (
        f"{lost} of Head is not stored: in shared/turnlog/records/head.py name it in _NUMBERS, _STRINGS, "
        "_BYTES or JSON_FIELDS."
    )


def test_each_field_that_is_shown_is_documented() -> None:
    differ = HEAD.session().keys() ^ SHOWN
    assert not differ, (
        f"{sorted(differ)} is in Head.session() (shared/turnlog/records/head.py) or in Session "
        "(shared/turnlog/models/answers.py), but not in both."
    )


def test_each_field_that_is_shown_is_in_the_list_too() -> None:
    shown, in_list = session_of(HEAD), listed(HEAD.item(), KEYS + PROJECTED)
    missing = [name for name in shown if in_list[name] != shown[name]]
    assert not missing, (
        f"GET /sessions would not show {missing}: in template.yaml add its attribute to NonKeyAttributes of "
        "GSI1. DynamoDB cannot change the projection of an index that is deployed; what to do there is in "
        "shared/README.md, 'A new session field'."
    )


def test_the_index_holds_no_more_than_a_list_shows() -> None:
    unused = [
        name
        for name in PROJECTED
        if listed(HEAD.item(), [*KEYS, *(other for other in PROJECTED if other != name)]) == session_of(HEAD)
    ]
    assert not unused, (
        f"No list shows {unused}: take it out of GSI1's NonKeyAttributes, it costs write units."
    )


def test_each_field_can_be_set() -> None:
    settable = SHOWN - OF_THE_STORE
    for model in (CreateSession, PutSession):
        missing = settable - model.model_fields.keys()
        assert not missing, (
            f"{sorted(missing)} cannot be set. Add it to {model.__name__} in turnlog/models/sessions.py; "
            f"if the store finds it out by itself, name it in OF_THE_STORE in {__name__}."
        )
