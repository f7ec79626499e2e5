"""The body of a request about files."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from turnlog.limits import FILE_NAME_LIMIT
from turnlog.models.common import Closed

_NAME = r"^[^/\\\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
# A parameter's value is without spaces, or in quotes (RFC 9110, 5.6.6). Each text is read in one way only:
# else Python could take for ever to refuse one.
_TYPE = r"""^[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+(; ?([!#-:<-~]+|[!#-:<>-~]+="[ !#-~]*"))*$"""


def _name(name: str) -> str:
    if not 0 < len(name) <= FILE_NAME_LIMIT:
        raise ValueError(f"must be 1 to {FILE_NAME_LIMIT} characters")
    if not re.fullmatch(_NAME, name):
        raise ValueError("must be a name, not a path: without slashes, backslashes and control characters")
    return name


def _media_type(media_type: str) -> str:
    if len(media_type) > FILE_NAME_LIMIT:
        raise ValueError(f"must be at most {FILE_NAME_LIMIT} characters")
    if not re.fullmatch(_TYPE, media_type):
        raise ValueError("must be a media type, such as image/png or text/plain; charset=utf-8")
    return media_type


class CreateFile(Closed):
    """The body of `POST /sessions/{session_id}/files`."""

    name: Annotated[
        str,
        AfterValidator(_name),
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": FILE_NAME_LIMIT, "pattern": _NAME}),
    ] = Field(description="Under which a browser saves it: a name, not a path.")
    media_type: Annotated[
        str,
        AfterValidator(_media_type),
        WithJsonSchema({"type": "string", "maxLength": FILE_NAME_LIMIT, "pattern": _TYPE}),
    ] = Field(description="Such as `image/png`. It is sent with the bytes.")
    size: int = Field(ge=0, description="Bytes: what is sent has just as many.")
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{64}$", to_lower=True)] = Field(
        description="Of the bytes, as 64 hexadecimal digits."
    )
    purpose: Literal["file", "body"] = Field(
        default="file",
        description="`body`: it is the body of a request, which names it in its query (`body_file`). It is at"
        " most 64 MB, in no list, and goes after a day.",
    )
