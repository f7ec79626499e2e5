"""Keeps what moto holds, table by table and bucket by bucket, in a `DataFile`.

A table or bucket that is made gets what was kept under its name. So the definitions are not kept: a table
has the index that the template gives it today. A table without a stream is not kept, nor is a second one of
the same name in another region.

The stream is kept up to where its reader is: a purge that was cut off is called again after a restart.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.s3.models import S3Backend

from infra.local.data import Object, Record
from infra.template import ttl_attribute
from turnlog.records.keys import ANSWER_PREFIX

if TYPE_CHECKING:
    from moto.dynamodb.models.table import StreamShard, Table
    from moto.s3.models import FakeKey

    from infra.local.data import DataFile


class _Stream:
    """How far a table's stream is kept.

    Attributes:
        written: records that are in the file, or were.
        read: records that the stream's reader has worked off.
    """

    def __init__(self, shard: StreamShard) -> None:
        self.shard = shard
        self.written = len(self.shard.items)
        self.read = self.forgotten = 0


class Kept:
    """What moto holds, kept in a file. All calls come one at a time.

    Args:
        file: where.
    """

    def __init__(self, file: DataFile) -> None:
        self._file = file
        self._streams: dict[str, _Stream] = {}
        self._deleted_tables: list[str] = []
        self._objects: dict[tuple[str, str], FakeKey | None] = {}  # that changed; None: deleted

    def watch(self) -> None:
        """Have moto tell what is made and changed, but for items: those its stream tells."""
        create_table, delete_table = DynamoDBBackend.create_table, DynamoDBBackend.delete_table
        create_bucket, put_object = S3Backend.create_bucket, S3Backend.put_object
        delete_object = S3Backend.delete_object

        def table_created(backend: DynamoDBBackend, name: str, *given: Any, **more: Any) -> Any:
            table = create_table(backend, name, *given, **more)
            self._fill_table(table)
            return table

        def table_deleted(backend: DynamoDBBackend, name: str) -> Any:
            table = delete_table(backend, name)
            stream = self._streams.get(table.name)
            if stream and stream.shard is table.stream_shard:
                del self._streams[table.name]
                self._deleted_tables.append(table.name)
            return table

        def bucket_created(backend: S3Backend, bucket_name: str, *given: Any, **more: Any) -> Any:
            bucket = create_bucket(backend, bucket_name, *given, **more)
            for kept in self._file.objects(bucket_name):
                put = put_object(backend, bucket_name, kept.key, kept.data)
                put.last_modified = datetime.fromisoformat(kept.since)
            return bucket

        def object_put(backend: S3Backend, bucket_name: str, key_name: str, *given: Any, **more: Any) -> Any:
            put = put_object(backend, bucket_name, key_name, *given, **more)
            # What the bucket's rule deletes after a day would make the file grow for ever.
            if not key_name.startswith(ANSWER_PREFIX):
                self._objects[bucket_name, key_name] = put
            return put

        def object_deleted(
            backend: S3Backend, bucket_name: str, key_name: str, *given: Any, **more: Any
        ) -> Any:
            answer = delete_object(backend, bucket_name, key_name, *given, **more)
            self._objects[bucket_name, key_name] = None
            return answer

        for owner, name, replacement in (
            (DynamoDBBackend, "create_table", table_created),
            (DynamoDBBackend, "delete_table", table_deleted),
            (S3Backend, "create_bucket", bucket_created),
            (S3Backend, "put_object", object_put),
            (S3Backend, "delete_object", object_deleted),
        ):
            setattr(owner, name, replacement)

    def worked_off(self, shard: Any, sequence_number: int) -> None:
        """The reader of a stream asks for what begins here: it is done with what is before."""
        for stream in self._streams.values():
            if stream.shard is shard:
                stream.read = max(stream.read, sequence_number - shard.starting_sequence_number)

    def commit(self) -> None:
        """Keep what has changed since this was called last.

        Raises:
            sqlite3.Error: it is not kept; it is tried again by the next call.
        """
        due = [(name, stream, stream.shard.items[stream.written :]) for name, stream in self._streams.items()]
        due = [one for one in due if one[2] or one[1].read > one[1].forgotten]
        if not (due or self._objects or self._deleted_tables):
            return
        with self._file:
            for name in self._deleted_tables:
                self._file.forget_table(name)
            for name, stream, records in due:
                changes = [one.record["dynamodb"] for one in records]
                self._file.add(
                    name,
                    [Record(change.get("OldImage"), change.get("NewImage")) for change in changes],
                    stream.written,
                    [change["Keys"] for change in changes],
                )
                self._file.forget_records(name, stream.read)
            for (bucket, key), put in self._objects.items():
                if put is None:
                    self._file.delete_object(bucket, key)
                else:
                    self._file.put_object(bucket, Object(key, put.last_modified.isoformat(), put.value))
        for _, stream, records in due:
            stream.written += len(records)
            stream.forgotten = stream.read
        self._objects.clear()
        self._deleted_tables.clear()

    def _fill_table(self, table: Table) -> None:
        shard = table.stream_shard
        if shard is None or table.name in self._streams or table.name in self._deleted_tables:
            return
        # Its items are not told again, but for those that end.
        for attributes in self._file.items(table.name):
            item = _item(table, attributes)
            table.items[item.hash_key][item.range_key] = item
            if ttl_attribute() in attributes:
                # Time to live is noted by whoever reads the stream.
                shard.add(item, item)
        records = self._file.records(table.name)
        self._file.renumber(table.name, records, len(shard.items))
        for record in records:
            old, new = (_item(table, image) if image else None for image in record)
            shard.add(old, new)
        self._streams[table.name] = _Stream(shard)


def _item(table: Table, attributes: dict[str, Any]) -> Item:
    hash_key, range_key = (DynamoType(attributes[name]) for name in table.table_key_attrs)
    return Item(hash_key, range_key, attributes)
