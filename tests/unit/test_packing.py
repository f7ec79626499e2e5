from __future__ import annotations

import json
import zlib
from base64 import b85decode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.limits import PART_SIZE
from turnlog.records.packing import _DICTIONARIES, packed, unpacked

TYPICAL = (
    b'{"sequence":7,"message_id":"0b6f1c2e-5d0e-4a57-9c39-3d2f6b8f7a11","created_at":"2026-11-24T12:34:56.789012Z",'
    b'"role":"assistant","content":"","tool_calls":[{"id":"call_1f0c","type":"function","function":{"name":"grep",'
    b'"arguments":"{\\"pattern\\": \\"import\\"}"}}]}'
)
# As tables hold it, by the first dictionary and by the second. These bytes are not to change.
STORED = b85decode(
    b"0gaMd3V<LGMOS1vzDC=P=@@-fBJQ80exkry!9ARF?=$$A;gd-a1Th^sG37Nf7o=k{iex66&;#^Qq#Csu&^iv{6Q!pf5)Xg%"
    b"&xP_kK`URWY*+kc&3mcs73VJw"
)
STORED_LATER = b85decode(
    b"0*#eB4uCKWLr)Zxq;2{+2NPSrtcd#$AXxYbxPWavTk=uPUgR)Iqs$dd!3sJW3qC6ks&JF!nvFycmI6e;x+e}w2P2(z9*KvqC~t_V"
    b"Vg8GGoa=N)eOlZ832XaX{|f"
)


@given(st.text(max_size=5_000), st.binary(max_size=500))
def test_comes_back_as_it_was(text: str, noise: bytes) -> None:
    for value in (text, noise.hex(), text + noise.hex() * 20):
        encoded = json.dumps({"content": value}).encode()
        assert unpacked(packed(encoded), PART_SIZE) == encoded
        assert len(packed(encoded)) <= len(encoded)


def test_a_small_message_of_a_tool_call_takes_less_than_half() -> None:
    assert len(packed(TYPICAL)) < len(TYPICAL) / 2


def test_what_deflate_makes_longer_stays_as_it_is() -> None:
    assert packed(b"{}") == b"{}"


def test_what_was_stored_is_read() -> None:
    assert unpacked(STORED, PART_SIZE) == unpacked(STORED_LATER, PART_SIZE) == TYPICAL
    # By the first release.
    assert unpacked(TYPICAL, PART_SIZE) == TYPICAL
    assert unpacked(zlib.compress(TYPICAL), PART_SIZE) == TYPICAL


def test_no_dictionary_is_changed() -> None:
    """A message is unreadable, or reads wrong, with another one than it was packed with."""
    assert {version: sha256(one).hexdigest() for version, one in _DICTIONARIES.items()} == {
        b"\x01": "cab392a37e760db2ad7d8aaa14b47a8fbc8c1b4e080e1b4332b52be6f06e33ab",
        b"\x02": "ad1b5182aa1313da21df2675d044c0efe6c4a8f6c7e433e1f7b6b5972657fa12",
    }


def test_what_a_later_release_packed_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="does not know: 7f"):
        unpacked(b"\x7f" + packed(TYPICAL)[1:], PART_SIZE)
