"""Where a cache is, and how long it may take.

The time does not include the look-up of the host's name, for which the operating system takes its own. It has
no time-out that a program could set, and a thread that waits for it cannot be stopped. In the blocking client
a new connection waits for it; in the one for an event loop the request goes on after `CacheUrl.patience`, and
the look-up stays in a thread of the loop's pool until the resolver gives up. Connections are kept, the
breaker lets one a second be tried, and the table's name is looked up by the same resolver: where that is
silent, an answer would not come much sooner without the cache. An address of numbers needs no look-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from ssl import SSLContext

Address: TypeAlias = tuple[str, int]

# Seconds without progress, after which a cache is slower than the table. `?socket_timeout=` in the URL, as
# redis-py has it, says otherwise.
DEFAULT_TIMEOUT = 0.05
# For a new connection with TLS: the handshake, and IAM's check of a token, take longer than a command. The
# breaker lets that be waited for once a second at most.
TLS_TIMEOUT = 0.5
DEFAULT_PORT = 6379


class CacheUrl(NamedTuple):
    """What a cache's URL says: `redis://user:password@host:port/db`; `rediss://` is with TLS.

    Attributes:
        iam: `?iam=name`: the ElastiCache Serverless cache of this name, where IAM checks who the user is.
            There is no password then, but a signed token, see `iam`.
    """

    address: Address
    tls: bool
    user: str | None
    password: str | None
    database: int
    timeout: float
    iam: str | None = None

    @property
    def patience(self) -> float:
        """Seconds for a new connection, and for what is said before its first command."""
        return max(self.timeout, TLS_TIMEOUT) if self.tls else self.timeout

    def context(self) -> SSLContext | None:
        """What a connection is wrapped in, if the URL asks for TLS."""
        if not self.tls:
            return None
        import ssl  # noqa: PLC0415 (only here)

        return ssl.create_default_context()

    @classmethod
    def parse(cls, url: str, password: str = "") -> CacheUrl:
        """What a URL says.

        Args:
            url: see the class.
            password: is used instead of the one in the URL, unless it is empty. It is not encoded.

        Raises:
            ValueError: it is not a cache's URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "rediss", "valkey", "valkeys"} or not parts.hostname:
            raise ValueError("a cache's URL begins with redis://, rediss://, valkey:// or valkeys://")
        query = parse_qs(parts.query)
        tls = parts.scheme in {"rediss", "valkeys"}
        iam = query.get("iam", [None])[0]
        if iam and not (tls and parts.username):
            raise ValueError("a cache with ?iam= needs TLS and a user: rediss://user@host:port?iam=name")
        return cls(
            address=(parts.hostname, parts.port or DEFAULT_PORT),
            tls=tls,
            user=unquote(parts.username) if parts.username else None,
            password=password or (unquote(parts.password) if parts.password else None),
            database=int(parts.path.strip("/") or 0),
            timeout=float(query.get("socket_timeout", [DEFAULT_TIMEOUT])[0]),
            iam=iam,
        )
