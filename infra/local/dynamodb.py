"""The embedded DynamoDB: moto as a server in a process of its own.

`python -m infra.local.dynamodb PORT FOLDER ADDRESS...`, where port 0 is any that is free, and an empty folder
keeps everything in memory; what is kept in a folder is in `data.py`.

It prints its port, or in one line why it does not start, and serves until its standard input ends, so that it
cannot outlive who started it. Whom it answers is in `access.py`: moto itself asks nobody, and lets pages of
any origin read all.

moto is not atomic under threads, so one call runs at a time. And what it does costs more with every item in
the table, where here it does not: `TransactWriteItems` copies the table first, to have something to go back
to (56 ms at 1,200 items; here it goes back by the items that the transaction names), and `Query` sorts the
table (here the partition). To write an answer takes it a third of its time, most of it to look for names that
an attribute value never has.
"""

from __future__ import annotations

import copy
import logging
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.responses import S3Response
from werkzeug import Response
from werkzeug.serving import make_server

from infra.local.access import Forbidden, ThisMachine
from infra.local.data import DataFile
from infra.local.errors import CannotStart
from infra.local.kept import Kept
from infra.local.payload import Refusal, problem
from infra.local.presigned import Presigned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

_moto_transact_write_items = DynamoDBBackend.transact_write_items
_moto_query = Table.query
_moto_get_value = ResponseSerializer.get_value
_moto_get_records = DynamoDBStreamsBackend.get_records


def _transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """moto's, and when it fails the items named in it and the stream are put back as they were."""
    undo = [_undo(backend, write) for entry in transact_items for write in entry.values()]
    try:
        _moto_transact_write_items(backend, transact_items)
    except Exception:
        for put_back in undo:
            put_back()
        raise


def _undo(backend: DynamoDBBackend, write: dict[str, Any]) -> Callable[[], None]:
    """What puts back the item that `write` is about. moto changes items in place, hence the copy."""
    table = backend.get_table(write["TableName"])
    hash_key, range_key = backend.get_keys_value(table, write.get("Key") or write["Item"])
    before = copy.deepcopy(table.get_item(hash_key, range_key))
    stream = table.stream_shard.items if table.stream_shard else []
    streamed = len(stream)

    def put_back() -> None:
        if before is None:
            table.items[hash_key].pop(range_key, None)
        else:
            table.items[hash_key][range_key] = before
        del stream[streamed:]

    return put_back


def _query(table: Table, *arguments: Any, **named: Any) -> Any:
    """moto's, of a table that has nothing but the partition."""
    whole = table.items
    table.items = _partition(table, named["hash_key_conditions"])
    try:
        return _moto_query(table, *arguments, **named)
    finally:
        table.items = whole


def _partition(table: Table, conditions: list[tuple[str, Any]]) -> Any:
    """The table's items with these values, as the table holds them: by hash key, then by range key."""
    if [name for name, _ in conditions] == [table.hash_key_attr]:
        hash_key = conditions[0][1]
        return {hash_key: table.items[hash_key]} if hash_key in table.items else {}
    wanted = [(name, value.value) for name, value in conditions]
    return {
        hash_key: {
            range_key: item
            for range_key, item in items.items()
            if all(name in item.attrs and item.attrs[name].value == value for name, value in wanted)
        }
        for hash_key, items in table.items.items()
    }


