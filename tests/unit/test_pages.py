"""The pages of the documentation lead where they say, and their lists of contents are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import LANGUAGES, ROOT, Page, anchor, pages

PAGES = pages()
LONG = 1_300  # words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    for link in page.links():
        file, _, section = link.partition("#")
        target = (page.path.parent / file).resolve() if file else page.path
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if section:
            known = [anchor(title) for title in Page(target.relative_to(ROOT).as_posix()).headings()]
            assert section in known, f"{page.name} links to {link}; the sections there are {known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_list_of_contents_is_whole(page: Page) -> None:
    if listed := page.contents():
        assert listed == [anchor(title) for title in page.headings(2)]
    elif page.name != "CHANGELOG.md":
        assert len(page.text.split()) < LONG, f"{page.name} is long: it needs a list of contents"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_say_what_they_are(page: Page) -> None:
    """Else an example in another language would be run by nobody."""
    assert {block.language for block in page.blocks()} <= LANGUAGES


def test_every_page_is_found_from_the_readme() -> None:
    readme = Page("README.md")
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in readme.links()}
    assert [page.name for page in PAGES if page.path not in linked and page.path != Path(readme.path)] == []
