"""Files as commits made and deleted them: the truth that answers about them are held against."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.violations import Rule, require
from turnlog.records import files
from turnlog.records.keys import FILE_PREFIX, LOOK_PREFIX, FileKey, parse_file, parse_generation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.history import Work
    from turnlog.records.files import File
    from turnlog.records.head import Head
    from turnlog.records.item import Item
    from turnlog.records.keys import SessionKey


class FileState(NamedTuple):
    """A file from this commit on; None where there is none."""

    commit: int
    file: File | None


_NONE = FileState(0, None)


def is_of_files(sort_key: str) -> bool:
    """Whether an item is a file's, or a file's marker."""
    return parse_generation(sort_key)[1].startswith((FILE_PREFIX, LOOK_PREFIX))


class FileHistory:
    """All that was committed to files.

    Args:
        data: gives an object's bytes, None if it is not there.
        objects: whether an object was there, at any time since there were so many events.
    """

    def __init__(self, data: Callable[[str], bytes | None], objects: Callable[[str, int], set[bool]]) -> None:
        self.states: dict[FileKey, list[FileState]] = defaultdict(lambda: [_NONE])
        self._data = data
        self._objects = objects
        self._of_objects: dict[str, FileKey] = {}

    def of_object(self, object_key: str) -> FileKey | None:
        """The file that has its bytes in this object, if it is one of a file."""
        return self._of_objects.get(object_key)

    def now(self, key: FileKey) -> File | None:
        """The file as it is."""
        return self.states[key][-1].file

    def uploaded(self, key: FileKey, work: Work) -> set[bool]:
        """Whether its bytes were there, at any time since the work began."""
        return self._objects(key.object_key, work.objects)

    def during(self, key: FileKey, first: int, last: int) -> list[File | None]:
        """The file at any time from the first commit to the last."""
        states = self.states.get(key) or [_NONE]
        start = bisect_right(states, first, key=lambda state: state.commit) - 1
        return [state.file for state in states[start:] if state.commit <= last]

    def of(self, session: SessionKey, file_id: str) -> list[FileKey]:
        """The files of this id, of all generations of a session."""
        return [key for key in self.states if (key.session.session, key.file_id) == (session, file_id)]

    def changed(
        self,
        records: list[dict[str, Any]],
        items: Mapping[str, Item],
        *,
        commit: int,
        work: Work,
        live: Head | None,
    ) -> None:
        """Note and check what one commit did to the files of a session.

        Args:
            records: what the stream tells of the commit.
            items: what is stored of the session since, by sort key.
            commit: its number.
            work: whose it is.
            live: the session's head before it, if it was there.
        """
        kinds: dict[FileKey, dict[str, Any]] = defaultdict(dict)
        for record in records:
            if is_of_files(record["Keys"]["SK"]["S"]):
                key = parse_file(record["Keys"])
                kind = parse_generation(record["Keys"]["SK"]["S"])[1].partition("#")[0]
                kinds[key][kind] = record.get("NewImage")
        for key, changed in kinds.items():
            of_live = live is not None and live.key == key.session
            if any(changed.values()):
                require(Rule.FILE_OF_A_LIVE_SESSION, of_live, (key, work))
            if "FILE" in changed:
                marked = key.look["SK"]["S"] in items
                item = changed["FILE"]
                self._note(key, item, commit=commit, work=work, of_live=of_live, marked=marked)

    def _note(
        self, key: FileKey, item: Item | None, *, commit: int, work: Work, of_live: bool, marked: bool
    ) -> None:
        states, request = self.states[key], work.request
        if item:
            require(Rule.WHO_CHANGES_A_FILE, work.kind == "create_file", work)
            require(Rule.FILE_STAYS_DELETED, states == [_NONE], (key, states))
            require(Rule.FILE_PROMISED_ONCE, not work.files, (work, key))
            require(Rule.FILE_HAS_A_MARKER, marked, key)
        elif request is not None:
            require(
                Rule.WHO_CHANGES_A_FILE, (work.kind, request.file_id) == ("delete_file", key.file_id), work
            )
            require(Rule.FILE_HAS_A_MARKER, marked, key)
        else:
            require(Rule.WHO_CHANGES_A_FILE, work.kind == "stream", work)
            there = self._data(key.object_key) is not None
            was = states[-1].file
            require(Rule.FILE_KEPT, not of_live or not there or (was and was.body), (key, was))
        work.files.append(key)
        self._of_objects[key.object_key] = key
        states.append(FileState(commit, files.from_item(item) if item else None))
