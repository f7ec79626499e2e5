"""What the README shows of a program does what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infra.template import TEMPLATE

if TYPE_CHECKING:
    import pytest

    from infra.local.server import LocalServer


def test_the_readmes_example(server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    readme = (TEMPLATE.parent / "README.md").read_text(encoding="utf-8")
    (example,) = [
        block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "AsyncTurnlog(" in block
    ]
    exec(example, {})  # noqa: S102 (ours)
    assert "['Hello']" in capsys.readouterr().out
