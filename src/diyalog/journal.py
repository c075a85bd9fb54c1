"""What the parts of a server report, written to the log and counted in the metrics."""

from diyalog.domain.wait import Outcome, State, Wait
from diyalog.observability.logging import Log
from diyalog.observability.metrics import Metrics
from diyalog.ports_bus import BusFault
from diyalog.ports_callouts import Alarm
from diyalog.realtime.journal import Doing


class ServerJournal:
    """The journal of the HTTP API, of the event streams, of call-outs and background work, and of waits.

    Ids, fixed words and numbers only. Nothing here raises or blocks.
    """

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    # The HTTP API

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
        """One request was answered."""
        self._metrics.request(route, status)
        self._log.request_line(
            method, route, status, duration_ms, request_id, caller=caller, session_id=session_id, code=code
        )

    def request_failed(self, route: str, error: BaseException, request_id: str) -> None:
        """The program failed on a request, which was answered 500."""
        self._metrics.unhandled("request")
        self._log.fault("request", error, request_id)

    # Event streams

    def stream_opened(self) -> None:
        """A customer's socket was opened."""
        self._metrics.stream_opened()

    def stream_closed(self, session_id: str | None, code: int, duration_ms: float) -> None:
        """A customer's socket is gone."""
        self._metrics.stream_closed()
        self._log.stream_line(session_id, code, duration_ms)

    def store_away(self, doing: Doing) -> None:
        """The store was unavailable for a stream."""
        self._metrics.alarm("store_unavailable")
        self._log.alarm("store_unavailable", service=f"stream_{doing}")

    def fell_behind(self, streams: int) -> None:
        """So many streams had missed a change and were found by the poll."""
        self._metrics.streams_behind(streams)

    def estimate_missed(self, seconds: float) -> None:
        """A customer was taken so much later than estimated, or sooner."""
        self._metrics.estimate_missed(seconds)

    def stream_failed(self, error: BaseException) -> None:
        """The program failed on behalf of one stream."""
        self.failed("stream", error)

    def acknowledged(self, seconds: float) -> None:
        """A customer's app acknowledged an outcome so long after it was committed."""
        self._metrics.acknowledged(seconds)

    # Call-outs and background work

    def called(self, service: str, result: str, status: int | None, seconds: float, session_id: str | None) -> None:
        """One call to a company's system is over."""
        self._metrics.callout(service, seconds, None if result == "ok" else result)
        self._log.callout_line(service, result, seconds * 1000, 1, session_id)

    def alarmed(self, alarm: Alarm, session_id: str | None = None, interaction_id: str | None = None) -> None:
        """An operator must look at something."""
        self._metrics.alarm(alarm)
        self._log.alarm(alarm, session_id=session_id, interaction_id=interaction_id)

    def failed(self, where: str, error: BaseException) -> None:
        """An exception that nobody expected was caught."""
        self._metrics.unhandled(where)
        self._log.fault(where, error)

    # Other nodes

    def bus_connected(self) -> None:
        """Other nodes are heard from now on."""
        self._metrics.bus(up=True)
        self._log.lifecycle_line("bus_connected")

    def bus_lost(self, fault: BusFault) -> None:
        """Other nodes are not heard."""
        self._metrics.bus(up=False)
        self._metrics.alarm(Alarm.BUS_LOST)
        self._log.alarm(Alarm.BUS_LOST, service=f"bus_{fault}")

    def bus_dropped(self, rows: int) -> None:
        """So many changes were not told to other nodes."""
        self._metrics.bus_dropped(rows)

    def clock_ahead(self, milliseconds: int) -> None:
        """The store's clock is so much ahead of this machine's."""
        self._metrics.clock_ahead(milliseconds / 1000)

    # Waits

    def changed(self, wait: Wait) -> None:
        """A change of a wait was committed."""
        if wait.outcome is None:
            happened = "wait.started"
        else:
            over = wait.outcome is Outcome.CONNECTED and wait.state is State.ENDED
            happened = "conversation.ended" if over else "wait.ended"
        self._log.transition_line(
            wait.session_id, happened, wait.state, wait.outcome, wait.reason, interaction_id=wait.interaction_id
        )


class DeskJournal(ServerJournal):
    """The journal of desks' event streams, which are counted apart from those of customers."""

    def stream_opened(self) -> None:
        """A desk's socket was opened."""
        self._metrics.desk_opened()

    def stream_closed(self, session_id: str | None, code: int, duration_ms: float) -> None:
        """A desk's socket is gone; what it followed is a member of the staff."""
        self._metrics.desk_closed()
        self._log.stream_line(None, code, duration_ms, caller=session_id)
