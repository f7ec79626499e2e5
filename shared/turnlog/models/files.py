"""The body of a request about files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from turnlog.limits import FILE_NAME_LIMIT
from turnlog.models.common import Closed


class CreateFile(Closed):
    """The body of `POST /sessions/{session_id}/files`."""

    name: Annotated[
        str,
        StringConstraints(
            min_length=1, max_length=FILE_NAME_LIMIT, pattern=r"^[^/\\\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
        ),
    ] = Field(description="Under which a browser saves it: a name, not a path.")
    media_type: Annotated[
        str,
        StringConstraints(
            max_length=FILE_NAME_LIMIT,
            pattern=r"^[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+(; ?[!-:<-~]+)*$",
        ),
    ] = Field(description="Such as `image/png`. It is sent with the bytes.")
    size: int = Field(ge=0, lt=10**13, description="Bytes: what is sent has just as many.")
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] = Field(
        description="Of the bytes, as 64 hexadecimal digits in lower case."
    )
    purpose: Literal["file", "body"] = Field(
        default="file",
        description="`body`: it is the body of a request, which names it in its query (`body_file`). It is at"
        " most 64 MB, in no list, and goes after a day.",
    )
