"""One line for a request; no message content, credentials or tokens in any line that the server writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from infra.template import TEMPLATE
from tests.functional.api import Api, assistant, user

if TYPE_CHECKING:
    from infra.local.server import LocalServer

SECRETS = {
    "content": "secret-content",
    "title": "secret-title",
    "credential": "secret-credential",
    "metadata": "secret-metadata",
    "arguments": "secret-arguments",
    "draft": "secret-draft",
    "token": "secret-token",
}


def scenario(url: str) -> int:
    """Every operation once, good and bad, with secrets wherever they may be put; how many requests it was."""
    api = Api(url, SECRETS["token"])
    sid = "s"
    call = {"id": "c", "function": {"name": "f", "arguments": SECRETS["arguments"]}}
    objects = {"metadata": {"m": SECRETS["metadata"]}, "credentials": {"p": {"k": SECRETS["credential"]}}}
    question = user(SECRETS["content"], message_id="m")
    malformed = assistant(SECRETS["content"], tool_calls=[{"function": {"arguments": SECRETS["arguments"]}}])
    draft = f"/sessions/{sid}/draft"
    statuses = [
        reply.status
        for reply in (
            api.call("POST", "/sessions", {"session_id": sid, "title": SECRETS["title"], **objects}),
            api.append(sid, question, malformed),
            api.append(sid, question),
            api.append(sid, user(SECRETS["content"] + "!", message_id="m")),
            api.append(sid, {"role": "user", "content": [SECRETS["content"], 5], SECRETS["metadata"]: 1}),
            api.append(sid, user(SECRETS["content"] * 400_000)),
            api.call("POST", f"/sessions/{sid}/messages", raw=SECRETS["content"].encode()),
            api.call(
                "POST", f"/sessions/{sid}/messages", raw=f'{{"messages": ["{SECRETS["content"]}'.encode()
            ),
            api.tool_call(sid, call),
            api.title(sid, SECRETS["title"]),
            api.title(sid, SECRETS["title"] * 30),
            api.patch(sid, **objects),
            api.put(sid, messages=[question, user(SECRETS["content"])]),
            api.put(sid, start_sequence=2, messages=[question]),
            api.call("PUT", draft, {"messages": [user(SECRETS["draft"])]}),
            api.call("GET", draft),
            api.call("DELETE", draft),
            api.get(sid, draft="true"),
            api.messages(sid),
            api.export(sid),
            api.list(),
            api.list(cursor=SECRETS["metadata"]),
            api.call("DELETE", f"/sessions/{sid}/cache"),
            api.delete(sid),
            api.get(sid),
        )
    ]
    assert statuses == [
        *(201, 201, 200, 409, 422, 413, 400, 400, 200, 200, 422, 200, 409, 409),
        *(200, 200, 204, 200, 200, 200, 200, 422, 204, 204, 404),
    ]
    return len(statuses)


@pytest.mark.thorough
def test_what_a_server_prints(server: LocalServer) -> None:
    """As a process of its own, with all that it says on both outputs."""
    # The table is this test session's, so that only Python starts anew.
    environment = os.environ | {
        "PORT": "0",
        "AWS_ENDPOINT_URL_DYNAMODB": server.dynamodb_url,
        "TURNLOG_CACHE_URL": server.cache_url,
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local"],
        cwd=TEMPLATE.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            greeting = ""
            while "Try it" not in greeting:
                line = process.stdout.readline()
                assert line, greeting
                greeting += line
            url = next(word for word in greeting.split() if word.startswith("http://")).rstrip(",")
            requests = scenario(url)
        finally:
            process.terminate()
        printed = process.stdout.read()
    for secret in SECRETS.values():
        assert secret not in printed
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    logged = [line for line in lines if "level" in line]
    metrics = [line for line in logged if "_aws" in line]
    assert all("status" in line for line in metrics if line["operation"] != "purge_session")
    answered = [line["request_id"] for line in logged if line.get("status")]
    assert len(set(answered)) == len(answered) == requests  # one line for each
    assert [line["skipped"] for line in logged if line["level"] == "WARNING"] == [1]
    declared = [
        (line, metric["Name"])
        for line in metrics
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    ]
    assert all(line[name] and all(value > 0 for value in line[name]) for line, name in declared)
    counted = {name for _, name in declared}
    assert {"appends", "replays", "cache_hits", "sessions_created", "malformed_tool_calls"} <= counted
