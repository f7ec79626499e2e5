"""A file's item, which says what its bytes are; the bytes themselves are an object in the bucket.

The item is written once and never changed. So a file is, for its readers:

| state | item | marker | object | what comes next |
|---|---|---|---|---|
| promised | yes | yes | no | the client puts the object; when the marker ends, the item goes |
| there | yes | for a day | yes | it is deleted, or goes with its session; a body goes with the marker |
| deleted | no | for a day | may come late | when the marker ends, the object goes once more |

Whether the bytes have come the bucket alone knows, and is asked each time: that costs less than the write by
which the table would know it, and cannot be wrong.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from turnlog.limits import UPLOAD_DAYS
from turnlog.records.expressions import attribute, put
from turnlog.records.keys import parse_file

if TYPE_CHECKING:
    from datetime import datetime

    from turnlog.records.item import Item
    from turnlog.records.keys import FileKey

_NEW = "attribute_not_exists(#PK)"
_STRINGS = ("name", "media_type", "sha256", "created_at")


class File(NamedTuple):
    """What is known of a file.

    Attributes:
        size: bytes.
        sha256: of the bytes, as 64 hexadecimal digits.
        body: it is the body of a request: it is in no list, and goes after a day.
    """

    key: FileKey
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: str
    body: bool = False

    def item(self) -> Item:
        """The item."""
        texts = {name: attribute(getattr(self, name)) for name in _STRINGS}
        body = {"body": {"BOOL": True}} if self.body else {}
        return {**self.key.item, **texts, "size": attribute(self.size), **body}

    def shown(self) -> dict[str, Any]:
        """What an answer says of it."""
        texts = {name: getattr(self, name) for name in _STRINGS}
        return {"file_id": self.key.file_id, **texts, "size": self.size}


def from_item(item: Item) -> File:
    """The file in an item."""
    texts = {name: item[name]["S"] for name in _STRINGS}
    return File(parse_file(item), size=int(item["size"]["N"]), body="body" in item, **texts)


def promised(file: File, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The writes of a new file and its marker; a late one brings back no file that was deleted since."""
    return {"Put": put(file.item(), condition=_NEW)}, marker_put(file.key, now, condition=_NEW)


def marker_put(key: FileKey, now: datetime, *, condition: str = "") -> dict[str, Any]:
    """The write of the marker that asks after a day what is to become of the bytes."""
    ends = int((now + timedelta(days=UPLOAD_DAYS)).timestamp())
    # `file_id` is for the filter of the table's stream.
    item = {**key.look, "file_id": attribute(key.file_id), "expires_at": attribute(ends)}
    return {"Put": put(item, condition=condition)}
