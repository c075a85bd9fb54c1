"""Times on the wire: RFC 3339 in UTC with milliseconds and Z."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(ms: int) -> str:
    """Text of a time given in milliseconds since 1970, such as `2026-11-22T16:00:00.123Z`.

    Raises OverflowError outside the years 1 to 9999.
    """
    seconds, rest = divmod(ms, 1000)
    return "%s.%03dZ" % (_second(seconds), rest)  # noqa: UP031 - half the time of a format specification


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    # Most times written within one second are of that second or of the same few waits.
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
