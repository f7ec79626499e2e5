"""What the code has of the template: where each operation is served, and a handler for each.

`template.yaml` is not in the package. So `make generate` writes `turnlog/http/routes.py` from it, and a file
in `functions/` for each operation that is served over HTTP. `--check` fails if one of these is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from infra.generated import write_or_check
from infra.template import routes, streaming_routes

if TYPE_CHECKING:
    from infra.template import Route

ROOT = Path(__file__).parent.parent

_ROUTES = '''"""Where each operation is served. Written by `make generate`, from the template: change that."""

from __future__ import annotations

ROUTES = {{
{lines}}}
"""By an operation's name: method and path."""
'''
_FUNCTION = '''"""{route.method} {route.documented}."""

# Written by `make generate`, from the template: change that.
from turnlog.http.endpoints.{route.function.operation} import handler

__all__ = ["handler"]
'''


def rendered() -> dict[Path, str]:
    """By file, what is written to it."""
    lines = "".join(_line(route) for route in routes())
    files = {ROOT / "shared" / "turnlog" / "http" / "routes.py": _ROUTES.format(lines=lines)}
    for route in [*routes(), *streaming_routes()]:
        files[ROOT / "functions" / f"{route.function.operation}.py"] = _FUNCTION.format(route=route)
    return files


def _line(route: Route) -> str:
    return f'    "{route.function.operation}": ("{route.method}", "{route.documented}"),\n'


if __name__ == "__main__":
    sys.exit(write_or_check(rendered()))
