"""The customer's page stays light: it is opened on slow phones, by people who are in a hurry."""

import gzip
import re

import pytest

from kit.site import ROOT

APP = ROOT / "src" / "diyalog" / "static" / "app"
KIB = 1024
SCRIPTS_KIB, STYLES_KIB, HTML_KIB = 30, 6, 2


def weight(names: list[str]) -> int:
    """Bytes on the wire."""
    return sum(len(gzip.compress((APP / name).read_bytes(), 9)) for name in names)


@pytest.fixture
def page() -> str:
    file = APP / "help.html"
    if not file.is_file():
        pytest.fail("the pages are not built: run ./dev setup")
    return file.read_text(encoding="utf-8")


def test_what_is_loaded_first_fits_its_budget(page: str) -> None:
    scripts = re.findall(r'<script[^>]* src="/app/([^"]+)"', page)
    styles = re.findall(r'<link rel="stylesheet"[^>]* href="/app/([^"]+)"', page)
    assert len(scripts) == 2, "support.js and the page"
    assert len(styles) == 2, "the company's colours and the page"
    assert 1 * KIB < weight(scripts) <= SCRIPTS_KIB * KIB
    assert 1 * KIB < weight(styles) <= STYLES_KIB * KIB
    assert weight(["help.html"]) <= HTML_KIB * KIB


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(page: str) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) >= 5
    assert [address for address in addresses if not address.startswith("/app/")] == []
    assert re.findall(r"<style|style=|\bon\w+=|<script(?![^>]* src=)", page) == []
