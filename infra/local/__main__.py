"""`python -m infra.local`: serve Turnlog on this machine until Ctrl-C or SIGTERM.

`PORT` is where to listen (3000). With `AWS_ENDPOINT_URL_DYNAMODB` or `TURNLOG_CACHE_URL` set, that table or
cache is used and none is embedded; `TURNLOG_CACHE_URL` set to nothing is no cache.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from threading import Event
from typing import TYPE_CHECKING

from infra.local.server import running

if TYPE_CHECKING:
    from infra.local.server import LocalServer


def main() -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    given_table = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or None
    given_cache = os.environ.get("TURNLOG_CACHE_URL")
    port = int(os.environ.get("PORT") or 3000)
    with running(port=port, dynamodb_url=given_table, cache_url=given_cache) as server:
        say(_greeting(server, given_table=given_table is not None, given_cache=given_cache is not None))
        stop.wait()
        say("Stopping.")


def say(text: str) -> None:
    """Print for the person at the terminal, at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _greeting(server: LocalServer, *, given_table: bool, given_cache: bool) -> str:
    table = f"{server.table} at {server.dynamodb_url}" + ("" if given_table else " (embedded, in memory)")
    cache = "none"
    if server.cache_url:
        place = server.cache_url.rpartition("@")[2].partition("?")[0]
        cache = place + ("" if given_cache else " (embedded, in memory)")
    return f"""\
Turnlog is at {server.url}, its API at {server.url}/docs
  table  {table}
  cache  {cache}
  user   whatever follows Bearer: nobody checks tokens here, so keep this server to this machine

Try it:
  curl -X POST {server.url}/sessions -H 'Authorization: Bearer alice' \\
       -H 'Content-Type: application/json' -d '{{"messages": [{{"role": "user", "content": "Hello"}}]}}'

A program beside it (README, "From a program"):
  TURNLOG_URL={server.url} TURNLOG_TOKEN=alice

Ctrl-C stops it."""


if __name__ == "__main__":
    main()
