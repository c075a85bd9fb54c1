"""Everything that the audit command does, on one store."""

from diyalog.clock import Clock
from diyalog.domain.audit_chain import AuditKeys
from diyalog.ports_audit import AuditStore
from diyalog.usecases.audit_export import Cutting, Export
from diyalog.usecases.audit_verification import Verification
from diyalog.usecases.pausing import Sleep


class AuditTools:
    """Verifying, exporting and cutting, put together. `keep_ms`: how long requesters are kept in rows."""

    def __init__(self, store: AuditStore, keys: AuditKeys, clock: Clock, keep_ms: int, sleep: Sleep) -> None:
        self.store = store
        self.verification = Verification(store, keys, clock, keep_ms)
        self.export = Export(store)
        self.cutting = Cutting(store, keys, clock, keep_ms, sleep)
