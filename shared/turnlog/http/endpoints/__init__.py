"""One operation a module: what it takes, what it answers, and the one call that it makes.

A Lambda function loads only its own module; a program on the table loads those that it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnlog.http.endpoint import Endpoint


def load(operation: str) -> Endpoint:
    """The endpoint of an operation, by its name in the template's handlers, such as `append_messages`."""
    endpoint: Endpoint = import_module(f"{__name__}.{operation}").handler
    return endpoint
