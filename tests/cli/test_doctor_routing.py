"""`diyalog doctor` and the rules of the built-in queue."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.test_doctor import examined, says
from diyalog.cli.doctor_finding import Status
from diyalog.cli.doctor_routing import check_routing
from diyalog.settings import Settings

NOON = round(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp() * 1000)
"""A Monday."""
SKILLS = """
[[skill]]
name = "cards"
attached = { topic = ["card"] }
[[skill]]
name = "loans"
attached = { topic = ["loan"] }
[[agent]]
user_id = "1"
skills = ["cards"]
"""


def found(folder: Path, text: str) -> list[tuple[Status, str]]:
    file = folder / "routing.toml"
    file.write_text(text, encoding="utf-8")
    return [(one.status, one.found) for one in check_routing(Settings(routing_file=file), lambda: NOON)]


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("", Status.OK, "always open"),
        ("[hours]\nzone = 'UTC'\nmonday = ['09:00-18:00']", Status.OK, "open now, by the clock of UTC"),
        (
            "[hours]\nzone = 'Europe/Istanbul'\nmonday = ['09:00-15:00']\nfriday = ['09:00-12:00']",
            Status.OK,
            "closed, opens at 2026-11-27T06:00:00.000Z (Europe/Istanbul)",
        ),
        ("[hours]\nzone = 'UTC'", Status.WARN, "closed for the next month"),
    ],
)
def test_it_says_when_it_is_open(tmp_path: Path, text: str, status: Status, words: str) -> None:
    assert found(tmp_path, text)[0] == (status, words)


def test_it_counts_who_can_do_what_and_warns_of_what_nobody_can(tmp_path: Path) -> None:
    assert found(tmp_path, SKILLS)[1:] == [
        (Status.OK, "1 agents named, everybody else takes 3 at once; agents by skill: cards 1, loans 0"),
        (Status.WARN, "requests may need the skill 'loans', and no agent has it"),
    ]


def test_a_file_that_is_wrong_is_said_in_its_own_words(tmp_path: Path) -> None:
    [(status, words)] = found(tmp_path, "capacity = 0")
    assert status is Status.FAIL
    assert "capacity" in words


async def test_it_is_one_of_the_checks(tmp_path: Path) -> None:
    file = tmp_path / "routing.toml"
    file.write_text(SKILLS, encoding="utf-8")
    _, checks = await examined(tmp_path, routing_file=str(file))
    assert says(checks, "routing", "ok", "always open")
    _, checks = await examined(tmp_path)
    assert "routing" not in {check["check"] for check in checks}
