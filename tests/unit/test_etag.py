from __future__ import annotations

import pytest

from turnlog.http import etag


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"7"', {7}),
        ('W/"7"', {7}),  # a proxy that compresses weakens a tag; the version is still the one
        ('"7", "8"', {7, 8}),
        ('"7","8" ,W/"9"', {7, 8, 9}),
        ('"x", "7"', {7}),
        ("7", set()),
        ('"7', set()),
        ('"-7"', set()),
        ('"7.0"', set()),
        ('""', set()),
        ("", set()),
        ('"' + "9" * 16 + '"', set()),
        ('"' + "9" * 5_000 + '"', set()),
    ],
)
def test_versions_that_a_header_names(header: str, versions: set[int]) -> None:
    match = etag.parse(header)
    assert match is not None
    assert match == (False, frozenset(versions))
    assert not match.admits(-1)
    assert all(match.admits(version) for version in versions)
    assert not match.admits(10)


def test_a_star_admits_any_version() -> None:
    for header in ("*", " * "):
        match = etag.parse(header)
        assert match is not None
        assert match.admits(1)
    assert etag.parse('"*"') == (False, frozenset())


def test_no_header_is_no_condition() -> None:
    assert etag.parse(None) is None


def test_no_more_tags_than_dynamodb_compares_with() -> None:
    """An IN takes 100 operands."""
    match = etag.parse(", ".join(f'"{number}"' for number in range(1_000)))
    assert match is not None
    assert len(match.versions) == 99
