"""Ports for servers that cannot be told to take any that is free."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"

# Below what the kernel gives to outgoing connections, Linux from 32768 on (its ip_local_port_range), others
# from 49152 (RFC 6335): a port from there may be such a one's before the server has it.
_FIRST, _LAST = 20_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """A port on loopback that is free now, and was not given before by this process."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if port in _given:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            _given.add(port)
            return port
