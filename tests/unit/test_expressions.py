from __future__ import annotations

import re

import pytest

from turnlog.limits import MAX_BATCH, MAX_FIRST_BATCH, PART_SIZE, TRANSACTION_ITEMS
from turnlog.records.expressions import LIVE, attribute, names, touch, update
from turnlog.records.head import Head
from turnlog.records.keys import SessionKey

KEY = SessionKey("user", "session").at(0)


def test_an_update_declares_each_name_and_value_that_it_uses() -> None:
    parameters = update(
        KEY,
        to={"title": "t", "token": b"x", **touch(KEY, "now")},
        plus={"version": 1},
        without=("data",),
        condition=f"{LIVE} AND #version IN (:v0)",
        values={"v0": 7},
    )
    text = parameters["UpdateExpression"] + " " + parameters["ConditionExpression"]
    assert set(re.findall(r"#\w+", text)) == set(parameters["ExpressionAttributeNames"])
    assert set(re.findall(r":\w+", text)) == set(parameters["ExpressionAttributeValues"])
    assert parameters["ExpressionAttributeValues"][":plus_version"] == {"N": "1"}
    assert parameters["ExpressionAttributeValues"][":GSI1SK"] == {"S": "now#session"}
    assert parameters["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    assert " REMOVE #data" in parameters["UpdateExpression"]


@pytest.mark.parametrize("generation", [0, 1, 12])
def test_an_update_is_of_one_generation(generation: int) -> None:
    parameters = update(KEY.session.at(generation), to={"title": "t"}, condition=LIVE)
    named = {0: " AND attribute_not_exists(#generation)"}.get(generation, " AND #generation = :generation")
    assert parameters["ConditionExpression"] == LIVE + named
    value = parameters["ExpressionAttributeValues"].get(":generation")
    assert value == ({"N": str(generation)} if generation else None)


def test_attributes_and_names() -> None:
    assert [attribute(one) for one in ("s", 5, b"b")] == [{"S": "s"}, {"N": "5"}, {"B": b"b"}]
    assert names("#a = :a", "x", "#b_c") == {"#a": "a", "#b_c": "b_c"}


@pytest.mark.parametrize("room", [(MAX_BATCH, 1), (MAX_FIRST_BATCH, 3)])
def test_a_full_batch_fits_into_a_transaction(room: tuple[int, int]) -> None:
    assert sum(room) == TRANSACTION_ITEMS == 100
    assert PART_SIZE + 2_500 < 400 * 1024


def test_a_head_that_is_full_stays_about_one_write_unit() -> None:
    """With a user id and a title of common length; the ring is half of it."""
    head = Head(
        SessionKey("auth0|" + "a" * 24, "s" * 36).at(0),
        version=10**6,
        message_count=10**6,
        edits=10**6,
        log_size=10**9,
        prompt_tokens=10**8,
        completion_tokens=10**8,
        total_tokens=10**8,
        title="A title of common length",
        started_at="2026-01-01T00:00:00.000000Z",
        updated_at="2026-01-01T00:00:00.000000Z",
        ring=b"x" * 512,
        token=b"x" * 16,
    )
    size = sum(len(name) + len(next(iter(value.values()))) for name, value in head.item().items())
    assert size < 1_200
