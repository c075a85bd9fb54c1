"""Every link within the documentation leads somewhere."""

from pathlib import Path

import pytest

from .pages import DOCS, ROOT, anchors, links

PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "sdk" / "README.md", ROOT / "bench" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_resolves(page: Path) -> None:
    assert [link for link in links(page) if not resolves(page, link)] == []


def resolves(page: Path, link: str) -> bool:
    if link.startswith("https://"):
        return True
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


@pytest.mark.parametrize("link", ["nowhere.md", "#nowhere", "tutorial.md#nowhere", "../../etc", "examples#x"])
def test_a_link_that_leads_nowhere_is_found(link: str) -> None:
    assert not resolves(DOCS / "README.md", link)


def test_every_page_can_be_reached_from_the_index() -> None:
    due, reached = [DOCS / "README.md"], set[Path]()
    while due:
        page = due.pop()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            due += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link]
    # Decisions are reached by their folder.
    assert set(DOCS.glob("*.md")) - reached == set()
    assert len(reached) > 15
