"""Signs of life of customers and nodes, and the end of what must not be kept."""

from collections.abc import Sequence
from typing import Final

from diyalog.domain.ids import NodeId
from diyalog.ports import Beat
from diyalog.storage.transaction import Transaction

SILENT_MS: Final = 15_000
"""A node that has not beaten for so long counts as gone (it beats every 5 s)."""


async def connect(transaction: Transaction, waits: Sequence[int]) -> Sequence[None]:
    """The apps of these waits' customers are connected to this node."""
    await transaction.run("keep_node")
    return await _signs_of_life(transaction, "connect", waits)


async def disconnect(transaction: Transaction, waits: Sequence[int]) -> Sequence[None]:
    """The apps of these waits' customers went away from this node just now."""
    return await _signs_of_life(transaction, "disconnect", waits)


async def touch(transaction: Transaction, waits: Sequence[int]) -> Sequence[None]:
    """The apps of these waits' customers, not connected, asked something."""
    return await _signs_of_life(transaction, "touch", waits)


async def _signs_of_life(transaction: Transaction, statement: str, waits: Sequence[int]) -> Sequence[None]:
    # In order of their rows, here and below, so that no two transactions wait for each other.
    await transaction.many(statement, [{"wait": wait} for wait in sorted(waits)])
    return [None] * len(waits)


async def acknowledge(transaction: Transaction, asks: Sequence[tuple[int, int]]) -> Sequence[int | None]:
    """Apps received the outcome of a wait as an event: (row, seq). For each the ms since the outcome, None if known."""
    rows = await transaction.many("acknowledge", [{"wait": wait, "seq": seq} for wait, seq in sorted(asks)])
    known: dict[int, int] = {wait: waited_ms for wait, waited_ms in rows}  # noqa: C416  rows are no pairs to the types
    return [known.pop(wait, None) for wait, _ in asks]


async def beat(transaction: Transaction, node: NodeId) -> Beat:
    """This node lives. Customers and call-outs of nodes that fell silent are released, gone since their last beat.

    One that was silent itself cannot judge: the database may have been away for all. It waits for the next beat.
    """
    own = await transaction.row("find_node", node=node)
    await transaction.run("beat", node=node)
    if own is not None and transaction.now - own[0] >= SILENT_MS:
        return Beat(transaction.now, known=True)
    for gone, beat_at in await transaction.rows("silent_nodes", node=node, before=transaction.now - SILENT_MS):
        await _release(transaction, gone, beat_at)
    return Beat(transaction.now, own is not None)


async def enter(transaction: Transaction, node: NodeId) -> None:
    """This node starts and no other can be alive: the embedded database serves one process at a time."""
    for gone, beat_at in await transaction.rows("silent_nodes", node=node, before=transaction.now):
        await _release(transaction, gone, beat_at)
    for (gone,) in await transaction.rows("unknown_nodes", node=node):
        await _release(transaction, gone, transaction.now)
    await transaction.run("release_all_deliveries", node=node)
    await transaction.run("beat", node=node)


async def leave(transaction: Transaction, node: NodeId) -> None:
    """This node stops in good order."""
    await _release(transaction, node, transaction.now)


async def _release(transaction: Transaction, gone: str, seen_at: int) -> None:
    await transaction.run("release_customers", gone=gone, seen_at=seen_at)
    await transaction.run("release_conversations", gone=gone, seen_at=seen_at)
    await transaction.run("release_staff", gone=gone, seen_at=seen_at)
    await transaction.run("release_deliveries", gone=gone)
    await transaction.run("remove_node", gone=gone)


async def forget(transaction: Transaction, ask: tuple[int, int, int]) -> int:
    """Delete what is older than `ask[0]` ms (tokens: `ask[1]` ms), up to `ask[2]` rows of each kind."""
    keep_ms, token_ms, limit = ask
    before = transaction.now - keep_ms
    changed = transaction.changed
    gone = await changed("forget_idempotency", before=transaction.now - 86_400_000, limit=limit)
    gone += await changed("forget_hashes", limit=limit)
    gone += await changed("forget_tokens", before=transaction.now - token_ms, limit=limit)
    gone += await changed("forget_staff_tokens", before=transaction.now - token_ms, limit=limit)
    gone += await changed("forget_requesters", before=before, limit=limit)
    for (wait,) in await transaction.rows("old_waits", before=before, limit=limit):
        gone += await changed("forget_unresolved", wait=wait)
        if await changed("forget_wait", wait=wait):
            gone += 1
            for statement in ("forget_conversation", "forget_conversation_events", "forget_staff_events"):
                await transaction.run(statement, wait=wait)
    return gone + await changed("forget_customers", before=transaction.now - max(token_ms, keep_ms), limit=limit)
