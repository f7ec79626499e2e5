"""How a message's JSON is packed: deflated with a dictionary, where that is shorter.

A message of an agent is often small, and most of it is the same in every one: names of fields, and what tool
calls are wrapped in. Deflate finds repetitions, and one message alone has few; the dictionary is what it may
take for said before. The first byte tells how a message is packed, so that a better dictionary is a new
number, and what is stored stays readable:

- `{`: not at all;
- 0x78: by zlib, without a dictionary, as the first release did;
- 0x01: raw deflate (RFC 1951) with the dictionary below, behind this byte.
"""

from __future__ import annotations

import zlib

_JSON, _ZLIB, _VERSION = b"{", b"\x78", b"\x01"
_RAW = -zlib.MAX_WBITS
# What comes last is found at the least distance: what a message begins with stands at the end. Never change
# it: what is stored needs it to be read.
_DICTIONARY = (
    rb'"function_call":{"name":"","arguments":"{\"query\": \"","limit":"timeout":"path":"refusal":null,'
    rb'"name":"{\"command\": \"}}]}{\"path\": \"","tool_call_id":"call_","tool_calls":[{"id":"call_",'
    rb'"type":"function","function":{"name":"","arguments":"{\"role":"user","content":"","role":"tool",'
    rb'"content":"{"sequence":0,"message_id":"","created_at":"2026-11-24T12:00:00.000000Z",'
    rb'"role":"assistant","content":"'
)


def packed(json: bytes) -> bytes:
    """The JSON object, packed; as it is, if that is shorter."""
    deflate = zlib.compressobj(wbits=_RAW, zdict=_DICTIONARY)
    blob = _VERSION + deflate.compress(json) + deflate.flush()
    return min(json, blob, key=len)


def unpacked(blob: bytes) -> bytes:
    """The JSON object that `packed` was given, now or in an earlier release."""
    if blob.startswith(_JSON):
        return blob
    if blob.startswith(_ZLIB):
        return zlib.decompress(blob)
    return zlib.decompressobj(_RAW, zdict=_DICTIONARY).decompress(blob[1:])
