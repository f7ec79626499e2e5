"""The local server's gateway and functions: without the stream, whose pump would run beside what is timed.

Prints its port; ends with its standard input.
"""

from __future__ import annotations

import logging
import sys

from infra.local.access import ThisMachine
from infra.local.gateway import Gateway
from infra.local.lambdas import Lambdas
from infra.local.server import listening, serving


def main() -> None:
    """Serve until standard input ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    answers, sys.stdout = sys.stdout, sys.stderr
    with listening(0) as listener, serving(Gateway(Lambdas(), ThisMachine()), listener):
        answers.write(f"{listener.getsockname()[1]}\n")
        answers.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
