from __future__ import annotations

import json
import zlib
from base64 import b85decode

from hypothesis import given
from hypothesis import strategies as st

from shared.packing import packed, unpacked

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
        assert unpacked(packed(encoded)) == encoded
        assert len(packed(encoded)) <= len(encoded)


def test_a_small_message_of_a_tool_call_takes_less_than_half() -> None:
    assert len(packed(TYPICAL)) < len(TYPICAL) / 2


def test_what_deflate_makes_longer_stays_as_it_is() -> None:
    assert packed(b"{}") == b"{}"


def test_what_was_stored_is_read() -> None:
    assert unpacked(STORED) == unpacked(STORED_LATER) == TYPICAL
    # By the first release.
    assert unpacked(TYPICAL) == TYPICAL
    assert unpacked(zlib.compress(TYPICAL)) == TYPICAL
