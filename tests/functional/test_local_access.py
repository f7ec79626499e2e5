"""The local server is closed to web pages from elsewhere, and open to those of this machine."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from infra.local import embedded
from infra.local.ports import free_port
from infra.template import cors
from tests.http_client import PATIENCE, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.stand import Stand
    from tests.http_client import Reply

HERE = [
    *("localhost", "localhost:3000", "LocalHost:80", "localhost.", "localhost.:3000", "localhost:"),
    *("127.0.0.1", "127.0.0.1:3000", "127.8.9.10:1", "127.0.0.1.", "[::1]", "[::1]:3000"),
]
ELSEWHERE = [
    *(
        "evil.example",
        "evil.example:3000",
        "EVIL.example.",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
    ),
    *(
        "evil.localhost",
        "notlocalhost",
        "192.168.1.5",
        "0.0.0.0",  # noqa: S104 (a name like another)
        "[::]",
        "[fd00::1]:3000",
        "host.docker.internal",
    ),
    *("", ":3000", "localhost:abc", "localhost:123456", "localhost@evil.example", "evil.example#localhost"),
    *(
        "localhost/evil.example",
        "localhost evil.example",
        "localhost,localhost",
        "[localhost]",
        "[::1",
        "..",
        "::1",
    ),
]
ORIGINS_HERE = [
    *("http://localhost", "http://localhost:5173", "https://localhost", "HTTP://LOCALHOST:5173"),
    *("http://127.0.0.1:8080", "http://127.1.2.3", "http://[::1]:3000", "https://[::1]"),
]
ORIGINS_ELSEWHERE = [
    *(
        "http://evil.example",
        "https://evil.example:3000",
        "http://localhost.evil.example",
        "null",
        "",
        "garbage",
    ),
    *(
        "http://evil.localhost",
        "http://localhost@evil.example",
        "http://evil.example/http://localhost",
        "localhost",
    ),
    *(
        "http://127.0.0.1.evil.example",
        "http://192.168.1.5:3000",
        "http://0.0.0.0:3000",
        "//localhost",
        "http://",
    ),
    *("http://localhost, http://evil.example", "http://localhost http://evil.example", "http://localhost/"),
    *("file://", "chrome-extension://abcdefgh", "ftp://localhost", "http://host.docker.internal", "*"),
]
INVOKE = "/2015-03-31/functions/DeleteSessionFunction/invocations"


@pytest.fixture(params=["API", "table and bucket"])
def url(request: pytest.FixtureRequest, stand: Stand) -> str:
    """Of each of the servers that speak HTTP; what is at `/health` there is nobody's secret."""
    return stand.server.url if request.param == "API" else stand.server.dynamodb_url


def ask(url: str, headers: dict[str, str], method: str = "GET", path: str = "/health") -> Reply:
    return request(url, method, path, headers=headers)


def raw(url: str, text: str) -> str:
    """What a server says to bytes as they are, until it closes."""
    address = urlsplit(url)
    with socket.create_connection(
        (address.hostname or "", address.port or 0), timeout=PATIENCE
    ) as connection:
        connection.sendall(text.encode())
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    return answer.decode()


def refused(answer: Reply) -> Any:
    """The problem document of a refusal, which a page from elsewhere cannot read."""
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.body["type"], answer.body["status"]) == ("forbidden", 403)
    assert "TURNLOG_LOCAL_HOSTS" in answer.body["detail"]
    return answer.body


# Hosts


@pytest.mark.parametrize("host", HERE)
def test_this_machine_is_answered_for(url: str, host: str) -> None:
    assert ask(url, {"Host": host}).status != 403


@pytest.mark.parametrize("host", ELSEWHERE)
def test_no_other_host_is_answered_for(url: str, host: str) -> None:
    assert repr(host) in refused(ask(url, {"Host": host}))["detail"]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("GET /health HTTP/1.0\r\n", id="none"),
        pytest.param("GET /health HTTP/1.1\r\n", id="none, of HTTP/1.1"),
        pytest.param("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n", id="two"),
        pytest.param("GET /health HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n", id="two, turned"),
        pytest.param(
            "GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n", id="another in the line"
        ),
        pytest.param("GET /health HTTP/1.1\r\nHost: localhost\r\n\tevil.example\r\n", id="folded"),
    ],
)
def test_a_host_that_is_not_one_is_refused(url: str, head: str) -> None:
    assert " 403 " in raw(url, f"{head}Connection: close\r\n\r\n").partition("\n")[0]


