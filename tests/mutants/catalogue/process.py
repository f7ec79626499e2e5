"""Sabotage of what only a real process has: snapshots, time-outs, pages, connections that break."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_PROCESS = "tests/unit/test_process.py"

PROCESS = (
    Mutant(
        "tokens of the process's own generator",
        "        return os.urandom(16)",
        "        return random.randbytes(16)",
        "two that were restored from one snapshot take each other's writes for their own",
        test=_PROCESS,
    ),
    Mutant(
        "jitter of the process's own generator",
        "random.SystemRandom().random()",
        "random.random()",
        "all that were restored from one snapshot try again at one time",
        test=_PROCESS,
    ),
    Mutant(
        "botocore's own time-out of a reply",
        "        read_timeout=seconds - CONNECT_SECONDS,\n",
        "",
        "a table that is silent outlasts the function",
        test=_PROCESS,
    ),
    Mutant(
        "botocore's own time-out of a connection",
        "        connect_timeout=CONNECT_SECONDS,\n",
        "",
        "a table that is not reached outlasts the function",
        test=_PROCESS,
    ),
    Mutant(
        "botocore tries again by itself",
        '"total_max_attempts": 1',
        '"total_max_attempts": 3',
        "a table that is silent outlasts the function",
        test=_PROCESS,
    ),
    Mutant(
        "health waits for a request as long as others do",
        '_client("dynamodb", _config(HEALTH_SECONDS))',
        '_client("dynamodb")',
        "who asks for health is not answered in its time",
        test=_PROCESS,
    ),
    Mutant(
        "the first page of a bucket is taken for all",
        '            if not page["IsTruncated"] or len(wanted) < len(listed):\n',
        "            if True:\n",
        "the objects behind the first 1,000 are never purged",
        test=_PROCESS,
    ),
    Mutant(
        "an object that breaks off is a defect",
        "            data: bytes = body.read()\n        except TRANSLATED as error:",
        "            data: bytes = body.read()\n        except ZeroDivisionError as error:",
        "500, where a second try would have read it",
        test=_PROCESS,
    ),
)
