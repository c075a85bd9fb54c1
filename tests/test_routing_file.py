"""The rules file of the built-in queue: what it means, and what is refused with a line that says what to do."""

import re
from pathlib import Path

import pytest

from diyalog.domain.opening_hours import Span
from diyalog.domain.routing_rules import RoutingRules, comparable
from diyalog.routing_file import RoutingFileError, read_routing_rules

PAGE = Path(__file__).parents[1] / "docs" / "routing.md"


def read(folder: Path, text: str) -> RoutingRules:
    file = folder / "routing.toml"
    file.write_text(text, encoding="utf-8")
    return read_routing_rules(file)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == RoutingRules()


def test_the_example_of_the_page(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    rules = read(tmp_path, example)
    assert (rules.offer_ms, rules.everybody.capacity) == (20_000, 3)
    assert (rules.widen_after_ms, rules.end_after_ms, rules.nobody_after_ms) == (120_000, 900_000, 60_000)
    assert rules.hours is not None
    assert rules.hours.zone.key == "Europe/Istanbul"
    assert rules.hours.weekdays[4] == [Span(540, 1080)]
    assert rules.agent("31007").skills == {"cards", "english"}
    assert rules.agent("31007").capacity == 2
    assert rules.agent("31008").capacity == 3
    assert rules.agent("somebody else").skills == frozenset()
    assert rules.needs("chat", [("topic", "KART LİMİTİ")]) == ("cards",)
    assert rules.needs("chat", [("topic", "loan"), ("language", "EN")]) == ("english",)
    assert rules.needs("video_call", []) == ("video",)
    assert rules.needs("chat", []) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [("Kart limiti", "KART LİMİTİ"), ("kart limıtı", "KART LIMITI"), (" a ", "a"), ("ﬁ", "fi"), ("Straße", "STRASSE")],
)
def test_values_are_compared_as_people_would(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


def test_other_values_stay_apart() -> None:
    assert len({comparable(text) for text in ("kart", "kart1", "kasa", "kârt", "şart", "sart")}) == 6


def test_repeated_names_of_attached_data_all_count(tmp_path: Path) -> None:
    rules = read(tmp_path, '[[skill]]\nname = "cards"\nattached = { topic = ["a", "b"], kind = ["c"] }')
    assert rules.needs("chat", [("topic", "x"), ("topic", "b"), ("kind", "c")]) == ("cards",)
    assert rules.needs("chat", [("topic", "a")]) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("offer_seconds = 4", "`$.offer_seconds`"),
        ("offer_seconds = 301", "`$.offer_seconds`"),
        ("offer_second = 20", "unknown field `offer_second`"),
        ("capacity = 0", "`$.capacity`"),
        ("capacity = true", "`$.capacity`"),
        ("[give_up]\nend_after = 0", "`$.give_up.end_after`"),
        ("[messages]\nclosed = ''", "`$.messages.closed`"),
        ("[hours]\nmonday = ['09:00-18:00']", "required field `zone`"),
        (
            "[hours]\nzone = 'Europe/Ankara'",
            "hours.zone: there is no zone 'Europe/Ankara'; write one as Europe/Istanbul",
        ),
        ("[hours]\nzone = '../etc/passwd'", "hours.zone: there is no zone"),
        ("[hours]\nzone = ''", "hours.zone: there is no zone"),
        ("[hours]\nzone = 'UTC'\nmonday = ['9-18']", "hours.monday: '9-18' is no span; write one as 09:00-18:00"),
        ("[hours]\nzone = 'UTC'\nmonday = ['24:30-25:00']", "hours.monday: '24:30-25:00' is no span"),
        ("[hours]\nzone = 'UTC'\nmonday = ['09:00-24:30']", "hours.monday: '09:00-24:30' is no span"),
        ("[hours]\nzone = 'UTC'\nmonday = ['09:00-09:00']", "hours.monday: '09:00-09:00' is no span"),
        ("[hours]\nzone = 'UTC'\nmonday = ['09:00-12:00', '11:59-13:00']", "hours.monday: two spans overlap"),
        (
            "[hours]\nzone = 'UTC'\nmonday = ['22:00-02:00']\ntuesday = ['01:00-05:00']",
            "hours.tuesday: it begins before",
        ),
        ("[hours]\nzone = 'UTC'\nsunday = ['22:00-02:00']\nmonday = ['01:00-05:00']", "hours.monday: it begins before"),
        ("[hours]\nzone = 'UTC'\ndates = { '2026-02-30' = [] }", "hours.dates: '2026-02-30' is no date"),
        ("[hours]\nzone = 'UTC'\nnoday = []", "unknown field `noday`"),
        ("[[agent]]\nskills = ['cards']", "required field `user_id`"),
        ("[hours]\nzone = 'UTC'\ndates = { '20260203' = [] }", "hours.dates: '20260203' is no date"),
        (f"[messages]\nclosed = {'[' * 3000}", "is"),
        ("[[agent]]\nuser_id = '1'\n[[agent]]\nuser_id = '1'", "agent '1' stands there twice; keep one"),
        ("[[skill]]\nname = 'cards'", "skill 'cards' asks for nothing"),
        ("[[skill]]\nname = 'cards'\nattached = { topic = [] }", "skill 'cards': attached.topic is empty"),
        ("[[skill]]\nname = 'cards'\nhelp_types = ['fax']", "Invalid enum value 'fax'"),
        ("= nonsense", "is not a TOML file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(RoutingFileError) as refused:
        read(tmp_path, text)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "routing.toml" in str(refused.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(RoutingFileError, match="cannot be read"):
        read_routing_rules(tmp_path / "nowhere.toml")
    file = tmp_path / "routing.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(RoutingFileError):
        read_routing_rules(file)
