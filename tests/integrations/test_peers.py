"""The SDKs' own tests, with Turnlog in the place of their stores.

They come with the SDKs' source, which is fetched with the hashes of the lock. A test that can only pass with
the store that it was written for is left out by name, with the reason. Those are counted that make a store.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integrations.conftest import ROOT
from tests.integrations.peers.tally import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.integrations.conftest import Server

LOCK = ROOT / "tests/integrations/sdks.lock"
CACHE = ROOT / ".cache/peers"
PLUGINS = ROOT / "tests/integrations/peers"


class Peer(NamedTuple):
    """An SDK's tests.

    Attributes:
        package: on the index.
        plugin: which puts Turnlog in the place of its stores.
        files: under its `tests`.
        left_out: reason → tests.
        passed: how many pass with Turnlog.
        without: how many more there are in the files which make no store.
    """

    package: str
    plugin: str
    files: Sequence[str]
    left_out: Mapping[str, Sequence[str]]
    passed: int
    without: int


_RESUME = "test_session_resume.py::TestTimeoutsAndErrors"
_MIRROR = "test_transcript_mirror.py::TestReceiveLoopFramePeeling"
CLAUDE = Peer(
    "claude-agent-sdk",
    "claude_peer",
    [
        "test_session_store_conformance.py",
        "test_session_helpers_store.py",
        "test_session_import.py",
        "test_session_resume.py",
        "test_session_summary.py",
        "test_transcript_mirror.py",
    ],
    {
        "waits for some turns of the event loop, in which a store that asks a server cannot have answered": [
            "test_session_helpers_store.py::TestListSessionsFromStore::test_load_concurrency_is_bounded",
            f"{_RESUME}::test_cancelled_after_mkdtemp_cleans_temp_dir",
            "test_session_summary.py::TestListSessionsFromStoreFastPath::test_gap_fill_bounded_concurrency",
            f"{_MIRROR}::test_eager_flush_mode_appends_per_frame_before_result",
        ],
        "gives load() 50 ms, which says something of the machine": [
            f"{_RESUME}::test_list_subkeys_timeout_raises_and_cleans_temp_dir",
        ],
        "gives two flushes a second, which says something of the machine": [
            "test_transcript_mirror.py::TestBuildMirrorBatcherFlushMode::test_eager_mode_flushes_per_frame",
        ],
    },
    passed=264,
    without=80,
)
_SQLITE = "memory/test_session.py::test_sqlite_session_"
OPENAI = Peer(
    "openai-agents",
    "openai_peer",
    [
        "memory/test_session.py",
        "memory/test_session_limit.py",
        "test_hitl_session_scenario.py",
        "test_native_tool_failure_history.py",
        "test_tool_batch_failure_history.py",
        "test_tool_failure_boundaries.py",
    ],
    {
        "looks at SQLite's connections, threads and locks": [
            f"{_SQLITE}close_closes_worker_thread_connections",
            f"{_SQLITE}reaps_connections_from_exited_worker_threads",
            f"{_SQLITE}closes_retired_connections_before_the_next_allocation",
            f"{_SQLITE}keeps_connections_of_live_worker_threads",
            f"{_SQLITE}closed_rejects_empty_add_items",
            f"{_SQLITE}file_lock_is_shared_across_instances",
            f"{_SQLITE}failed_add_items_releases_write_lock",
            f"{_SQLITE}failed_clear_session_rolls_back",
            f"{_SQLITE}failed_pop_item_releases_write_lock",
            f"{_SQLITE}rollback_failure_evicts_connection",
            f"{_SQLITE}close_retries_quarantined_connection",
            f"{_SQLITE}post_commit_cancellation_propagates_after_known_outcome",
        ],
        "writes rows into SQLite that are no JSON": [
            f"{_SQLITE}pop_item_skips_corrupt_most_recent",
            f"{_SQLITE}pop_item_returns_none_after_dropping_only_corrupt_rows",
            f"{_SQLITE}get_items_limit_skips_corrupt_newest_rows",
            f"{_SQLITE}get_items_session_settings_limit_skips_corrupt_rows",
        ],
    },
    passed=188,
    without=11,
)


def fetched(peer: Peer) -> Path:
    """The SDK's source, fetched if it is not there."""
    lock = LOCK.read_text(encoding="utf-8")
    entry = re.search(rf"^{peer.package}==(\S+) \\\n(?: .*\n)+", lock, re.MULTILINE)
    assert entry
    name = f"{peer.package.replace('-', '_')}-{entry[1]}"
    if not (CACHE / name / "PKG-INFO").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        wanted = CACHE / f"{peer.package}.txt"
        wanted.write_text(entry[0], encoding="utf-8")
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes"),
                *("--requirement", str(wanted), "--dest", str(CACHE)),
            ],
            check=True,
        )
        with tarfile.open(CACHE / f"{name}.tar.gz") as source:
            source.extractall(CACHE, filter="data")
    return CACHE / name


@pytest.mark.parametrize("peer", [CLAUDE, OPENAI], ids=lambda peer: peer.package)
def test_an_sdks_own_tests(
    peer: Peer, server: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    left_out = [test for tests in peer.left_out.values() for test in tests]
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", peer.plugin, "-p", "no:cacheprovider"),
            *("--basetemp", str(tmp_path), "--tb=short"),
            *(f"tests/{file}" for file in peer.files),
            *(f"--deselect=tests/{test}" for test in left_out),
        ],
        cwd=fetched(peer),
        env={
            **os.environ,
            "PYTHONPATH": f"{PLUGINS}{os.pathsep}{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TURNLOG_URL": server.url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in ran.stdout.splitlines() if line.startswith(MARK)]
    assert told, ran.stdout[-3_000:] + ran.stderr[-3_000:]
    tally = json.loads(told[0].removeprefix(MARK))
    assert tally["others"] == [], ran.stdout[-20_000:]
    assert (tally["passed"], tally["passed_without"]) == (peer.passed, peer.without)
    deselected = re.search(r"(\d+) deselected", ran.stdout)
    assert deselected
    record_property(
        "said",
        f"{peer.package}'s own tests: {tally['passed']} pass with Turnlog as their store, "
        f"{deselected[1]} are for another store alone",
    )
