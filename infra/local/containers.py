"""Where containers, such as SAM local's, reach the embedded table and cache.

    EMBEDDED_OPEN           they listen on loopback, and
    not set, or 0           nowhere else
    1                       at this machine's addresses on the bridges of Docker and Podman
    an IPv4 address         there; at 0.0.0.0 it is all there are

They ask nobody for a password, and who starts them is told so.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import struct
import sys
from contextlib import suppress
from ipaddress import IPv4Address

from infra.local import access
from infra.local.errors import CannotStart
from infra.local.ports import LOOPBACK

logger = logging.getLogger(__name__)

ANY = "0.0.0.0"  # noqa: S104 (where it is asked for)
_BRIDGES = ("docker", "podman", "cni-podman")  # how their interfaces' names begin
_SIOCGIFADDR = 0x8915  # Linux: an interface's address


def opened(what: str, port: int) -> list[str]:
    """The addresses at which a server is to listen for containers, none where it is not to; the log says so.

    Raises:
        CannotStart: `EMBEDDED_OPEN` names no place where it can listen.
    """
    addresses = _addresses(os.environ.get("EMBEDDED_OPEN", ""))
    for address in addresses:
        try:
            socket.create_server((address, port)).close()
        except OSError as error:
            raise CannotStart(
                f"EMBEDDED_OPEN: the {what} cannot listen on {address} port {port}: "
                f"{os.strerror(error.errno or 0)}. "
                "Stop what uses that port, which infra/events/env.json names, or give another address."
            ) from None
    if addresses:
        logger.warning(
            "EMBEDDED_OPEN: the %s can be reached at %s, port %d. No password is asked for: "
            "whoever reaches that port can read and change all that is stored.",
            *(what, "every address of this machine" if ANY in addresses else " and ".join(addresses), port),
        )
    return addresses


def hosts(addresses: list[str]) -> str:
    """`TURNLOG_LOCAL_HOSTS` for a server at these addresses: with the names that containers have for it."""
    given = os.environ.get(access.SETTING, "")
    return ",".join([given, "host.docker.internal", *addresses]) if addresses else given


def _addresses(asked: str) -> list[str]:
    if asked in {"", "0"}:
        return []
    try:
        found = _bridges() if asked == "1" else [str(IPv4Address(asked))]
    except ValueError:
        raise CannotStart(
            f"EMBEDDED_OPEN={asked} is neither 0 nor 1 nor an IPv4 address, such as EMBEDDED_OPEN=172.17.0.1"
        ) from None
    if not found:
        raise CannotStart(
            "EMBEDDED_OPEN=1: this machine has no address on a bridge of Docker or Podman. Name the address "
            "at which containers reach it, such as EMBEDDED_OPEN=172.17.0.1 (0.0.0.0 is all that it has)."
        )
    return found if ANY in found else list(dict.fromkeys([LOOPBACK, *found]))


def _bridges() -> list[str]:
    """This machine's addresses on the bridges of Docker and Podman."""
    if sys.platform != "linux":
        # Containers are in a virtual machine, whose host.docker.internal leads to this machine's loopback.
        return [LOOPBACK]
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            # One that has no address is passed over.
            with suppress(OSError):
                if name.startswith(_BRIDGES):
                    answer = fcntl.ioctl(any_socket, _SIOCGIFADDR, struct.pack("256s", name.encode()))
                    found.append(socket.inet_ntoa(answer[20:24]))
    return found
