"""How a message's JSON is packed: deflated with a dictionary, where that is shorter.

A message of an agent is often small, and much of it is the same in every one: names of fields, what tool
calls and their outputs are wrapped in, the commonest words of English and of code. Deflate finds repetitions,
and one message alone has few; the dictionary is text that deflate treats as if it came before. The first byte
tells how a message is packed, so a better dictionary gets a new number, and what is stored stays readable:

- `{`: not at all;
- 0x78: by zlib, without a dictionary, as the first release did;
- 0x01: raw deflate (RFC 1951) with the first dictionary below, behind this byte;
- 0x02: the same with the second;
- 0x1f: gzip (RFC 1952), which any HTTP client reads, of what is long: a dictionary gains nothing there.

A few bytes may unpack to a thousand times as many, so nothing is unpacked without a bound.
"""

from __future__ import annotations

import zlib

_JSON, _ZLIB, _GZIP = b"{", b"\x78", b"\x1f"
_RAW, _GZIP_WBITS = -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS
# Bytes of each of three samples that tell whether a long text has repetitions.
_SAMPLE = 4_096
# To how much deflate makes base64 of noise; what comes to more than `_PLAIN` is like that.
_BASE64, _PLAIN = 0.75, 0.6
# A repetition costs less the nearer it is, so what messages begin with stands at the end. Never change a
# dictionary: what is stored can be read with it only.
_SHELL = (
    rb'"function_call":{"name":"","arguments":"{\"query\": \"","limit":"timeout":"path":"refusal":null,'
    rb'"name":"{\"command\": \"}}]}{\"path\": \"","tool_call_id":"call_","tool_calls":[{"id":"call_",'
    rb'"type":"function","function":{"name":"","arguments":"{\"role":"user","content":"","role":"tool",'
    rb'"content":"{"sequence":0,"message_id":"","created_at":"20%b","role":"assistant","content":"'
)
_WORDS = (
    rb" which would because there their about could people other than then after before between through "
    rb"while where every under using without within available following example however should please result "
    rb"error file files number value values string default current change changes update create delete "
    rb"request response message messages session function method class object module package version test "
    rb"tests user server client data table name list type path line lines code command output input option "
    rb"options return returns argument arguments parameter information question answer can you I have been "
    rb"will not that this with from are was were the and for but it's don't doesn't Let me check I'll look "
    rb"at Here is the Now let me I can see that the Yes, No, Sure! Thanks of the in the to the for the is a "
    rb"on the and the to be it is with the that the You can If you want "
)
_CODE = (
    rb"</div>\n<div class=\"https://www.github.com/.org/.json.html.yaml.tsx.ts.md.txt.js application/json "
    rb"utf-8 localhost const let = await fetch( => {\n  export default async function console.log(\n});\n} "
    rb"else {\n      return true;\n  #!/bin/bash\npip install npm run git commit -m sudo docker SELECT * "
    rb"FROM WHERE id = INSERT INTO -rw-r--r-- 1 root root  drwxr-xr-x 2 total 10 Jan Feb Mar Apr May Jun Jul "
    rb"Aug Sep Oct Nov Dec Traceback (most recent call last):\n  File \"/usr/lib/python3/site-packages/\", "
    rb"line 1, in <module>\nTypeError: ValueError: No such file or directoryException Error: None True False "
    rb"passed failed warning from __future__ import annotations\n\nimport os\nimport sys\nfrom typing import "
    rb"Any\n\n\nclass (Exception):\n    \"\"\"\n    def __init__(self, *args, **kwargs) -> None:\n        "
    rb"self. = \n        if not isinstance( is not None:\n            raise ValueError(f\"\n        return "
    rb"self._\n    for in range(len(\n    try:\n    except Exception as e:\n        elif == \"__main__\":\n"
    rb"    with open( as f:\n        assert print(\n\n    @property\n    def get_"
)
_MARKUP = (
    rb"\n\n```python\n```\n\n## \n\n### 1. **: \n- **\n- `\n2. | --- | \"status\": \"success\", \"code\": "
    rb"200, \"error\": null, \"total\": 0, \"count\": 1, \"score\": 0.9, \"url\": \"https://\", \"date\": "
    rb"\"2025-01-01T00:00:00Z\", \"description\": \"\", \"properties\": {\"type\": \"object\", \"items\": "
    rb"[], \"title\": \"\", \"id\": \"\", \"name\": \"\", \"type\": \"text\", \"text\": \"\", \"content\": "
    rb"\"\", \"results\": [{\"key\": \"value\": true}, false, \"file_path\": \"/home/user/src/main.py\", "
    rb"\"old_string\": \"\", \"new_string\": \"\", \"pattern\": \""
)
_DICTIONARIES = {
    b"\x01": _SHELL % b"26-11-24T12:00:00.000000Z",
    b"\x02": _WORDS + _CODE + _MARKUP + _SHELL % b"2",
}
_VERSION = max(_DICTIONARIES)


