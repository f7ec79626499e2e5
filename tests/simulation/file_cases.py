"""Small cases of files."""

from __future__ import annotations

from tests.simulation.cases import SESSION, USER, Case, create, delete
from tests.simulation.faults import CRASH
from tests.simulation.requests import NEWEST, UPLOAD, Request

_FAULTS = (CRASH, "reply lost", "request lost", "applied late", "re-sent bare")


def create_file(purpose: str = "file") -> Request:
    """Promise a file."""
    body = {"name": f"of {USER}.", "media_type": "a/b", "size": 1, "sha256": "0" * 64, "purpose": purpose}
    return Request("create_file", USER, SESSION, body)


def _newest(kind: str) -> Request:
    return Request(kind, USER, SESSION, file_id=NEWEST)


_DELETE, _GET, _SEND = _newest("delete_file"), _newest("get_file"), _newest(UPLOAD)
_LIST = Request("list_files", USER, SESSION)
_THERE = (create(), create_file(), _SEND)

FILE_CASES = (
    Case("create file & delete & the purge", [[create_file()], [delete()]], stream=True, kinds=_FAULTS),
    Case("create file & create file", [[create_file()], [create_file(), _LIST]], kinds=_FAULTS),
    Case("create file and delete it, late", [[create_file(), _DELETE]], kinds=("applied late",)),
    Case("delete file & get file", [[_DELETE], [_GET]], before=_THERE, kinds=_FAULTS),
    Case("delete file & list files", [[_DELETE], [_LIST]], before=_THERE, kinds=_FAULTS),
    Case("delete file & delete file", [[_DELETE], [_DELETE]], before=_THERE, kinds=_FAULTS),
    Case("delete file & its bytes", [[_DELETE], [_SEND]], before=_THERE[:2], kinds=_FAULTS),
    Case("get file & its bytes", [[_GET, _GET], [_SEND]], before=_THERE[:2], kinds=_FAULTS),
    Case("delete file & delete & the purge", [[_DELETE], [delete()]], _THERE, stream=True, kinds=_FAULTS),
    # Its marker has ended.
    Case("delete file, long after", [[_DELETE]], before=_THERE, days=2, kinds=_FAULTS),
)
