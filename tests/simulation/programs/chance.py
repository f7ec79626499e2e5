"""What programs draw by chance, ids and jitter, drawn from a seed: else no schedule could be replayed."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Python's own generator, and the system's (of which `uuid4` draws), give what this seed gives."""
    before = random.getstate()
    random.seed(seed)
    try:
        with patch.object(os, "urandom", random.Random(seed).randbytes):
            yield
    finally:
        random.setstate(before)
