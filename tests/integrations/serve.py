"""The local server for tests that run in another environment: `.venv/bin/python -m tests.integrations.serve`.

Prints where it is and what a program needs to work on its table, as one line of JSON. Ends when nobody holds
the other end of its standard input any more.
"""

from __future__ import annotations

import json
import os
import sys

from infra.local.server import running

# What `turnlog.settings` and the AWS clients read.
NAMES = ("AWS_", "NO_PROXY", "no_proxy", "TURNLOG_")


def main() -> None:
    """Serve."""
    with running() as server:
        environment = {name: value for name, value in os.environ.items() if name.startswith(NAMES)}
        sys.stdout.write(json.dumps({"url": server.url, "environment": environment}) + "\n")
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the functions' logs, which nobody reads
        sys.stdin.read()


if __name__ == "__main__":
    main()
