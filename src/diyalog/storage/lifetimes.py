"""Signs of life of customers and nodes, and the end of what must not be kept."""

from typing import Final

from diyalog.domain.ids import NodeId
from diyalog.storage.transaction import Transaction

SILENT_MS: Final = 15_000
"""A node that has not beaten for so long counts as gone (it beats every 5 s)."""


def connect(transaction: Transaction, row: int) -> None:
    """The customer's app is connected to this node."""
    transaction.run("connect", wait=row, now=transaction.now, node=transaction.node)


def disconnect(transaction: Transaction, row: int) -> None:
    """The customer's app went away from this node just now."""
    transaction.run("disconnect", wait=row, now=transaction.now, node=transaction.node)


def touch(transaction: Transaction, row: int) -> None:
    """The customer's app, not connected, asked something."""
    transaction.run("touch", wait=row, now=transaction.now)


def acknowledge(transaction: Transaction, ask: tuple[int, int]) -> int | None:
    """The customer's app received the outcome of the wait `ask[0]` as event `ask[1]`."""
    row = transaction.row("acknowledge", wait=ask[0], seq=ask[1], now=transaction.now)
    return None if row is None else row[0]


def beat(transaction: Transaction, node: NodeId) -> None:
    """This node lives. Customers and call-outs of nodes that fell silent are released, gone since their last beat."""
    transaction.run("beat", node=node, now=transaction.now)
    for gone, beat_at in transaction.rows("silent_nodes", node=node, before=transaction.now - SILENT_MS):
        _release(transaction, gone, beat_at)


def enter(transaction: Transaction, node: NodeId) -> None:
    """This node starts and no other can be alive: the embedded database serves one process at a time."""
    for gone, beat_at in transaction.rows("silent_nodes", node=node, before=transaction.now):
        _release(transaction, gone, beat_at)
    for (gone,) in transaction.rows("unknown_nodes", node=node):
        _release(transaction, gone, transaction.now)
    transaction.run("release_all_deliveries", node=node, now=transaction.now)
    transaction.run("beat", node=node, now=transaction.now)


def leave(transaction: Transaction, node: NodeId) -> None:
    """This node stops in good order."""
    _release(transaction, node, transaction.now)


def _release(transaction: Transaction, gone: str, seen_at: int) -> None:
    transaction.run("release_customers", gone=gone, seen_at=seen_at)
    transaction.run("release_deliveries", gone=gone, now=transaction.now)
    transaction.run("remove_node", gone=gone)


def forget(transaction: Transaction, ask: tuple[int, int, int]) -> int:
    """Delete what is older than `ask[0]` ms (client tokens: `ask[1]` ms), up to `ask[2]` rows of each kind."""
    keep_ms, token_ms, limit = ask
    before = transaction.now - keep_ms
    changes = transaction.connection.total_changes
    start = changes()
    transaction.run("forget_idempotency", before=transaction.now - 86_400_000, limit=limit)
    transaction.run("forget_hashes", now=transaction.now, limit=limit)
    transaction.run("forget_tokens", before=transaction.now - token_ms, limit=limit)
    transaction.run("forget_requesters", before=before, limit=limit)
    for (wait,) in transaction.rows("old_waits", before=before, limit=limit):
        transaction.run("forget_unresolved", wait=wait)
        transaction.run("forget_wait", wait=wait)
    transaction.run("forget_customers", before=transaction.now - max(token_ms, keep_ms), limit=limit)
    return changes() - start
