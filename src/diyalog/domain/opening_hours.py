"""When a company's agents are there, by the clock on the wall where they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

DAY_MINUTES: Final = 1440
_MINUTE_MS: Final = 60_000
_FAR_MINUTES: Final = 31 * DAY_MINUTES
_DAY: Final = timedelta(days=1)


class Span(NamedTuple):
    """Minutes of a day from `start` until before `end`; an end after 1440 lies on the next day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Spans of each weekday, Monday first, and of special dates, which replace them; a date without any is closed.

    The wall clock decides: an hour that a change of the clock repeats is open twice, one that it skips never was.
    """

    zone: ZoneInfo
    weekdays: Sequence[Sequence[Span]]
    dates: Mapping[date, Sequence[Span]] = field(default_factory=dict)

    def open_at(self, at_ms: int) -> bool:
        """Whether it is open at this time (ms since 1970)."""
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today, yesterday = local.date(), local.date() - _DAY
        return any(span.start <= minute < span.end for span in self._spans(today)) or any(
            minute + DAY_MINUTES < span.end for span in self._spans(yesterday)
        )

    def opens_at(self, at_ms: int) -> int | None:
        """The first whole minute from this time on at which it is open, within a month; None without any."""
        first = -(-at_ms // _MINUTE_MS)
        for minute in range(first, first + _FAR_MINUTES):
            if self.open_at(minute * _MINUTE_MS):
                return minute * _MINUTE_MS
        return None

    def _spans(self, day: date) -> Sequence[Span]:
        special = self.dates.get(day)
        return self.weekdays[day.weekday()] if special is None else special
