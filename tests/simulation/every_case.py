"""All the small cases."""

from __future__ import annotations

from tests.simulation.burst_cases import BURST_CASES, CLOCK_CASES, MATCH_CASES
from tests.simulation.cases import CASES
from tests.simulation.doubt_cases import DOUBT_CASES
from tests.simulation.edge_cases import EDGE_CASES
from tests.simulation.edit_cases import EDIT_CASES
from tests.simulation.file_cases import FILE_CASES
from tests.simulation.fork_cases import FORK_CASES
from tests.simulation.generation_cases import GENERATION_CASES
from tests.simulation.large_cases import LARGE_CASES
from tests.simulation.stream_cases import STREAM_CASES
from tests.simulation.transcript_cases import TRANSCRIPT_CASES

EVERY_CASE = (
    *CASES,
    *LARGE_CASES,
    *TRANSCRIPT_CASES,
    *MATCH_CASES,
    *CLOCK_CASES,
    *EDGE_CASES,
    *BURST_CASES,
    *DOUBT_CASES,
    *EDIT_CASES,
    *FILE_CASES,
    *GENERATION_CASES,
    *FORK_CASES,
    *STREAM_CASES,
)
