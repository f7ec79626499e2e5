"""Who connects to ElastiCache by IAM sends, as its password, a request that IAM can check: a signed URL.

The request is `connect` to a cache as a user, signed as AWS's Signature Version 4 says and carried in the
query. It is good for 15 minutes, for opening connections; a connection that was opened with one lives up to
12 hours (docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html). Signing asks nobody, so a function
in a network without a way out can do it. Imported only where a cache's URL asks for it.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

LIFE = timedelta(minutes=15)
"""How long a token opens connections; no more is allowed."""

RENEWAL = timedelta(minutes=10)
"""A token of this age is not handed out again: clocks differ, and a connection takes its time."""

_SERVICE = "elasticache"
_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(Protocol):
    """What signs, as botocore's `get_frozen_credentials` gives it."""

    access_key: str
    secret_key: str
    token: str | None


def auth_token(user: str, cache_name: str, region: str, credentials: Credentials, now: datetime) -> str:
    """The password with which a user opens connections to a serverless cache.

    Args:
        user: the ElastiCache user, whose id and name are the same.
        cache_name: the serverless cache's, not its address.
        region: where the cache is.
        credentials: of a role that may `elasticache:Connect`, as that user to that cache.
        now: the time, in UTC.
    """
    host = cache_name.lower()
    time = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{region}/{_SERVICE}/aws4_request"
    parameters = {
        "Action": "connect",
        "ResourceType": "ServerlessCache",
        "User": user,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(int(LIFE.total_seconds())),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token:
        parameters["X-Amz-Security-Token"] = credentials.token
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(parameters.items()))
    request = f"GET\n/\n{query}\nhost:{host}\n\nhost\n{sha256().hexdigest()}"
    to_sign = f"{_ALGORITHM}\n{time}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for step in scope.split("/"):
        key = _hmac(key, step)
    return f"{host}/?{query}&X-Amz-Signature={_hmac(key, to_sign).hex()}"


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")


class Tokens:
    """Gives a token that is valid for some minutes more, and signs a new one before it ends.

    Args:
        user: see `auth_token`, as for `cache_name` and `region`.
        cache_name: see there.
        region: see there.
        credentials: gives those that are good now.
        now: the time in UTC; a test has its own.
    """

    def __init__(
        self,
        user: str,
        cache_name: str,
        region: str,
        credentials: Callable[[], Credentials],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._user = user
        self._cache_name = cache_name
        self._region = region
        self._credentials = credentials
        self._now = now
        self._signed: tuple[str, str, datetime] = ("", "", datetime.min.replace(tzinfo=UTC))

    def __call__(self) -> str:
        """The token for a new connection. Two threads may each sign one: both are good."""
        now, credentials = self._now(), self._credentials()
        token, signer, since = self._signed
        # A token is no longer good than the credentials that signed it.
        if signer != credentials.access_key or now - since >= RENEWAL:
            token = auth_token(self._user, self._cache_name, self._region, credentials, now)
            self._signed = (token, credentials.access_key, now)
        return token
