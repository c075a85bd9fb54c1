"""Changes of the rules that decide about waits, signatures and the outbox are noticed by their tests.

The whole run belongs to `./dev prove mutation`; here it is shown that it works, on changes picked by hand.
"""

import json
import os
import re
import subprocess
import sys
from functools import cache

import pytest

from mutation.killing import ROOT, TARGETS
from mutation.python_mutants import Mutant

CHOSEN = os.environ.get("DIYALOG_TEST_MUTATION", "")
LIST = ROOT / "docs" / "mutation.md"
SAMPLE = {
    "signature": "module: b'Mar' -> b'Marx'",
    "transitions": "module: Outcome.NOT_DELIVERED -> Outcome.EXPIRED",
}
LEAST_NOTICED = 0.95


@cache
def changes(name: str) -> list[Mutant]:
    return list(TARGETS[name].mutants(TARGETS[name].source))


def listed(name: str) -> set[str]:
    """The survivors of one target that the documentation gives a reason for."""
    text = LIST.read_text(encoding="utf-8")
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `` ?(.+?) ?`` \|", section, flags=re.MULTILINE))


def run(name: str, *only: str) -> tuple[set[str], int]:
    finished = subprocess.run(
        [sys.executable, "-m", "mutation.killing", name, *only],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=4 * 3600,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    return set(found["survivors"]), found["count"]


@pytest.mark.parametrize("name", TARGETS)
def test_changes_are_many_and_each_is_another_program(name: str) -> None:
    made = changes(name)
    assert len(made) >= 40
    assert len({mutant.key for mutant in made}) == len(made)
    assert len({mutant.source for mutant in made}) == len(made)
    assert TARGETS[name].source not in {mutant.source for mutant in made}


@pytest.mark.parametrize("name", TARGETS)
def test_every_listed_survivor_is_a_change_of_the_present_code(name: str) -> None:
    assert listed(name) <= {mutant.key for mutant in changes(name)}


@pytest.mark.parametrize("name", [CHOSEN] if CHOSEN else SAMPLE)
def test_changes_are_noticed_but_for_those_that_are_listed(name: str) -> None:
    if not CHOSEN:
        assert run(name, SAMPLE[name]) == (set(), 1)
        return
    survivors, count = run(name)
    assert survivors == listed(name)
    assert count - len(survivors) >= LEAST_NOTICED * count
