"""Coverage-guided fuzz of the parsers that strangers reach; long runs by `./dev prove fuzz`."""

import os
import re
import sys

import pytest

from diyalog.api import strict_json
from diyalog.domain import signature
from diyalog.server import frames
from fuzz.guided import BrokenError, Search, Target, shortened
from fuzz.parsers import BODY, FRAMES, HEAD

TIMES = int(os.environ.get("DIYALOG_TEST_FUZZ", "1"))
"""How many times the runs that `./dev test` has time for."""
SEED = int(os.environ.get("DIYALOG_TEST_SEED", "1"))
ACCEPTED = "None 4"
REFUSALS = ("(400, 'Req", "(400, 'Authorization failed due to data", "(400, 'Authorization failed due to date")


@pytest.mark.parametrize(
    ("target", "runs", "kinds"),
    [
        (HEAD, 1500, {ACCEPTED[:4], *REFUSALS, "(401", "(403"}),
        (BODY, 4000, {"it is not UTF-8", "it is not valid", "it is nested", "a name", "UnsetType", "str", "a string"}),
        (
            FRAMES,
            500,
            {"['text'", "['close'", "['ping'", *(f"[] {code}" for code in (0, 1002, 1003, 1007, 1008, 1009))},
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Target) else "",
)
def test_a_parser_reads_as_its_rules_say(target: Target, runs: int, kinds: set[str]) -> None:
    search = Search(target, SEED)
    search.work(runs * TIMES)
    sys.stdout.write(f"{target.name}: {runs * TIMES} runs, {len(search.corpus)} kept, {len(search.places)} places\n")
    missed = {kind for kind in kinds if not any(place[0].startswith(kind) for place in search.places)}
    assert missed == set(), "no input had this result"
    assert len(search.corpus) > 2 * len(target.seeds), "the changes reach what the seeds do not"


@pytest.mark.parametrize(
    ("target", "module", "name", "wrong"),
    [
        (HEAD, signature, "CLOCK_WINDOW_MS", 901_000),
        (HEAD, signature, "_BLANKS", b" "),
        (BODY, strict_json, "DEEPEST", 17),
        (BODY, strict_json, "_NUL_OR_SURROGATE", re.compile("[\ud800-\udfff]")),
        (FRAMES, frames, "MAX_FRAGMENTS", 4),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_mistake_is_found(
    target: Target, module: object, name: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, wrong)
    with pytest.raises(BrokenError) as found:
        Search(target, SEED).work(20_000)
    sys.stdout.write(f"{found.value}\n")


def _toy(data: bytes) -> str:
    """Fails at three bytes that chance alone would hit once in sixteen million."""
    for place, byte in enumerate(b"fox"):
        if data[place : place + 1] != bytes([byte]):
            return str(place)
    raise ValueError("there")


def _toy_search(seed: int) -> Search:
    return Search(Target("toy", _toy, [b"...."], [b"?"], []), seed)


def test_what_is_kept_leads_to_what_chance_would_not_find() -> None:
    with pytest.raises(BrokenError) as found:
        _toy_search(3).work(200_000)
    assert found.value.data == b"fox", "made as short as can be"


def test_a_seed_is_the_same_search_each_time() -> None:
    first, second = Search(BODY, SEED), Search(BODY, SEED)
    first.work(200)
    second.work(200)
    assert first.corpus == second.corpus
    assert first.places == second.places


def test_a_failing_input_loses_what_it_does_not_need() -> None:
    def check(data: bytes) -> str:
        assert b"ab" not in data.replace(b"-", b"")
        return ""

    assert shortened(check, b"xxxxa--------bxx" * 3) == b"ab"
