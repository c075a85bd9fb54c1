"""Metrics: what is counted, that the waits add up at every reading, and that nobody's data is a label."""

from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from diyalog.observability.metrics import CONTENT_TYPE, Metrics

NOW = 1_767_323_045_678


@dataclass(frozen=True)
class Stored:
    """Counts as a store reports them."""

    created: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    outbox: dict[str, int] = field(default_factory=dict)
    oldest_outbox_at: int | None = None
    unresolved: int = 0


def read(metrics: Metrics, stored: Stored | None = None) -> dict[str, float]:
    """Read as Prometheus does: sample name with its labels -> value."""
    families = text_string_to_metric_families(metrics.render(stored).decode())
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def new() -> Metrics:
    return Metrics(lambda: NOW)


def test_requests_are_counted_by_route_and_status() -> None:
    metrics = new()
    for status in (200, 200, 401):
        metrics.request("/v1/client/help", status)
    samples = read(metrics)
    assert samples["diyalog_requests_total route=/v1/client/help status=200"] == 2
    assert samples["diyalog_requests_total route=/v1/client/help status=401"] == 1


def test_callouts_have_times_and_failures() -> None:
    metrics = new()
    metrics.callout("queue", 0.2)
    metrics.callout("queue", 7.0, "timeout")
    samples = read(metrics)
    assert samples["diyalog_callout_seconds_count service=queue"] == 2
    assert samples["diyalog_callout_seconds_sum service=queue"] == 7.2
    assert samples["diyalog_callout_seconds_bucket le=0.25 service=queue"] == 1
    assert samples["diyalog_callout_failures_total kind=timeout service=queue"] == 1


def test_streams_lag_acknowledgements_alarms_and_errors() -> None:
    metrics = new()
    metrics.stream_opened()
    metrics.stream_opened()
    metrics.stream_closed()
    for _ in range(3):
        metrics.desk_opened()
    metrics.desk_closed()
    metrics.loop_lag(0.003)
    metrics.acknowledged(0.2)
    metrics.streams_behind(2)
    metrics.alarm("delete_refused")
    metrics.unhandled("outbox")
    samples = read(metrics)
    assert samples["diyalog_streams"] == 1
    assert samples["diyalog_staff_streams"] == 2
    assert samples["diyalog_streams_behind_total"] == 2
    assert samples["diyalog_event_loop_lag_seconds_bucket le=0.005"] == 1
    assert samples["diyalog_event_loop_lag_seconds_bucket le=0.0025"] == 0
    assert samples["diyalog_outcome_acknowledged_seconds_bucket le=0.3"] == 1
    assert samples["diyalog_outcome_acknowledged_seconds_bucket le=0.1"] == 0
    assert samples["diyalog_alarms_total alarm=delete_refused"] == 1
    assert samples["diyalog_unhandled_errors_total where=outbox"] == 1
    assert samples["diyalog_unhandled_errors_total where=request"] == 0


def test_the_waits_are_the_store_s_counts_and_add_up() -> None:
    stored = Stored(
        created=15,
        outcomes={"CONNECTED": 1, "CANCELLED": 2, "NOT_DELIVERED": 3, "EXPIRED": 1, "FAILED": 1},
        open={"REQUESTED": 3, "WAITING": 4},
        outbox={"create": 1, "delete": 2},
        oldest_outbox_at=NOW - 2500,
        unresolved=6,
    )
    samples = read(new(), stored)
    assert samples["diyalog_store_up"] == 1
    assert samples["diyalog_waits_ended_total outcome=NOT_DELIVERED"] == 3
    assert samples["diyalog_waits_open state=WAITING"] == 4
    parts = [
        value for name, value in samples.items() if name.startswith(("diyalog_waits_ended_", "diyalog_waits_open"))
    ]
    assert samples["diyalog_waits_created_total"] == sum(parts) == 15
    assert samples["diyalog_outbox_rows kind=delete"] == 2
    assert samples["diyalog_outbox_oldest_seconds"] == 2.5
    assert samples["diyalog_interactions_unresolved"] == 6


def test_an_empty_outbox_has_no_age_and_a_clock_set_back_none_below_zero() -> None:
    assert read(new(), Stored())["diyalog_outbox_oldest_seconds"] == 0
    assert read(new(), Stored(oldest_outbox_at=NOW + 60_000))["diyalog_outbox_oldest_seconds"] == 0


def test_a_store_that_cannot_be_read_leaves_the_rest() -> None:
    metrics = new()
    metrics.request("/livez", 200)
    samples = read(metrics, None)
    assert samples["diyalog_store_up"] == 0
    assert samples["diyalog_requests_total route=/livez status=200"] == 1
    assert not [name for name in samples if name.startswith("diyalog_waits")]


def test_two_servers_in_one_process_do_not_mix() -> None:
    first, second = new(), new()
    first.alarm("a")
    assert "diyalog_alarms_total alarm=a" not in read(second)


def test_the_format_is_prometheus_text_about_the_process_too() -> None:
    samples = read(new())
    assert CONTENT_TYPE.startswith("text/plain; version=")
    assert samples["process_open_fds"] > 0
    assert not [name for name in samples if "_created" in name and not name.startswith("diyalog_waits")]
