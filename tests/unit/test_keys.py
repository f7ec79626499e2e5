from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.errors import Invalid
from turnlog.records.keys import (
    EXPIRY,
    HEAD,
    USER,
    GenerationKey,
    SessionKey,
    TranscriptKey,
    check_user_id,
    message_sort_key,
    parse_generation,
    parse_message_sort_key,
    parse_partition,
    parse_transcript,
    recency_sort_key,
    session_key,
    transcript_name,
    user_partition,
)

# Text as an identity provider may name a user, with what could forge a key made likely.
USERS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    st.lists(st.sampled_from(["#", "%", "%23", "SESSION", "USER", "a", "/", "~"]), min_size=1).map("".join),
)
SESSIONS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl"], exclude_characters="/?#%\\\u2029"),
    min_size=1,
    max_size=128,
).filter(lambda one: one.strip() not in {"", ".", ".."})


@given(USERS, SESSIONS, USERS, SESSIONS)
def test_no_two_sessions_share_a_key(user: str, session: str, other: str, another: str) -> None:
    one, two = SessionKey(user, session), SessionKey(other, another)
    assert (one.partition == two.partition) == (one == two)
    assert (user_partition(user) == user_partition(other)) == (user == other)
    # A user's own item is no session's.
    assert one.partition != user_partition(other)


@given(USERS, SESSIONS)
def test_a_partition_names_its_session(user: str, session: str) -> None:
    key = SessionKey(user, session)
    assert parse_partition(key.partition) == key
    assert key.partition.count("#") == 3
    assert len(key.partition.encode()) <= 2_048 or len(user) > 80


@given(st.integers(0, 10**10 - 1), st.integers(0, 3), st.integers(0, 10**10 - 1), st.integers(0, 3))
def test_messages_sort_by_sequence_and_part(sequence: int, part: int, other: int, another: int) -> None:
    one, two = message_sort_key(sequence, part), message_sort_key(other, another)
    assert (one < two) == ((sequence, part) < (other, another))
    assert parse_message_sort_key(one) == (sequence, part)
    # A query between a message's key and the last one's with `~` behind it takes all of its parts.
    assert message_sort_key(sequence) <= one < f"{message_sort_key(sequence)}~"
    assert one not in {HEAD, EXPIRY}


@pytest.mark.parametrize("user", ["", "\ud800", "é" * 171, "a" * 1_025, None, 5, b"a"])
def test_a_user_id_that_is_none(user: str) -> None:
    with pytest.raises(Invalid):
        check_user_id(user)


@pytest.mark.parametrize("user", ["a", "a" * 1_024, "é" * 170, "#", "\x00"])
def test_a_user_id(user: str) -> None:
    assert check_user_id(user) == user


@pytest.mark.parametrize(
    "session",
    [
        "slack:C123.456",
        "+49 151",
        "a@b",
        "a b",
        "ä",
        "a\u0308",
        "٣",
        "...",
        "a" * 128,
        "\U0001f600" * 128,
        "{}",
    ],
)
def test_a_session_id(session: str) -> None:
    key = session_key("a" * 1_024, session)
    assert key.session_id == session
    # DynamoDB: a partition key is at most 2,048 bytes, a sort key 1,024.
    assert len(key.partition.encode()) <= 2_048
    assert len(recency_sort_key("2026-11-28T00:00:00.000000Z", session).encode()) <= 1_024


@pytest.mark.parametrize(
    "session",
    [
        *(
            "",
            "a" * 129,
            ".",
            "..",
            " ",
            "\u2003",
            "a/b",
            "a?",
            "a#",
            "a%41",
            "a\\",
            "a\n",
            "\x00",
            "\x7f",
            "\x85",
        ),
        *("a\u2028", "\u2029a", "\ud800", "a\udfff", None, 5, b"a"),
    ],
)
def test_a_session_id_that_is_none(session: str) -> None:
    with pytest.raises(Invalid):
        session_key("a", session)


def test_a_transcripts_name_as_long_as_it_may_be() -> None:
    session = SessionKey("u", "s")
    assert transcript_name(session, "a" * 255).name == "a" * 255
    with pytest.raises(Invalid):
        transcript_name(session, "a" * 256)


GENERATIONS = st.integers(0, 10**10 - 2)
KEY = SessionKey("u", "s")


def stored(key: GenerationKey) -> list[str]:
    """Sort keys of a session's items: the first and the last of each kind."""
    transcripts = [TranscriptKey(key, name) for name in ("-", "z" * 255)]
    return [
        *(key.message(sequence, part)["SK"]["S"] for sequence in (0, 10**10 - 1) for part in (0, 3)),
        *(transcript.head["SK"]["S"] for transcript in transcripts),
        *(one.batch_sort_key(number, number) for one in transcripts for number in (0, 999_999)),
    ]


def test_the_first_generation_costs_no_bytes() -> None:
    assert KEY.at(0).message(12)["SK"] == {"S": "MSG#0000000012"}
    assert TranscriptKey(KEY.at(0), "main").head["SK"] == {"S": "TRANSCRIPT#main"}
    assert KEY.at(1).message(12)["SK"] == {"S": "~0000000001#MSG#0000000012"}


@given(GENERATIONS, GENERATIONS)
def test_former_generations_are_a_range_of_keys(one: int, other: int) -> None:
    """The purge deletes what sorts before `first`, and the objects before `objects`."""
    early, late = sorted((one, other))
    end = KEY.at(late)
    assert all(name < end.next.first for name in stored(end) + stored(KEY.at(early)))
    assert all(name > end.first for name in stored(end))
    if early < late:
        assert all(name < end.first for name in stored(KEY.at(early)))
        assert f"{KEY.at(early).objects}~" < end.objects
    assert f"{end.objects}~" < end.next.objects
    # What is of no generation is at the same place in all of them.
    assert {parse_generation(name) for name in (HEAD, EXPIRY, USER)} == {(0, HEAD), (0, EXPIRY), (0, USER)}


@given(GENERATIONS, st.integers(0, 10**10 - 1), st.integers(0, 3))
def test_a_sort_key_tells_its_generation(generation: int, sequence: int, part: int) -> None:
    key = KEY.at(generation)
    sort_key = key.message(sequence, part)["SK"]["S"]
    assert parse_generation(sort_key) == (generation, message_sort_key(sequence, part))
    assert parse_message_sort_key(sort_key) == (sequence, part)
    transcript = TranscriptKey(key, "sub/a")
    assert parse_transcript(transcript.head) == transcript


def test_no_sessions_objects_begin_as_anothers_do() -> None:
    keys = [SessionKey(user, session).at(g) for user in "ab" for session in ("s", "s1") for g in (0, 1, 10)]
    assert not any(one.objects.startswith(other.objects) for one in keys for other in keys if one != other)
    assert all(one.objects.startswith(one.session.objects) for one in keys)
    other_sessions = [one for one in keys if one.session != keys[0].session]
    assert not any(one.objects.startswith(keys[0].session.objects) for one in other_sessions)


def test_the_longest_keys_fit() -> None:
    """DynamoDB: 2,048 bytes of a partition key, 1,024 of a sort key. S3: 1,024 of an object's key."""
    key = SessionKey("a" * 1_024, "s" * 64).at(10**10 - 1)
    assert len(key.partition) <= 2_048
    assert max(len(name) for name in stored(key)) <= 1_024
    transcript = TranscriptKey(key, "n" * 255)
    assert len(f"{transcript.objects}999999!{'f' * 32}-9999-500") <= 1_024
    assert len(recency_sort_key("2026-01-01T00:00:00.000000Z", key.session_id)) <= 1_024
