"""The file in which the embedded table and bucket keep what they hold, where they are given a folder for it.

It is one SQLite database, in Python's standard library. What a request changed is committed before the
request is answered, so a server that is killed loses nothing that it acknowledged; a power cut may take the
last moments (`synchronous=NORMAL`), and leaves the file whole. A snapshot now and then, as LocalStack takes
one, loses what came after it, and a pickle of moto's objects, as moto's issues propose, fits one version of
moto. What is kept here is the API's own JSON. DynamoDB Local's `-dbPath` is a SQLite file too.

    table     a row of it
    items     an item of a table
    records   a record of a table's stream that its reader has yet to work off
    objects   an object of a bucket

One server at a time has the folder: it holds a lock on it, which ends with the process.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sqlite3
import struct
import time
from base64 import b64decode, b64encode
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.local.errors import CannotStart

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

logger = logging.getLogger(__name__)

NAME = "turnlog.sqlite3"
FORMAT = 1
"""Of the tables below; a file of another format is refused."""

LOCK_SECONDS = 5
"""As long as a server that was killed may take to be gone."""

_APPLICATION = 0x7475726E  # "turn"
# docs: sqlite.org/fileformat.html, section 1.3
_MAGIC = b"SQLite format 3\0"
_HEADER_SIZE = 100
_FORMAT_AT, _APPLICATION_AT = 60, 68
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {FORMAT};
CREATE TABLE items (owner TEXT, key TEXT, item TEXT NOT NULL, PRIMARY KEY (owner, key));
CREATE TABLE records (owner TEXT, number INTEGER, old TEXT, new TEXT, PRIMARY KEY (owner, number));
CREATE TABLE objects (
    owner TEXT, key TEXT, since TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (owner, key)
);
PRAGMA journal_mode = WAL;
"""


class Record(NamedTuple):
    """A change of an item, as the stream tells it: the item before and after, None where there was none."""

    old: dict[str, Any] | None
    new: dict[str, Any] | None


class Object(NamedTuple):
    """An object of a bucket.

    Attributes:
        since: when it was put, in ISO 8601.
    """

    key: str
    since: str
    data: bytes


class DataFile:
    """The file in a folder, of which this process is the only user until it closes it.

    Args:
        folder: is made if it is not there.

    Raises:
        CannotStart: the folder cannot be used, and is as it was.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        with ExitStack() as opened:
            self._open(folder, opened)
            self._opened = opened.pop_all()

    def _open(self, folder: Path, opened: ExitStack) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            opened.callback(os.close, _locked(folder))
            if not self._path.exists():
                _create(self._path)
            _check_header(self._path)
            self._database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            opened.callback(self._database.close)
            self._database.executescript("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = NORMAL;")
            with self:  # which tells that it can be written to
                (found,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise _damaged(self._path, found)
            items = self._database.execute("SELECT owner, item FROM items").fetchall()
            records = self._database.execute(
                "SELECT owner, old, new FROM records ORDER BY owner, number"
            ).fetchall()
            self._items = _grouped((owner, _item(item)) for owner, item in items)
            self._records = _grouped(
                (owner, Record(old and _item(old), new and _item(new))) for owner, old, new in records
            )
        except (OSError, sqlite3.OperationalError) as error:
            raise CannotStart(f"Data cannot be kept in {folder}: {error}. Choose another folder.") from None
        except (sqlite3.DatabaseError, ValueError) as error:
            raise _damaged(self._path, str(error)) from None

    def items(self, table: str) -> list[dict[str, Any]]:
        """The items that were kept of a table; they are given once."""
        return self._items.pop(table, [])

    def records(self, table: str) -> list[Record]:
        """The records that were kept of a table's stream, in their order; they are given once."""
        return self._records.pop(table, [])

    def objects(self, bucket: str) -> list[Object]:
        """The objects that are kept of a bucket."""
        rows = self._database.execute("SELECT key, since, data FROM objects WHERE owner = ?", (bucket,))
        return [Object(*row) for row in rows]

    def renumber(self, table: str, records: Iterable[Record], first: int) -> None:
        """Keep these records, numbered from `first` on, and no others."""
        with self:
            self._database.execute("DELETE FROM records WHERE owner = ?", (table,))
            self._insert(table, records, first)

    def add(self, table: str, records: Iterable[Record], first: int, keys: Iterable[dict[str, Any]]) -> None:
        """Keep changes of items; within a transaction, see `__enter__`.

        Args:
            table: its name.
            records: what changed, in order.
            first: the number of the first record.
            keys: the key of the item that each is about.
        """
        records = list(records)
        self._insert(table, records, first)
        for record, key in zip(records, keys, strict=True):
            row = (table, json.dumps(key, sort_keys=True))
            if record.new is None:
                self._database.execute("DELETE FROM items WHERE owner = ? AND key = ?", row)
            else:
                self._database.execute("REPLACE INTO items VALUES (?, ?, ?)", (*row, _text(record.new)))

    def forget_records(self, table: str, end: int) -> None:
        """The records before this number were worked off."""
        self._database.execute("DELETE FROM records WHERE owner = ? AND number < ?", (table, end))

    def forget_table(self, table: str) -> None:
        """The table was deleted."""
        for name in ("items", "records"):
            self._database.execute(f"DELETE FROM {name} WHERE owner = ?", (table,))  # noqa: S608 (our names)

    def put_object(self, bucket: str, kept: Object) -> None:
        """Keep an object."""
        self._database.execute("REPLACE INTO objects VALUES (?, ?, ?, ?)", (bucket, *kept))

    def delete_object(self, bucket: str, key: str) -> None:
        """The object was deleted."""
        self._database.execute("DELETE FROM objects WHERE owner = ? AND key = ?", (bucket, key))

    def _insert(self, table: str, records: Iterable[Record], first: int) -> None:
        self._database.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?)",
            (
                (table, number, *(image and _text(image) for image in record))
                for number, record in enumerate(records, first)
            ),
        )

    def __enter__(self) -> None:
        """Begin a transaction: what is changed until the context is left is kept as a whole, or not."""
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._database.execute("ROLLBACK" if kind else "COMMIT")

    def close(self) -> None:
        """Let the folder go."""
        self._opened.close()


