"""The numbers operators watch, in Prometheus text. What the store knows is counted by the store, at each reading.

The waits add up at every reading: `created` = the sum of `ended` over all outcomes + the sum of `open`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
"""Media type of what `Metrics.render` returns."""

_CALLOUT_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ESTIMATE_SECONDS: Final = (-1800, -600, -300, -120, -60, -30, 0, 30, 60, 120, 300, 600, 1800)
_ACKNOWLEDGED_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 2.5, 5.0, 30.0, 300.0, 3600.0, 86_400.0)
_LAG_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class StoredCounts(Protocol):
    """What the store counts, read in one transaction, so that the waits add up."""

    @property
    def created(self) -> int:
        """Waits ever started."""
        ...

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Waits ever ended, by outcome."""
        ...

    @property
    def open(self) -> Mapping[str, int]:
        """Waits without an outcome, by state."""
        ...

    @property
    def outbox(self) -> Mapping[str, int]:
        """Calls due to the company's queue, by kind."""
        ...

    @property
    def oldest_outbox_at(self) -> int | None:
        """When the oldest of them became due, in milliseconds since 1970; None without any."""
        ...

    @property
    def unresolved(self) -> int:
        """Interactions of which it is unknown whether the company's queue holds them."""
        ...


class Metrics:
    """Counts what happens in this process. Cheap enough for every request.

    `now_ms` tells the time in milliseconds since 1970.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        # Counters would get a second series with their birth, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = _Requests()
        registry.register(self._requests)
        self._callouts = Histogram(
            "diyalog_callout_seconds",
            "Time of calls to the company's services.",
            ("service",),
            buckets=_CALLOUT_SECONDS,
            registry=registry,
        )
        self._callout_failures = Counter(
            "diyalog_callout_failures",
            "Failed calls to the company's services.",
            ("service", "kind"),
            registry=registry,
        )
        self._streams = Gauge("diyalog_streams", "Customers' event streams open now.", registry=registry)
        self._desks = Gauge("diyalog_staff_streams", "Desks' event streams open now.", registry=registry)
        self._behind = Counter(
            "diyalog_streams_behind",
            "Event streams that had missed a change and were found by the poll.",
            registry=registry,
        )
        self._acknowledged = Histogram(
            "diyalog_outcome_acknowledged_seconds",
            "Time from a wait's outcome until the customer's app acknowledged it.",
            buckets=_ACKNOWLEDGED_SECONDS,
            registry=registry,
        )
        self._estimate_missed = Histogram(
            "diyalog_wait_estimate_error_seconds",
            "How much later than first estimated an agent came; below 0: sooner.",
            buckets=_ESTIMATE_SECONDS,
            registry=registry,
        )
        self._alarms = Counter(
            "diyalog_alarms", "Alarms: somebody must act, see the operations page.", ("alarm",), registry=registry
        )
        self._lag = Histogram(
            "diyalog_event_loop_lag_seconds",
            "How much later than asked the event loop came to a timer.",
            buckets=_LAG_SECONDS,
            registry=registry,
        )
        self._unhandled = Counter(
            "diyalog_unhandled_errors", "Errors of the program itself; each is a bug.", ("where",), registry=registry
        )
        self._unhandled.labels("request")  # shown as 0 from the start: alarms are set on its growth

        self._bus = Gauge("diyalog_bus_up", "1 while other nodes are heard over the bus.", registry=registry)
        self._bus_dropped = Counter(
            "diyalog_bus_dropped", "Changes not told to other nodes, which find them by themselves.", registry=registry
        )
        self._clock_ahead = Gauge(
            "diyalog_clock_ahead_seconds", "How far the database's clock is ahead of this machine's.", registry=registry
        )

    def request(self, route: str, status: int) -> None:
        """Count an answered request; `route` is the template, never the path as sent."""
        self._requests.counted[route, status] += 1

    def callout(self, service: str, seconds: float, failure: str | None = None) -> None:
        """Count a call to the company and, if it failed, the kind of failure (`timeout`, `refused`, ...)."""
        self._callouts.labels(service).observe(seconds)
        if failure is not None:
            self._callout_failures.labels(service, failure).inc()

    def stream_opened(self) -> None:
        """Count a customer's event stream in."""
        self._streams.inc()

    def stream_closed(self) -> None:
        """Count a customer's event stream out."""
        self._streams.dec()

    def desk_opened(self) -> None:
        """Count a desk's event stream in."""
        self._desks.inc()

    def desk_closed(self) -> None:
        """Count a desk's event stream out."""
        self._desks.dec()

    def streams_behind(self, streams: int) -> None:
        """Count event streams that had missed a change until the poll found them."""
        self._behind.inc(streams)

    def acknowledged(self, seconds: float) -> None:
        """Note how long after a wait's outcome the customer's app acknowledged it."""
        self._acknowledged.observe(seconds)

    def estimate_missed(self, seconds: float) -> None:
        """Note how much later than first estimated an agent came."""
        self._estimate_missed.observe(seconds)

    def alarm(self, alarm: str) -> None:
        """Count an alarm, under its name of the operations page."""
        self._alarms.labels(alarm).inc()

    def bus(self, *, up: bool) -> None:
        """Note whether other nodes are heard."""
        self._bus.set(1 if up else 0)

    def bus_dropped(self, rows: int) -> None:
        """Count changes that were not told to other nodes."""
        self._bus_dropped.inc(rows)

    def clock_ahead(self, seconds: float) -> None:
        """Note how far the store's clock is ahead of this machine's."""
        self._clock_ahead.set(seconds)

    def loop_lag(self, seconds: float) -> None:
        """Note how much later than asked the event loop came to a timer."""
        self._lag.observe(seconds)

    def unhandled(self, where: str) -> None:
        """Count an error that nobody expected, by the part of the program that caught it (`request`, a worker)."""
        self._unhandled.labels(where).inc()

    def render(self, stored: StoredCounts | None) -> bytes:
        """Write all metrics as Prometheus text; `stored` is None while the store cannot be read."""
        counts = _Stored(stored, self._now_ms())
        return generate_latest(self._registry) + generate_latest(counts)


