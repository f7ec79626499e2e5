"""`make costs`: what a month costs, from the counted units (`tests.benchmark.units`) and AWS's prices.

Prints the table of infra/README.md; a test compares the two. Prices are those of us-east-1, on demand, in
dollars, without free tiers: aws.amazon.com/dynamodb/pricing/on-demand, /api-gateway/pricing, /lambda/pricing,
/cloudwatch/pricing, /xray/pricing, /elasticache/pricing, /ec2/pricing/on-demand (data transfer).
"""

from __future__ import annotations

import sys
from math import ceil
from typing import NamedTuple

from infra.observability import document
from tests.benchmark.capacity import READ_UNIT
from tests.benchmark.units import usual
from turnlog.limits import FOLLOW_SECONDS, MAX_WAIT

MONTHS = {"100 thousand": 100_000, "10 million": 10_000_000, "1 billion": 1_000_000_000}
"""Messages a month."""

MILLION = 1_000_000
GB = 1_000_000  # kilobytes; AWS's own GB is up to 7 percent larger
HOURS, SECONDS = 730, 2_628_000  # of a month

# What the months are made of.
MESSAGE = 1.5  # kilobytes, appended by itself
READ = 50  # messages, the newest, once for every two messages
INVOCATION = 0.015 * 0.5  # GB-seconds: 15 ms of 512 MB
LOGGED = 1.6  # kilobytes a request: 0.5 by the function, 0.6 by Lambda, 0.5 by the API
METRICS = 10  # that the functions count: a name and an operation each
CACHED = {
    "100 thousand": 0.1,
    "10 million": 2.0,
    "1 billion": 25.0,
}  # GB; a tenth is the least that is billed
ECPUS = 6 + (READ * MESSAGE + 1) / 2  # a message: an append's commands, half a read of a kilobyte each

READER_MEMORY = (256, 512)  # megabytes of what readers wait in
HOUR = 3_600  # seconds

# Steps of a price: up to so many, each costs so much.
Steps = list[tuple[float, float]]
EVER = float("inf")
WRITES: Steps = [(EVER, 0.625 / MILLION)]
READS: Steps = [(EVER, 0.125 / MILLION)]
HTTP_API: Steps = [(300 * MILLION, 1.00 / MILLION), (EVER, 0.90 / MILLION)]
REST_API = 3.50 / MILLION  # a request
INVOCATIONS: Steps = [(EVER, 0.20 / MILLION)]
GB_SECONDS: Steps = [(EVER, 0.0000133334)]  # arm64
LOGS: Steps = [(EVER, 0.50)]  # a GB
TRACES: Steps = [(EVER, 5.00 / MILLION)]
STORED: Steps = [(EVER, 0.25 + 0.20)]  # a GB, and its point-in-time recovery
OUT: Steps = [(10_000, 0.09), (50_000, 0.085), (150_000, 0.07), (EVER, 0.05)]  # a GB, to the internet
METRIC, ALARM, DASHBOARD = 0.30, 0.10, 3.00
CACHE_GB_HOUR, ECPU = 0.084, 0.0023 / MILLION


class Counted(NamedTuple):
    """Units: of an append, and of a read of the newest messages without a cache and with one."""

    append: float
    cold: float
    warm: float


def counted() -> Counted:
    """The units, as `make units` counts them."""
    costs = {name: next(iter(by_length.values())) for name, by_length in usual().items()}
    head = costs["read unchanged (If-None-Match)"].reads
    return Counted(
        append=costs["append 1,500 bytes, warm"].writes,
        cold=head + ceil(READ * MESSAGE * 1000 / READ_UNIT),
        warm=costs["read the newest 50, warm"].reads,
    )


def price(amount: float, steps: Steps) -> float:
    """What so much costs: each part of it by its own step."""
    total = below = 0.0
    for up_to, each in steps:
        total += max(0.0, min(amount, up_to) - below) * each
        below = up_to
    return total