def packed(json: bytes) -> bytes:
    """The JSON object, packed; as it is, if that is shorter."""
    deflate = zlib.compressobj(wbits=_RAW, zdict=_DICTIONARIES[_VERSION])
    blob = _VERSION + deflate.compress(json) + deflate.flush()
    return min(json, blob, key=len)


def zipped(json: bytes, room: int) -> bytes:
    """A long JSON object as gzip, always the same of the same.

    Base64 of an image has no repetitions: deflate saves a quarter of it. That takes a fifth of the time if
    none are looked for. Where it does not make an item of an object, it is not worth even that.

    Args:
        room: how many bytes items take of it; more than that is an object, or refused.
    """
    middle = len(json) // 2
    samples = json[:_SAMPLE] + json[middle : middle + _SAMPLE] + json[-_SAMPLE:]
    plain = len(zlib.compress(samples)) > len(samples) * _PLAIN
    strategy = zlib.Z_HUFFMAN_ONLY if plain else zlib.Z_DEFAULT_STRATEGY
    level = 0 if plain and len(json) * _BASE64 > room else zlib.Z_DEFAULT_COMPRESSION
    deflate = zlib.compressobj(level, wbits=_GZIP_WBITS, strategy=strategy)
    return deflate.compress(json) + deflate.flush()


def unpacked(blob: bytes, limit: int) -> bytes:
    """The JSON object that `packed` or `zipped` was given, now or in an earlier release.

    Args:
        limit: how many bytes it may be.

    Raises:
        ValueError: it is none, or longer.
    """
    if blob.startswith(_JSON):
        return blob
    if blob.startswith(_ZLIB):
        return inflated(blob, limit)
    if blob.startswith(_GZIP):
        return _inflated(zlib.decompressobj(_GZIP_WBITS), blob, limit)
    if (dictionary := _DICTIONARIES.get(blob[:1])) is None:
        message = f"a message is packed in a way that this release does not know: {blob[:1].hex()}"
        raise ValueError(message)
    return _inflated(zlib.decompressobj(_RAW, zdict=dictionary), blob[1:], limit)


def inflated(data: bytes, limit: int) -> bytes:
    """What zlib has compressed.

    Args:
        data: the whole of it.
        limit: how many bytes it may be.

    Raises:
        ValueError: it is more, or not whole, or nothing that zlib has made.
    """
    return _inflated(zlib.decompressobj(), data, limit)


def _inflated(inflate: zlib._Decompress, data: bytes, limit: int) -> bytes:
    try:
        # One more than it may be, or the end of what is just as long would not be seen.
        result = inflate.decompress(data, limit + 1)
    except zlib.error as error:
        message = "what is compressed is damaged"
        raise ValueError(message) from error
    if inflate.eof and len(result) <= limit:
        return result
    message = f"what is compressed is not whole, or more than {limit} bytes"
    raise ValueError(message)
