"""What S3 checks of a request at a signed address, and moto does not, in front of moto.

| what comes | S3's answer |
|---|---|
| with other headers than were signed: another length, checksum or type | 403 SignatureDoesNotMatch |
| after the address has ended | 403 AccessDenied |
| bytes that are not of the checksum | 400 BadDigest |
| fewer bytes than the length says | 400 IncompleteBody |
| with an address that lacks a part, or has one that is none | 400 AuthorizationQueryParametersError |

docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html. What a program has signed with
credentials of its own is taken as it is signed: nobody here knows its secret.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from werkzeug import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LOCAL = "local"
"""The key id and the secret of `server.NOBODY`."""

_CHECKSUM = "x-amz-checksum-sha256"
_PIECE = 1 << 20
_IN_MEMORY = 8 << 20


class Presigned:
    """An application, with requests at signed addresses checked.

    What a client sends there is read to its end before the application is asked: that may be slow.

    Args:
        bucket: the application.
    """

    def __init__(self, bucket: WSGIApplication) -> None:
        self._bucket = bucket

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        asks = environ["REQUEST_METHOD"] == "OPTIONS"  # a browser, whether a page may
        if "X-Amz-Signature=" in environ.get("QUERY_STRING", "") and not asks:
            request = Request(environ)
            if refusal := _refused(request):
                return refusal(environ, start_response)
        return self._bucket(environ, start_response)


def _refused(request: Request) -> Response | None:
    """The answer to a request that S3 would refuse. The body of one that it takes can be read again."""
    query = dict(parse_qsl(request.query_string.decode(), keep_blank_values=True))
    try:
        began = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ends = began + timedelta(seconds=int(query["X-Amz-Expires"]))
        local = query["X-Amz-Credential"].startswith(f"{LOCAL}/")
        signed = not local or _is_signed(request, query)
    except (KeyError, ValueError, OverflowError):
        text = "The address lacks a part of its signature, or one of its parts is wrong."
        return _error(400, "AuthorizationQueryParametersError", text)
    if datetime.now(UTC) > ends:
        return _error(403, "AccessDenied", "Request has expired")
    if not signed:
        return _error(403, "SignatureDoesNotMatch", "The request is not the one that was signed.")
    return _body_refused(request) if request.method == "PUT" else None


def _body_refused(request: Request) -> Response | None:
    body = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed when the request is let go)
    digest = sha256()
    while piece := request.stream.read(_PIECE):
        digest.update(piece)
        body.write(piece)
    length = body.tell()
    body.seek(0)
    request.environ["wsgi.input"] = body
    if length != (request.content_length or 0):
        return _error(400, "IncompleteBody", "The bytes are fewer than Content-Length says.")
    given = request.headers.get(_CHECKSUM)
    if given and given != b64encode(digest.digest()).decode():
        return _error(400, "BadDigest", f"The bytes are not of the checksum that {_CHECKSUM} says.")
    return None


def _is_signed(request: Request, query: Mapping[str, str]) -> bool:
    """Whether the signature is that of this request."""
    signed = query["X-Amz-SignedHeaders"].split(";")
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed)
    pairs = sorted(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in query.items()
        if name != "X-Amz-Signature"
    )
    path = quote(request.path, safe="/-_.~")
    canonical = "\n".join(
        [request.method, path, "&".join(pairs), headers, ";".join(signed), "UNSIGNED-PAYLOAD"]
    )
    _, day, region, service, ending = query["X-Amz-Credential"].split("/")
    digest = sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", query["X-Amz-Date"], f"{day}/{region}/{service}/{ending}", digest]
    )
    key = f"AWS4{LOCAL}".encode()
    for part in (day, region, service, ending, to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(key.hex(), query["X-Amz-Signature"])


def _error(status: int, code: str, message: str) -> Response:
    told = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    text = f"<?xml version='1.0' encoding='UTF-8'?>{told}"
    return Response(text, status, {"access-control-allow-origin": "*"}, "application/xml")
