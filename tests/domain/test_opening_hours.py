"""Opening hours follow the clock on the wall; compared with a reference that walks through whole days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diyalog.domain.opening_hours import OpeningHours, Span

ISTANBUL, BERLIN, NEW_YORK = ZoneInfo("Europe/Istanbul"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NINE_TO_SIX = [Span(540, 1080)]
WEEK = [*([NINE_TO_SIX] * 5), [], []]


def at(zone: ZoneInfo, *fields: int, fold: int = 0) -> int:
    year, month, day, hour, minute = fields
    return round(datetime(year, month, day, hour, minute, tzinfo=zone, fold=fold).timestamp() * 1000)


@pytest.mark.parametrize(
    ("fields", "is_open"),
    [
        ((2026, 11, 23, 8, 59), False),  # a Monday
        ((2026, 11, 23, 9, 0), True),
        ((2026, 11, 23, 17, 59), True),
        ((2026, 11, 23, 18, 0), False),
        ((2026, 11, 28, 12, 0), False),  # a Saturday
    ],
)
def test_an_office(fields: tuple[int, ...], is_open: bool) -> None:  # noqa: FBT001  a table
    assert OpeningHours(ISTANBUL, WEEK).open_at(at(ISTANBUL, *fields)) is is_open


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    friday_night = OpeningHours(ISTANBUL, [[], [], [], [], [Span(1320, 1440 + 120)], [], []])
    assert friday_night.open_at(at(ISTANBUL, 2026, 11, 27, 22, 0))
    assert friday_night.open_at(at(ISTANBUL, 2026, 11, 28, 1, 59))
    assert not friday_night.open_at(at(ISTANBUL, 2026, 11, 28, 2, 0))
    assert not friday_night.open_at(at(ISTANBUL, 2026, 11, 27, 1, 0))


def test_a_special_date_replaces_its_weekday() -> None:
    hours = OpeningHours(ISTANBUL, WEEK, {date(2026, 10, 29): [], date(2026, 11, 28): [Span(600, 720)]})
    assert not hours.open_at(at(ISTANBUL, 2026, 10, 29, 12, 0)), "a holiday on a Thursday"
    assert hours.open_at(at(ISTANBUL, 2026, 11, 28, 10, 0)), "a Saturday with hours of its own"
    assert not hours.open_at(at(ISTANBUL, 2026, 11, 28, 12, 0))


def test_an_hour_that_the_clock_repeats_is_open_twice() -> None:
    hours = OpeningHours(BERLIN, [[Span(120, 180)]] * 7)  # 02:00 to 03:00
    first, second = at(BERLIN, 2026, 10, 25, 2, 30), at(BERLIN, 2026, 10, 25, 2, 30, fold=1)
    assert second - first == 3_600_000
    assert hours.open_at(first)
    assert hours.open_at(second)


def test_an_hour_that_the_clock_skips_never_was() -> None:
    hours = OpeningHours(BERLIN, [[Span(120, 180)]] * 7)
    night = [at(BERLIN, 2026, 3, 29, 0, 0) + minute * 60_000 for minute in range(23 * 60)]
    assert not any(map(hours.open_at, night))


def test_the_next_opening() -> None:
    hours = OpeningHours(ISTANBUL, WEEK, {date(2026, 11, 30): []})
    friday = at(ISTANBUL, 2026, 11, 27, 18, 0)
    assert hours.opens_at(friday) == at(ISTANBUL, 2026, 12, 1, 9, 0), "over the weekend and a closed Monday"
    assert hours.opens_at(friday - 1) == at(ISTANBUL, 2026, 12, 1, 9, 0), "of whole minutes"
    now = at(ISTANBUL, 2026, 11, 27, 12, 0)
    assert hours.opens_at(now) == now, "it is open"
    assert OpeningHours(ISTANBUL, [[]] * 7).opens_at(now) is None


def reference(hours: OpeningHours, at_ms: int) -> bool:
    """The minutes of three days, written out: is the one on the wall among them?"""
    wall = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(hours.zone).replace(tzinfo=None, fold=0)
    minutes = set()
    for back in (0, 1):
        day = wall.date() - timedelta(days=back)
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  a wall clock
        for span in hours.dates.get(day, hours.weekdays[day.weekday()]):
            minutes |= {midnight + timedelta(minutes=minute) for minute in range(span.start, span.end)}
    return wall.replace(second=0, microsecond=0) in minutes


spans = st.builds(lambda start, length: Span(start, start + length), st.integers(0, 1439), st.integers(1, 1440)).map(
    lambda span: Span(span.start, min(span.end, span.start + 1440))
)
weeks = st.lists(st.lists(spans, max_size=2), min_size=7, max_size=7)
zones = st.sampled_from([ISTANBUL, BERLIN, NEW_YORK])
changes = st.sampled_from(
    [
        datetime(2016, 9, 6, 21, tzinfo=UTC),  # Istanbul stays on summer time
        datetime(2016, 3, 27, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
        datetime(2026, 3, 8, 7, tzinfo=UTC),
    ]
)


@settings(max_examples=400)
@given(weeks, zones, changes, st.integers(-1500, 1500), st.integers(0, 59_999))
def test_any_week_around_changes_of_the_clock(
    week: list[list[Span]], zone: ZoneInfo, change: datetime, minutes: int, ms: int
) -> None:
    hours = OpeningHours(zone, week)
    at_ms = round(change.timestamp() * 1000) + minutes * 60_000 + ms
    assert hours.open_at(at_ms) == reference(hours, at_ms)
    opens_at = hours.opens_at(at_ms)
    if any(week):
        assert opens_at is not None
        assert reference(hours, opens_at)
        assert opens_at % 60_000 == 0
        step = max(60_000, (opens_at - at_ms) // 50 // 60_000 * 60_000)
        assert not any(reference(hours, one) for one in range(-(-at_ms // 60_000) * 60_000, opens_at, step))
