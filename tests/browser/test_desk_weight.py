"""The agent desk is light, and nobody else pays for it."""

import re

import pytest

from browser.test_page_weight import APP, HTML_KIB, KIB, STYLES_KIB, weight

SCRIPTS_KIB = 60


@pytest.fixture
def desk() -> str:
    file = APP / "agentchat.html"
    if not file.is_file():
        pytest.fail("the pages are not built: run ./dev setup")
    return file.read_text(encoding="utf-8")


def test_what_is_loaded_first_fits_its_budget(desk: str) -> None:
    scripts = re.findall(r'<script[^>]* src="/app/([^"]+)"', desk)
    styles = re.findall(r'<link rel="stylesheet"[^>]* href="/app/([^"]+)"', desk)
    assert len(scripts) == 2, "support.js and the desk"
    assert len(styles) == 2, "the company's colours and the desk"
    assert 1 * KIB < weight(scripts) <= SCRIPTS_KIB * KIB
    assert 1 * KIB < weight(styles) <= STYLES_KIB * KIB
    assert weight(["agentchat.html"]) <= HTML_KIB * KIB


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(desk: str) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]+)"', desk)
    assert len(addresses) >= 5
    assert [address for address in addresses if not address.startswith("/app/")] == []
    assert re.findall(r"<style|style=|\bon\w+=|<script(?![^>]* src=)", desk) == []


def test_the_customers_page_carries_nothing_of_the_desk(desk: str) -> None:
    page = (APP / "help.html").read_text(encoding="utf-8")
    assets = re.compile(r"/app/(assets/[^\"]+)")
    shared = set(assets.findall(page)) & set(assets.findall(desk))
    assert shared == set()
    for name in assets.findall(page):
        text = (APP / name).read_text(encoding="utf-8")
        assert "/v1/staff" not in text, name
        assert "Temsilci masası" not in text, name
