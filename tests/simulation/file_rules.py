"""What must hold of answers about files, of bodies that came as files, and of what is left at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.violations import Rule, require
from turnlog.records.keys import EXPIRY, HEAD, FileKey

if TYPE_CHECKING:
    from tests.simulation.history import History, Work
    from tests.simulation.requests import Reply
    from tests.simulation.world import World
    from turnlog.records.files import File
    from turnlog.records.head import Head
    from turnlog.records.keys import SessionKey

_STATUSES = {
    "create_file": {201, 404},
    "delete_file": {204, 404},
    "get_file": {200, 404, 409},
    "list_files": {200, 404},
}
KINDS = set(_STATUSES)


def check_file_answer(history: History, work: Work, reply: Reply) -> bool:
    """Check an answer about files, or a refusal of a body that came as a file; whether it is one of these."""
    assert work.request is not None
    if work.request.kind in KINDS:
        _check_answer(history, work, reply)
        return True
    return "body_file" in work.request.query and _check_body(history, work, reply)


def _check_answer(history: History, work: Work, reply: Reply) -> None:
    request = work.request
    assert request is not None
    require(Rule.STATUS_OF_THE_CONTRACT, reply.status in _STATUSES[request.kind], (request, reply))
    if reply.status == 404:
        _check_not_there(history, work, reply, request.file_id)
        return
    sessions = history.during(request.key, work.begin, work.end)
    require(Rule.ANSWERED_OF_A_LIVE_SESSION, any(state.live for state in sessions), request)
    match request.kind:
        case "create_file":
            made = [key for key in work.files if key.file_id == reply.body["file_id"]]
            require(Rule.FILE_PROMISED, made and reply.body["upload"]["url"] == made[0].object_key, reply)
        case "delete_file":
            there = [key for key in history.files.of(request.key, request.file_id) if history.files.now(key)]
            require(Rule.FILE_DELETED, not there, (request, there))
        case "list_files":
            _check_list(history, work, reply)
        case _:
            _check_found(history, work, reply)


def _check_body(history: History, work: Work, reply: Reply) -> bool:
    request = work.request
    assert request is not None
    file_id = request.query["body_file"]
    kind = reply.body.get("type") if reply.status >= 400 else None
    if kind == "not_found" and not _absent(history, work, file_id):
        return False  # something else is not there
    if kind in {"not_found", "files_off"}:
        _check_not_there(history, work, reply, file_id)
    elif kind == "not_uploaded":
        _check_not_uploaded(history, work, file_id)
    else:
        return False
    return True


def _check_not_there(history: History, work: Work, reply: Reply, file_id: str) -> None:
    """404 is true: the session or the file was not there at some time, or there is no bucket."""
    assert work.request is not None
    if reply.body["type"] == "files_off":
        require(Rule.ANSWER_404_MEANS_NOT_THERE, not history.files.states, reply)
        return
    sessions = history.during(work.request.key, work.begin, work.end)
    gone = any(not state.live for state in sessions)
    absent = file_id and _absent(history, work, file_id)
    require(Rule.ANSWER_404_MEANS_NOT_THERE, gone or absent, (work.request, file_id))


def _absent(history: History, work: Work, file_id: str) -> bool:
    """Whether the file was not there at some time while the request ran, with its session or alone."""
    assert work.request is not None
    return any(
        not state.live or None in history.files.during(FileKey(state.live.key, file_id), work.begin, work.end)
        for state in history.during(work.request.key, work.begin, work.end)
    )


def _there(history: History, work: Work, file_id: str) -> list[File]:
    """The file as it was while the request ran."""
    assert work.request is not None
    keys = history.files.of(work.request.key, file_id)
    return [one for key in keys for one in history.files.during(key, work.begin, work.end) if one]


def _check_not_uploaded(history: History, work: Work, file_id: str) -> None:
    absent = [one for one in _there(history, work, file_id) if False in history.files.uploaded(one.key, work)]
    require(Rule.NOT_UPLOADED_IS_TRUE, absent, (work.request, file_id))


def _check_found(history: History, work: Work, reply: Reply) -> None:
    assert work.request is not None
    if reply.status == 409:
        _check_not_uploaded(history, work, work.request.file_id)
        return
    there = [one for one in _there(history, work, work.request.file_id) if _is_so(one, reply.body)]
    uploaded = any(True in history.files.uploaded(one.key, work) for one in there)
    require(Rule.FILE_WAS_SO, uploaded, (work.request, reply.body))


def _is_so(file: File, body: dict[str, Any]) -> bool:
    return all(body[name] == value for name, value in file.shown().items())


def _check_list(history: History, work: Work, reply: Reply) -> None:
    """What is listed was there; what was there all the time, in this part of the list, is listed."""
    request, body = work.request, reply.body
    assert request is not None
    ids = [one["file_id"] for one in body["files"]]
    require(Rule.FILES_LISTED, ids == sorted(set(ids)), body)
    for one in body["files"]:
        there = [file for file in _there(history, work, one["file_id"]) if _is_so(file, one)]
        require(Rule.FILE_WAS_SO, not any(file.body for file in there), (request, one))
        fits = any(one["uploaded"] in history.files.uploaded(file.key, work) for file in there)
        require(Rule.FILE_WAS_SO, fits, (request, one))
    after, end = request.query.get("cursor", ""), body["next_cursor"] or "~"
    live = {state.live and state.live.key for state in history.during(request.key, work.begin, work.end)}
    for key in list(history.files.states):
        states = history.files.during(key, work.begin, work.end)
        if live == {key.session} and after < key.file_id <= end and all(states):
            body_file = states[0] is not None and states[0].body
            require(Rule.FILES_LISTED, body_file or key.file_id in ids, (request, key, body))


def check_files(world: World, key: SessionKey, live: Head | None) -> None:
    """Long after all was done: each file of a session that is there has its bytes, and no more is left."""
    if live is None:
        return
    items = world.history.items(key).keys() - {HEAD, EXPIRY}
    left = [name for name in items if name.startswith(f"{live.key.first}LOOK#")]
    require(Rule.FILES_SETTLED, not left, left)
    kept = world.objects.kept
    for file_key in list(world.history.files.states):
        if file_key.session == live.key:
            file = world.history.files.now(file_key)
            there = file_key.object_key in kept
            require(Rule.FILES_SETTLED, there == (file is not None), (file_key, file, there))
            require(Rule.FILES_SETTLED, file is None or not file.body, file_key)