def _get_records(backend: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
    """moto's, which keeps every iterator for ever; whoever polls uses each once."""
    records: dict[str, Any] = _moto_get_records(backend, iterator_arn, limit)
    del backend.shard_iterators[iterator_arn]
    return records


def _get_value(serializer: ResponseSerializer, value: Any, key: str, shape: Any) -> Any:
    """moto's, which looks for each of an attribute value's ten members under a dozen names; each has one."""
    if type(value) is dict and shape.parent.name == "AttributeValue":
        return value.get(key)
    return _moto_get_value(serializer, value, key, shape)


def _itself(table: Table, _memo: dict[int, Any]) -> Table:
    """The copy that moto takes before a transaction, and goes back to, is the table itself.

    Backups would copy a table too; they are not what this server is for.
    """
    return table


def _adjust_moto() -> None:
    for owner, name, replacement in (
        (DynamoDBBackend, "transact_write_items", _transact_write_items),
        (Table, "query", _query),
        (DynamoDBStreamsBackend, "get_records", _get_records),
        (ResponseSerializer, "get_value", _get_value),
        (Table, "__deepcopy__", _itself),
        # Where there is no object, moto takes a signed address for wrong; what is wrong, `Presigned` says.
        (S3Response, "_invalid_headers", lambda *_: False),
    ):
        setattr(owner, name, replacement)


def _check(machine: ThisMachine, environ: WSGIEnvironment) -> None:
    """Let a request pass that is of this machine, and for the table or the bucket.

    Raises:
        Forbidden: another one.
    """
    machine.check(environ)
    if environ["PATH_INFO"].startswith("/moto-api"):
        # Some of its routes change what is there upon a GET, to which any page may send a browser.
        raise Forbidden("moto's own API is switched off here.")


class NotKept(Refusal):
    """What a request changed could not be written to the file; memory and file differ until it can."""

    status, code, title = 500, "not_kept", "Not kept"


class Keeping:
    """moto, with what it changes kept before it answers.

    Args:
        moto: the application.
        kept: what keeps it.
    """

    def __init__(self, moto: WSGIApplication, kept: Kept) -> None:
        self._moto = moto
        self._kept = kept

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        response = Response.from_app(self._moto, environ)
        try:
            self._kept.commit()
        except sqlite3.Error as error:
            refusal = NotKept(f"The data folder cannot be written to: {error}.")
            logger.error("%s", refusal.detail)  # noqa: TRY400 (a full disk is no defect of ours)
            response = problem(refusal, __type="InternalServerError", message=refusal.detail)
        return response(environ, start_response)


def _keep(file: DataFile, moto: WSGIApplication) -> WSGIApplication:
    """Have moto's application keep what it holds in a file."""
    kept = Kept(file)
    kept.watch()
    get_records = DynamoDBStreamsBackend.get_records

    def read_on(backend: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
        iterator = backend.shard_iterators[iterator_arn]
        kept.worked_off(iterator.stream_shard, iterator.sequence_number)
        return get_records(backend, iterator_arn, limit)

    setattr(DynamoDBStreamsBackend, "get_records", read_on)  # noqa: B010 (as those above)
    return Keeping(moto, kept)


def _serve(port: int, addresses: list[str], file: DataFile | None) -> None:
    moto: WSGIApplication = DomainDispatcherApplication(create_backend_app)
    if file:
        moto = _keep(file, moto)
    machine = ThisMachine.from_environment()
    one_at_a_time = Lock()

    def alone(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with one_at_a_time:
            return moto(environ, start_response)

    checked = Presigned(alone)  # not the other way round: a slow upload would keep all others waiting

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            _check(machine, environ)
        except Forbidden as refused:
            logger.warning("Refused by the embedded table: %s", refused.detail)
            # With the members in which an AWS client looks for an error's code and text.
            told = problem(refused, __type="AccessDeniedException", message=refused.detail)
            return told(environ, start_response)
        return checked(environ, start_response)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for address in addresses:
        server = make_server(address, port, application, threaded=True)
        port = server.port
        Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        sys.stdin.read()
    if file:
        # A request that is under way is finished, and no other one begins.
        one_at_a_time.acquire()
        file.close()


def main() -> int:
    """Serve; the process's exit code."""
    _adjust_moto()
    port, folder, *addresses = sys.argv[1:]
    try:
        file = DataFile(Path(folder)) if folder else None
    except CannotStart as error:
        sys.stdout.write(f"{error}\n")
        return 2
    _serve(int(port), addresses, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
