"""Which requests the local servers answer: those of this machine, and of pages that it serves.

A browser on this machine reaches loopback whatever page it shows. A page from elsewhere gets at these servers
in three ways, and the browser tells of each:

    the page                                              what the request bears
    sends a request or a form from its own origin         `Origin`: not of this machine, or `null`
    has its own name lead to 127.0.0.1 (DNS rebinding)    `Host`: that name
    embeds an answer as image, script, style or frame     no `Origin`; `Sec-Fetch-Site: cross-site`, and
                                                          `Referer`, if the page does not withhold it

Of these, programs send `Host` alone. A link on a page from elsewhere is followed: the answer is for the user,
not for the page.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from infra.local.errors import CannotStart
from infra.local.payload import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING = "TURNLOG_LOCAL_HOSTS"
_HOST = r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)"
_AUTHORITY = re.compile(rf"{_HOST}(:[0-9]{{0,5}})?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://({_AUTHORITY.pattern})", re.ASCII | re.IGNORECASE)
_SHOWN = 100  # characters of a header that are repeated in an answer


class Forbidden(Refusal):
    """The request is not of this machine."""

    status, code, title = 403, "forbidden", "Not of this machine"


class ThisMachine(NamedTuple):
    """The names of this machine.

    Attributes:
        names: beside `localhost` and the loopback addresses.
    """

    names: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls) -> ThisMachine:
        """As `TURNLOG_LOCAL_HOSTS` has it: names or addresses, parted by commas.

        Raises:
            CannotStart: one of them is neither.
        """
        given = [name.strip() for name in os.environ.get(SETTING, "").split(",") if name.strip()]
        names = {name: _host(name) for name in given}
        for name, host in names.items():
            if host is None or ":" in name.rpartition("]")[2]:
                raise CannotStart(
                    f"{SETTING} has {name!r}, which is no host. It takes names and addresses, parted by "
                    f"commas, without scheme and port, such as {SETTING}=host.docker.internal,192.168.1.5"
                )
        return cls(frozenset(host for host in names.values() if host))

    def check(self, environ: Mapping[str, str]) -> None:
        """Let a request pass that a program or a page of this machine sends.

        Args:
            environ: of the request, see PEP 3333.

        Raises:
            Forbidden: it is another one.
        """
        host = environ.get("HTTP_HOST", "")
        if not self._has(host):
            raise Forbidden(
                f"The request's host is {host[:_SHOWN]!r}; this server answers for this machine alone. Use "
                f"127.0.0.1 or localhost, or name the host in {SETTING} when you start the server."
            )
        origin = _page_of(environ)
        if origin is not None and not self.serves(origin):
            raise Forbidden(
                f"A web page from {origin[:_SHOWN]!r} sent the request; this server answers pages of this "
                "machine alone. Serve the page from localhost, or name its host in "
                f"{SETTING} when you start the server."
            )

    def serves(self, origin: str) -> bool:
        """Whether a page of this origin is of this machine, whatever its port."""
        found = _ORIGIN.fullmatch(origin)
        return found is not None and self._has(found[1])

    def _has(self, authority: str) -> bool:
        host = _host(authority)
        return host is not None and (host in self.names or host == "localhost" or _is_loopback(host))


def _page_of(environ: Mapping[str, str]) -> str | None:
    """The origin of the page that sends a request or embeds its answer; None where there is no page."""
    if "HTTP_ORIGIN" in environ:
        return environ["HTTP_ORIGIN"]
    if environ.get("HTTP_SEC_FETCH_SITE") != "cross-site" or environ.get("HTTP_SEC_FETCH_DEST") == "document":
        return None
    try:
        page = urlsplit(environ.get("HTTP_REFERER", ""))
    except ValueError:
        return ""
    return f"{page.scheme}://{page.netloc}"


def _host(authority: str) -> str | None:
    """The host of `name:port` or `[address]:port`, as it is compared; None where it is neither."""
    found = _AUTHORITY.fullmatch(authority)
    return found[1].lower().removesuffix(".").strip("[]") if found else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
