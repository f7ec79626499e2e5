"""`python -m infra.local`: serve Turnlog on this machine until Ctrl-C or SIGTERM.

`PORT` is where to listen (3000); `TURNLOG_LOCAL_DATA` a folder that keeps what the table and the bucket hold
until the next start (`DATA=` of `make run`); `TURNLOG_LOCAL_HOSTS` names hosts that are this machine, beside
localhost.
With `AWS_ENDPOINT_URL_DYNAMODB` or `TURNLOG_CACHE_URL` set, that table or cache is used and none is embedded;
`TURNLOG_CACHE_URL` set to nothing is no cache.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from operator import is_
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from infra.local.errors import CannotStart
from infra.local.gateway import first_call
from infra.local.server import running

if TYPE_CHECKING:
    from infra.local.server import LocalServer

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LAST_PORT = 65_535
_WRONG_USAGE = 2


def main() -> int:
    """Serve until told to stop; the process's exit code, 2 where it cannot start."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        _serve()
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_USAGE
    return 0


def _serve() -> None:
    stop = _stop_signals()
    given_table = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or None
    given_cache = os.environ.get("TURNLOG_CACHE_URL")
    data = _data()
    with running(port=_port(), dynamodb_url=given_table, cache_url=given_cache, data=data) as server:
        place = "" if given_table else f" (embedded, kept in {data})" if data else " (embedded, in memory)"
        say(_greeting(server, table_place=place, given_cache=given_cache is not None))
        os.read(stop, 1)
        say("Stopping.")


def _stop_signals() -> int:
    """A file descriptor that can be read from once the process was told to stop.

    The interpreter itself writes to it. A handler of ours would run in the middle of anything, of itself too:
    if it set a `threading.Event`, a second signal would wait for ever for the lock that the first one holds.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in STOP_SIGNALS:
        # It does nothing. Built in, it has no bytecode in which a further signal could interrupt it.
        signal.signal(number, is_)
    return reader


def _port() -> int:
    """Where to listen.

    Raises:
        CannotStart: `PORT` is no port.
    """
    given = os.environ.get("PORT") or "3000"
    if not re.fullmatch("[0-9]{1,5}", given) or int(given) > _LAST_PORT:
        raise CannotStart(
            f"PORT={given} is no port: it is a number from 0 (any that is free) to {_LAST_PORT}."
        )
    return int(given)


def _data() -> Path | None:
    """The folder that keeps what the table and the bucket hold, if one is given."""
    given = os.environ.get("TURNLOG_LOCAL_DATA")
    return Path(given).expanduser().absolute() if given else None


def say(text: str) -> None:
    """Print for the person at the terminal, at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _greeting(server: LocalServer, *, table_place: str, given_cache: bool) -> str:
    table = f"{server.table} at {server.dynamodb_url}{table_place}"
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
{indent(first_call(server.url), "  ")}

A program beside it (README, "A first program"):
  TURNLOG_URL={server.url} TURNLOG_TOKEN=alice

Ctrl-C stops it."""


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The interpreter's own end begins with taking the handlers away: a further signal would kill it then. To
    # ignore signals from here on is no way out: the interpreter complains of one that comes in between.
    os._exit(code)
