"""The simulated world: thousands of schedules, each a seed, in which everything goes wrong that may, and no promise
is broken. docs/proof.md says how to replay a seed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from world.database import Database
from world.faults import Fault
from world.simulation import Shown, simulate

ROOT = Path(__file__).parents[2]
PLAY = Path(__file__).with_name("play.py")
FIRST = int(os.environ.get("DIYALOG_TEST_FIRST_WORLD", "1"))
WORLDS = int(os.environ.get("DIYALOG_TEST_WORLDS", "10000"))
ENDS = {
    "NOT_DELIVERED/queue",
    "CANCELLED/customer",
    "CANCELLED/replaced",
    "EXPIRED/time_limit",
    "EXPIRED/abandoned",
    "FAILED/queue_refused",
    "FAILED/queue_timeout",
    "CONNECTED/agent",
    "CONNECTED/customer",
    "CONNECTED/company",
    "CONNECTED/agent_lost",
    "CONNECTED/customer_lost",
}
PROCESSES = 2
LIMIT_S = 60 + WORLDS * 0.1


def begin(first: int, last: int, **environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(PLAY), str(first), str(last)],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: "subprocess.Popen[str]") -> dict[str, Any]:
    try:
        output, errors = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
    assert errors == "", errors
    shown: dict[str, Any] = json.loads(output)
    assert shown["broken"] == [], "\n".join(shown["broken"])
    return shown


@pytest.fixture(scope="module")
def shown() -> list[dict[str, Any]]:
    """All seeds, in two halves at the same time."""
    middle, last = FIRST + WORLDS // PROCESSES, FIRST + WORLDS - 1
    halves = [begin(FIRST, middle - 1), begin(middle, last)]
    try:
        return [finished(half) for half in halves]
    finally:
        for half in halves:
            half.kill()


def test_no_promise_is_broken_in_any_seed(shown: list[dict[str, Any]]) -> None:
    assert sum(half["seeds"] for half in shown) == WORLDS
    assert sum(half["waits"] for half in shown) >= WORLDS


def test_every_fault_has_struck(shown: list[dict[str, Any]]) -> None:
    struck = set().union(*(half["fired"] for half in shown))
    assert {fault.name for fault in Fault} - struck == set()


def test_waits_ended_in_every_way(shown: list[dict[str, Any]]) -> None:
    assert set().union(*(half["outcomes"] for half in shown)) == ENDS


def test_the_built_in_queue_offered_and_was_refused_in_every_way(shown: list[dict[str, Any]]) -> None:
    assert set().union(*(half["routed"] for half in shown)) == {"offered", "passed", "agent", "missed", "lost"}


def test_a_seed_replays_to_the_same_trace_in_another_process() -> None:
    first, second = begin(1, 40, PYTHONHASHSEED="1"), begin(1, 40, PYTHONHASHSEED="2")
    try:
        shown = [finished(first), finished(second)]
    finally:
        first.kill()
        second.kill()
    assert shown[0] == shown[1]
    assert shown[0]["steps"] > 10_000


def test_a_database_that_other_worlds_have_used_changes_nothing() -> None:
    def play(seed: int, database: Database) -> tuple[Shown, dict[str, list[tuple[Any, ...]]]]:
        return simulate(seed, database=database), database.content()

    with Database() as used:
        for seed in range(1, 31):
            with Database() as new:
                assert play(seed, used) == play(seed, new)
        used.clear()
        with Database() as new:
            assert used.content() == new.content()
