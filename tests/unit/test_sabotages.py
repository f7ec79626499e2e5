"""The sabotages of `tests/mutants` fit the code as it is."""

from __future__ import annotations

from tests.mutants.__main__ import ROOT, sabotaged
from tests.mutants.catalogue import MUTANTS


def test_the_text_that_each_replaces_is_there_once() -> None:
    for mutant in MUTANTS:
        path, text = sabotaged(mutant)
        assert text != (ROOT / path).read_text(), mutant.name


def test_the_test_that_one_names_is_there() -> None:
    for mutant in MUTANTS:
        file, _, name = mutant.test.partition("::")
        assert not file or name.partition("[")[0] in (ROOT / file).read_text(), mutant.name
