"""What the API reports to the log and the metrics: ids, templates and fixed words only."""

from typing import Protocol


class RequestJournal(Protocol):
    """Takes note; never raises and never blocks."""

    def request(
        self,
        method: str,
        route: str,
        status: int,
        duration_ms: float,
        request_id: str,
        *,
        caller: str | None = None,
        session_id: str | None = None,
        code: str | None = None,
    ) -> None:
        """One request was answered. `route` is the path's template, never the path as sent.

        `caller` is the access key id, the customer's row, or `staff-` and that of a member of the staff, once verified;
        `session_id` the session it was about, `code` the refusal's or the envelope's code.
        """
        ...

    def request_failed(self, route: str, error: BaseException, request_id: str) -> None:
        """The program failed unexpectedly and the request was answered 500: an alarm."""
        ...
