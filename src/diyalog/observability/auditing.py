"""The one number about the audit trail that operators watch."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest


def unlinked_rows(rows: int) -> bytes:
    """Prometheus text of how many audit rows no link covers yet."""
    registry = CollectorRegistry()
    Gauge("diyalog_audit_unlinked_rows", "Audit rows that are not in the chain yet.", registry=registry).set(rows)
    return generate_latest(registry)