def test_a_page_whose_name_leads_here_reads_and_calls_nothing(stand: Stand) -> None:
    """DNS rebinding: to the browser all is of one origin, so it sends what it likes and reads the answer."""
    called: list[Any] = []
    stand.answers["delete_session"] = lambda event, _context: called.append(event)
    page = {"Host": "evil.example:3000", "Authorization": "Bearer alice", "Sec-Fetch-Site": "same-origin"}
    for method, path in (("GET", "/sessions/s"), ("GET", "/docs"), ("GET", "/openapi.json")):
        refused(stand(method, path, headers=page))
    page |= {"Origin": "http://evil.example:3000", "Content-Type": "application/json"}
    refused(stand("DELETE", "/sessions/s", headers=page))
    refused(stand("POST", INVOKE, b"{}", headers=page))
    assert not called


# Origins


@pytest.mark.parametrize("origin", ORIGINS_HERE)
def test_pages_of_this_machine_are_answered(url: str, origin: str) -> None:
    answer = ask(url, {"Origin": origin})
    assert answer.status != 403
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("origin", ORIGINS_ELSEWHERE)
def test_pages_from_elsewhere_are_not(url: str, origin: str, method: str) -> None:
    answer = ask(url, {"Origin": origin, "Access-Control-Request-Method": "POST"}, method)
    refused(answer)
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json", ""]
)
@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_page_from_elsewhere_calls_no_function(stand: Stand, origin: str, content_type: str) -> None:
    called: list[Any] = []
    stand.answers["delete_session"] = lambda event, _context: called.append(event)
    page = {"Origin": origin} | ({"Content-Type": content_type} if content_type else {})
    refused(stand("POST", INVOKE, b'{"user_id": "alice", "session_id": "s"}', headers=page))
    assert not called


def test_a_page_from_elsewhere_does_not_reset_the_table(stand: Stand) -> None:
    """There is a route of moto's for that, which takes a form; others change something upon a GET."""
    table = stand.dynamodb()
    form = {"Origin": "http://evil.example", "Content-Type": "application/x-www-form-urlencoded"}
    refused(request(stand.server.dynamodb_url, "POST", "/moto-api/reset", b"", form))
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert ask(stand.server.dynamodb_url, link, path="/moto-api/recorder/start-recording").status == 403
    assert table.describe_table(TableName=stand.server.table)["Table"]["TableStatus"] == "ACTIVE"
    table.close()


@pytest.mark.parametrize(
    "referrer", ["http://evil.example/", "http://evil.example/http://localhost/", "", "http://["]
)
@pytest.mark.parametrize("kind", ["script", "image", "style", "iframe", "empty"])
def test_a_page_from_elsewhere_embeds_nothing(url: str, kind: str, referrer: str) -> None:
    """A browser names no origin where a page embeds what it cannot read."""
    page = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": kind} | (
        {"Referer": referrer} if referrer else {}
    )
    refused(ask(url, page))


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(
            {"Sec-Fetch-Dest": "document", "Referer": "http://evil.example/"}, id="a link from elsewhere"
        ),
        pytest.param(
            {"Sec-Fetch-Dest": "image", "Referer": "http://localhost:5173/a"}, id="a page of this machine"
        ),
    ],
)
def test_a_browser_that_comes_from_another_site_is_answered(url: str, headers: dict[str, str]) -> None:
    """To a browser localhost and 127.0.0.1 are two sites."""
    assert ask(url, {"Sec-Fetch-Site": "cross-site", **headers}).status != 403


