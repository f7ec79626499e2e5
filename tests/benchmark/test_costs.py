"""The costs in infra/README.md are what the counted units and the prices come to."""

from __future__ import annotations

import pytest

from infra.template import TEMPLATE
from tests.benchmark import costs


def test_the_readme_has_the_table_as_it_is_computed() -> None:
    assert costs.table() in (TEMPLATE.parent / "infra" / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_the_table_of_readers() -> None:
    assert costs.readers() in (TEMPLATE.parent / "infra" / "README.md").read_text(encoding="utf-8")


def test_the_readme_counts_the_units_as_they_are_counted() -> None:
    units, readme = costs.counted(), (TEMPLATE.parent / "infra" / "README.md").read_text(encoding="utf-8")
    assert f"{units.append:g} write units an append" in readme
    assert f"{units.cold:g} read units a read without a cache, {units.warm:g} with one" in readme


@pytest.mark.parametrize(
    ("amount", "expected"), [(0, 0.0), (300, 300.0), (301, 300.9), (1_500, 300 + 1_200 * 0.9)]
)
def test_a_price_with_steps(amount: float, expected: float) -> None:
    assert costs.price(amount * costs.MILLION, costs.HTTP_API) == pytest.approx(expected)
