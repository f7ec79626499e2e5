from __future__ import annotations

import json

from infra.openapi import rendered
from infra.template import routes


def test_it_has_every_route_and_no_other() -> None:
    paths = json.loads(rendered())["paths"]
    documented = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert documented == {(route.method, route.documented) for route in routes()}


def test_every_reference_leads_somewhere() -> None:
    document = json.loads(rendered())
    schemas = document["components"]["schemas"]
    references = {part.split('"')[0] for part in rendered().split("#/components/schemas/")[1:]}
    assert references <= set(schemas)
    assert len(references) > 10


def test_every_operation_says_what_may_go_wrong() -> None:
    for path, methods in json.loads(rendered())["paths"].items():
        for operation in methods.values():
            statuses = set(operation["responses"])
            assert "503" in statuses
            assert ("401" in statuses) == ("422" in statuses) == (path != "/health")