def test_who_starts_the_server_reads_why_a_page_was_refused(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    refused(stand("GET", "/health", headers={"Origin": "http://dev.example:5173"}))
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "http://dev.example:5173" in told
    assert "TURNLOG_LOCAL_HOSTS" in told


def test_an_aws_client_says_why_it_was_refused(stand: Stand) -> None:
    client = stand.dynamodb()
    client.meta.events.register(
        "before-sign.dynamodb", lambda request, **_: request.headers.add_header("Host", "db")
    )
    with pytest.raises(ClientError, match=r"AccessDenied.*'db'.*TURNLOG_LOCAL_HOSTS"):
        client.list_tables()
    client.close()


# What pages of this machine may do


@pytest.mark.parametrize("path", ["/sessions", "/sessions/s/messages", "/nothing"])
def test_a_preflight_is_answered_as_the_template_has_it(stand: Stand, path: str) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = stand("OPTIONS", path, headers={"Origin": "http://localhost:5173", **asked})
    assert (answer.status, answer.raw) == (204, b"")
    rule = cors()
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert answer.headers["access-control-allow-methods"].split(",") == rule.methods
    assert answer.headers["access-control-allow-headers"].split(",") == rule.headers
    assert answer.headers["access-control-max-age"] == str(rule.max_age)
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_page_of_this_machine_reads_every_answer(stand: Stand) -> None:
    def fail(_event: Any, _context: Any) -> Any:
        raise LookupError

    stand.answers["get_session"] = fail
    for method, path, body, status in (
        ("GET", "/sessions", None, 200),
        ("GET", "/nothing", None, 404),
        ("POST", "/sessions", b"x" * 7_000_000, 413),
        ("POST", INVOKE, b"{}", 415),
        ("GET", "/sessions/s", None, 500),
    ):
        sent = {"Origin": "http://localhost:5173", "Content-Type": "text/plain"}
        answer = stand(method, path, body, headers=sent)
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
        assert answer.headers["access-control-expose-headers"].split(",") == cors().exposed
        assert answer.headers["vary"] == "Origin"


def test_where_no_page_asks_no_page_is_named(stand: Stand) -> None:
    """Yet a browser's cache is told that another asker gets another answer."""
    answer = stand("GET", "/sessions")
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


# The invoke route's types


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", "text/json"],
)
def test_an_event_of_another_type_is_not_taken(stand: Stand, content_type: str) -> None:
    answer = stand("POST", INVOKE, b"{}", headers={"Content-Type": content_type})
    assert (answer.status, answer.body["type"]) == (415, "unsupported_media_type")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "application/json" in answer.body["detail"]


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "", None])
def test_an_event_is_json_or_of_no_type(stand: Stand, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = stand("POST", INVOKE, b'{"user_id": "alice"}', headers=headers)
    assert (answer.status, answer.body["event"]) == (200, {"user_id": "alice"})


# The cache, and containers


@pytest.fixture(scope="module")
def cache() -> Iterator[str]:
    with embedded.valkey() as url:
        yield url


@pytest.mark.parametrize(
    "line", ["POST / HTTP/1.1", "GET / HTTP/1.1", "PUT /SET HTTP/1.1", "OPTIONS / HTTP/1.1"]
)
def test_the_cache_closes_upon_a_browsers_request(cache: str, line: str) -> None:
    said = raw(cache, f"{line}\r\nHost: evil.example\r\nContent-Length: 20\r\n\r\nSET from-a-page yes\r\n")
    assert "OK" not in said
    assert raw(cache, "EXISTS from-a-page\r\nQUIT\r\n").startswith(":0")


@pytest.mark.thorough
def test_containers_reach_the_open_servers_at_the_address_that_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ports = {"TABLE_PORT": free_port(), "CACHE_PORT": free_port()}
    for name, port in ports.items():
        monkeypatch.setattr(embedded, name, port)
    monkeypatch.setenv("EMBEDDED_OPEN", "127.0.0.2")
    with embedded.dynamodb() as table, embedded.valkey():
        assert ask(table, {}).status != 403
        there = f"http://127.0.0.2:{ports['TABLE_PORT']}"
        assert ask(there, {"Host": "host.docker.internal:18000"}).status != 403
        refused(ask(there, {"Host": "evil.example"}))
        refused(ask(there, {"Origin": "http://evil.example"}))
        assert raw(f"redis://127.0.0.2:{ports['CACHE_PORT']}", "PING\r\nQUIT\r\n").startswith("+PONG")
        for port in ports.values():
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.3", port))
            assert f"127.0.0.2, port {port}" in caplog.text


def test_nobody_is_told_of_open_servers_that_are_closed(caplog: pytest.LogCaptureFixture) -> None:
    with embedded.valkey() as url, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", urlsplit(url).port or 0))
    assert "EMBEDDED_OPEN" not in caplog.text
