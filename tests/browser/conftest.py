"""Gives every test of this folder a `site`, or the `gallery` of the page's screens."""

from collections.abc import AsyncIterator

import pytest

from browser.gallery import Gallery, opened
from kit.site import required_browser, site

__all__ = ["gallery", "site"]


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    """The gallery in a browser, which must have nothing to complain of in the end."""
    required_browser()
    async with opened() as browser:
        yield browser
    assert browser.complaints == []
