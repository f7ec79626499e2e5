"""Where each operation is served, for the library: `template.yaml` says it, and is not in the package.

`make generate` writes `turnlog/http/routes.py`; `--check` fails if that is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.template import routes

MODULE = Path(__file__).parent.parent / "shared" / "turnlog" / "http" / "routes.py"

_HEAD = '''"""Where each operation is served. Written by `make generate`, from the template: change that."""

from __future__ import annotations

ROUTES = {
'''


def rendered() -> str:
    """The module."""
    lines = (
        f'    "{route.function.operation}": ("{route.method}", "{route.documented}"),\n' for route in routes()
    )
    return f'{_HEAD}{"".join(lines)}}}\n"""By an operation\'s name: method and path."""\n'


def main() -> int:
    """Write the module, or with `--check` compare it."""
    text = rendered()
    if "--check" in sys.argv[1:]:
        if MODULE.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write("shared/turnlog/http/routes.py is out of date: run `make generate`.\n")
        return 1
    MODULE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
