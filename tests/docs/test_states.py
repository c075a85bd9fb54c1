"""The page of states is the one that the table of transitions makes, and CONTRIBUTING knows its way about."""

import re

from diyalog.domain.transitions import Event

from .pages import DOCS, ROOT
from .state_diagram import page


def test_the_page_is_up_to_date() -> None:
    made = "write it anew: .venv/bin/python tests/docs/state_diagram.py > docs/states.md"
    assert (DOCS / "states.md").read_text("utf-8") == page(), made


def test_every_event_is_an_arrow_of_the_diagram() -> None:
    diagram = re.search(r"```mermaid\n(.+?)```", page(), re.DOTALL)
    assert diagram is not None
    labels = re.findall(r": (.+)", diagram.group(1))
    assert {word for label in labels for word in re.findall(r"\w+", label)} >= set(Event)


def test_every_room_that_contributing_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:src|tests|docs|web|sdk|bench)/[^`*\s]*)`", text))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_package_has_its_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    packages = [path.parent.name for path in (ROOT / "src" / "diyalog").glob("*/__init__.py")]
    assert [name for name in packages if f"src/diyalog/{name}/" not in text] == []
