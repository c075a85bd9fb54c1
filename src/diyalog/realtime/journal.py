"""What the event streams report to the log and the metrics; ids and fixed words only."""

from typing import Literal, Protocol

Doing = Literal["hello", "read", "acknowledge", "heads", "presence", "line", "marks"]
"""What a stream was doing when the store was away."""


class StreamJournal(Protocol):
    """Takes note; never raises and never blocks."""

    def stream_opened(self) -> None:
        """A customer's or a desk's socket was opened."""
        ...

    def stream_closed(self, session_id: str | None, code: int, duration_ms: float) -> None:
        """It is gone. `session_id` is None when it never followed; `code` is ours, 1005 when we did not close it.

        With desks it is `staff-` and the row of the member of the staff.
        """
        ...

    def store_away(self, doing: Doing) -> None:
        """The store was unavailable; it will be tried again, by the client or at the next poll."""
        ...

    def fell_behind(self, streams: int) -> None:
        """So many streams had missed a change and were found by the poll; on one node a fault, with a bus a loss."""
        ...

    def estimate_missed(self, seconds: float) -> None:
        """A customer was taken so much later than the first estimate had said; less than 0: sooner."""
        ...

    def stream_failed(self, error: BaseException) -> None:
        """The program failed unexpectedly on behalf of one stream, which was closed 1011."""
        ...
