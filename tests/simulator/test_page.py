"""The simulator's page names everything there is."""

import argparse
from pathlib import Path

import pytest

from diyalog.cli import simulate
from diyalog.simulator.behaviour import Action, Endpoint

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("action", Action)
def test_every_action(action: Action) -> None:
    assert PAGE.count(f"| `{action}`") + PAGE.count(f"| `{action}=") == 1


@pytest.mark.parametrize("endpoint", Endpoint)
def test_every_endpoint(endpoint: Endpoint) -> None:
    assert f"`--{endpoint}" in PAGE


def test_every_flag() -> None:
    parser = argparse.ArgumentParser()
    simulate.add_parser(parser.add_subparsers())
    shown = parser.parse_args(["simulate", "company"])
    names = set(vars(shown)) - {"run", "what"}
    assert len(names) > 10
    assert [name for name in names if f"`--{name.replace('_', '-')}" not in PAGE] == []