class _Requests(Collector):
    """Answered requests by route and status, counted by the event loop's thread alone: the library's counter takes a
    lock at each.
    """

    def __init__(self) -> None:
        self.counted: defaultdict[tuple[str, int], int] = defaultdict(int)

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "diyalog_requests", "HTTP requests by route and status.", labels=("route", "status")
        )
        for (route, status), count in sorted(self.counted.copy().items()):
            family.add_metric((route, str(status)), count)
        yield family


class _Stored(Collector):
    """One reading of the store's counts, as metrics."""

    def __init__(self, stored: StoredCounts | None, now_ms: int) -> None:
        self._stored = stored
        self._now_ms = now_ms

    def collect(self) -> Iterator[Metric]:
        stored = self._stored
        yield GaugeMetricFamily("diyalog_store_up", "1 while the store can be read.", 0 if stored is None else 1)
        if stored is None:
            return
        yield CounterMetricFamily("diyalog_waits_created", "Waits ever started.", stored.created)
        yield _by(CounterMetricFamily("diyalog_waits_ended", "Waits ever ended.", labels=("outcome",)), stored.outcomes)
        yield _by(GaugeMetricFamily("diyalog_waits_open", "Waits without an outcome.", labels=("state",)), stored.open)
        yield _by(
            GaugeMetricFamily("diyalog_outbox_rows", "Calls due to the company's queue.", labels=("kind",)),
            stored.outbox,
        )
        oldest = stored.oldest_outbox_at
        age = 0.0 if oldest is None else max(0, self._now_ms - oldest) / 1000
        yield GaugeMetricFamily("diyalog_outbox_oldest_seconds", "How long the oldest of them has been due.", age)
        yield GaugeMetricFamily(
            "diyalog_interactions_unresolved",
            "Interactions that the company's queue may hold without our knowing their id.",
            stored.unresolved,
        )


def _by(family: CounterMetricFamily | GaugeMetricFamily, counts: Mapping[str, int]) -> Metric:
    for label, count in sorted(counts.items()):
        family.add_metric((label,), count)
    return family