def _locked(folder: Path) -> int:
    """A lock on the folder, held as long as the file descriptor is open.

    Raises:
        CannotStart: another server has it.
    """
    lock = os.open(folder, os.O_RDONLY)
    deadline = time.monotonic() + LOCK_SECONDS
    waits = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise CannotStart(
                    f"The data in {folder} is in use by another server. Stop that one, or choose another "
                    "folder."
                ) from None
            if not waits:
                logger.warning("Another server has %s. Waiting, in case it is about to end.", folder)
            waits = True
            time.sleep(0.05)
        else:
            return lock


def _create(path: Path) -> None:
    """An empty file, which is there as a whole or not at all."""
    begun = path.with_suffix(".begun")
    begun.unlink(missing_ok=True)
    database = sqlite3.connect(begun)
    try:
        database.executescript(_SCHEMA)
    finally:
        database.close()
    begun.replace(path)


def _check_header(path: Path) -> None:
    """Look at the file's first bytes, before SQLite does: it would change some files by looking.

    Raises:
        CannotStart: it is no file of this format.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_SIZE)
    if len(header) < _HEADER_SIZE or not header.startswith(_MAGIC):
        raise _damaged(path, "it is no SQLite file")
    (application,) = struct.unpack_from(">i", header, _APPLICATION_AT)
    (found,) = struct.unpack_from(">i", header, _FORMAT_AT)
    if (application, found) != (_APPLICATION, FORMAT):
        of = (
            f"another version of Turnlog (format {found})"
            if application == _APPLICATION
            else "another program"
        )
        raise CannotStart(
            f"{path} was written by {of}; this version reads format {FORMAT}. It is left as it is. "
            "Choose another folder."
        )


def _damaged(path: Path, why: str) -> CannotStart:
    return CannotStart(
        f"{path} is damaged: {' '.join(why.split())}. It is left as it is. Move it away, or choose another "
        "folder."
    )


def _text(item: dict[str, Any]) -> str:
    """An item as JSON; bytes are in base64, as in the API."""
    return json.dumps(item, default=lambda value: b64encode(value).decode())


def _item(text: str) -> dict[str, Any]:
    """The item that `_text` wrote."""
    item: dict[str, Any] = json.loads(text, object_hook=_with_bytes)
    return item


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    # An attribute that is named B has an object as its value, and no text.
    match value:
        case {"B": str(text)}:
            return {"B": b64decode(text)}
        case {"BS": list(texts)}:
            return {"BS": [b64decode(text) for text in texts]}
    return value


def _grouped(rows: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for owner, row in rows:
        groups.setdefault(owner, []).append(row)
    return groups
