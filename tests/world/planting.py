"""Playing the simulated world with a planted bug: the program with one mistake in it."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from diyalog.storage.statements import load_statements, store_files
from world.database import Database
from world.node import Times
from world.plan import Plan, plan_of
from world.simulation import ViolationError, simulate

STATEMENTS: Final = load_statements(*store_files("sqlite"))
SEEDS: Final = 400
"""Within so many seeds a planted bug is found; most are in the first ten."""


def caught(why: str, change: Callable[[Plan], Plan] = lambda plan: plan) -> None:
    """Play seeds until one breaks a promise; its message must match `why`. The company's queue routes."""

    def plan(seed: int) -> Plan:
        usual = plan_of(seed)
        return change(replace(usual, rules=None, times=replace(usual.times, limit=Times.limit)))

    caught_in(plan, why)


def caught_in(plan: Callable[[int], Plan], why: str) -> None:
    """The same in the worlds of one's own plan."""
    with Database(plan(1).statements) as database:
        for seed in range(1, SEEDS + 1):
            try:
                simulate(seed, plan(seed), database)
            except ViolationError as violation:
                assert re.search(why, str(violation)), f"caught, but for another reason: {violation}"  # noqa: PT017
                return
    pytest.fail(f"not caught in {SEEDS} seeds")


def caught_with(why: str, **statements: str) -> None:
    """The same for a bug in the SQL."""
    assert statements.keys() <= STATEMENTS.keys()
    caught(why, lambda plan: replace(plan, statements=statements))


def without(statement: str, text: str, instead: str = "") -> str:
    """A named statement with one part left out."""
    assert text in STATEMENTS[statement]
    return STATEMENTS[statement].replace(text, instead)
