"""A clock that stands still until it is set."""

from dataclasses import dataclass


@dataclass
class SettableClock:
    """Tells the time it was set to, in milliseconds since 1970."""

    at: int = 1_795_000_000_000

    def now_ms(self) -> int:
        return self.at

    def advance(self, milliseconds: int) -> None:
        self.at += milliseconds
