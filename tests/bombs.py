"""A few bytes that unpack to very many."""

from __future__ import annotations

import zlib

_MEGABYTE = 1 << 20


def bomb(megabytes: int) -> bytes:
    """So many megabytes of zeros, as zlib would compress them: a thousandth, and made at once."""
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    piece = deflate.compress(bytes(_MEGABYTE)) + deflate.flush(zlib.Z_FULL_FLUSH)
    adler = megabytes * _MEGABYTE % 65_521 << 16 | 1  # RFC 1950, section 9: of zeros, one sum counts them
    return b"\x78\xda" + piece * megabytes + b"\x03\x00" + adler.to_bytes(4, "big")