def month(name: str, units: Counted) -> tuple[dict[str, float], dict[str, float]]:
    """The lines of a month's bill without a cache, and those that a cache puts in place of `reads`."""
    m = MONTHS[name]
    requests = 1.5 * m
    # X-Ray's default: one request a second, and a twentieth of the others.
    traced = min(requests, SECONDS + 0.05 * max(0.0, requests - SECONDS))
    alarms = [
        one
        for one in document()["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in one
    ]
    without = {
        "writes": price(m * units.append, WRITES),
        "reads": price(m / 2 * units.cold, READS),
        "HTTP API": price(requests, HTTP_API),
        "Lambda": price(requests, INVOCATIONS) + price(requests * INVOCATION, GB_SECONDS),
        "logs": price(requests * LOGGED / GB, LOGS),
        "traces": price(traced, TRACES),
        "alarms, dashboard, metrics": len(alarms) * ALARM + DASHBOARD + METRICS * METRIC,
        "stored, and recoverable, for each month kept": price(m * MESSAGE / GB, STORED),
        "data out, to the internet": price(m * (MESSAGE + READ * MESSAGE / 2) / GB, OUT),
    }
    cache = {
        "reads with a cache": price(m / 2 * units.warm, READS),
        "the cache": CACHED[name] * HOURS * CACHE_GB_HOUR + m * ECPUS * ECPU,
    }
    return without, cache


def table() -> str:
    """The table of infra/README.md, in Markdown."""
    units = counted()
    bills = [month(name, units) for name in MONTHS]
    lines = [["a month", *MONTHS], ["---", *("---" for _ in MONTHS)]]
    lines += [[line, *(dollars(without[line]) for without, _ in bills)] for line in bills[0][0]]
    sums = [(sum(without.values()), sum(cache.values()) - without["reads"]) for without, cache in bills]
    lines.append(["**without a cache**", *(f"**{dollars(total)}**" for total, _ in sums)])
    lines += [[line, *(dollars(cache[line]) for _, cache in bills)] for line in bills[0][1]]
    lines.append(["**with it**", *(f"**{dollars(total + more)}**" for total, more in sums)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


class Waiting(NamedTuple):
    """A way to follow a stream, for an hour in which nothing comes.

    Attributes:
        requests: of the API, each an invocation.
        request: what one costs, of its API.
        seconds: that functions run.
        looks: at the table, of two read units each, without a cache.
    """

    requests: float
    request: float
    seconds: float
    looks: float


WAITING = {
    "server-sent events, a minute each": Waiting(
        HOUR / FOLLOW_SECONDS, REST_API, HOUR, HOUR + HOUR / FOLLOW_SECONDS
    ),
    f"`wait={MAX_WAIT}`, again and again": Waiting(
        HOUR / MAX_WAIT, HTTP_API[0][1], HOUR, HOUR + HOUR / MAX_WAIT
    ),
    "`wait=0`, every 2 seconds": Waiting(HOUR / 2, HTTP_API[0][1], HOUR / 2 * 0.015, HOUR / 2),
}


def readers() -> str:
    """The table of what a reader costs that follows for an hour, in Markdown."""
    rows = ["a reader for an hour", *(f"{megabytes} MB" for megabytes in READER_MEMORY)]
    lines = [rows, ["---" for _ in rows]]
    for name, way in WAITING.items():
        fixed = way.requests * (way.request + INVOCATIONS[0][1]) + way.looks * 2 * READS[0][1]
        each = (way.seconds * megabytes / 1024 * GB_SECONDS[0][1] for megabytes in READER_MEMORY)
        lines.append([name, *(f"${fixed + of_memory:.4f}" for of_memory in each)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def dollars(amount: float) -> str:
    """To the cent below ten dollars, else to the dollar."""
    amount += 1e-9  # halves go up
    return f"${amount:,.2f}" if amount < 10 else f"${amount:,.0f}"


def main() -> None:
    """Print the table."""
    sys.stdout.write(f"{table()}\n{readers()}")


if __name__ == "__main__":
    main()
