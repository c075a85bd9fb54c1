"""Signs of life of customers and nodes, and the end of what must not be kept."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from diyalog.domain.ids import NodeId
from diyalog.ports import Beat
from diyalog.storage.notes import forget_notes, forget_old_notes
from diyalog.storage.routing import forget_routing
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


class Keep(NamedTuple):
    """How long things are kept (ms), and how many rows of each kind one transaction deletes at most.

    `wait_ms` counts from the end of a wait, or of the conversation that it led to; `text_ms`, never longer, from the
    end of a conversation: what was written in it. `token_ms` counts from when a token was given.
    """

    wait_ms: int
    text_ms: int
    token_ms: int
    limit: int


async def forget(transaction: Transaction, keep: Keep) -> int:
    """Delete what must not be kept longer; how many rows went, what goes along with a row not counted."""
    now, limit = transaction.now, keep.limit
    changed = transaction.changed
    gone = await changed("forget_idempotency", before=now - 86_400_000, limit=limit)
    gone += await changed("forget_hashes", limit=limit)
    gone += await changed("forget_tokens", before=now - keep.token_ms, limit=limit)
    gone += await changed("forget_staff_tokens", before=now - keep.token_ms, limit=limit)
    gone += await changed("forget_requesters", before=now - keep.wait_ms, limit=limit)
    if keep.text_ms < keep.wait_ms:
        gone += await _forget_texts(transaction, now - keep.text_ms, limit)
    for (wait,) in await transaction.rows("old_waits", before=now - keep.wait_ms, limit=limit):
        gone += await changed("forget_unresolved", wait=wait)
        if await changed("forget_wait", wait=wait):
            gone += 1
            await transaction.run("forget_conversation", wait=wait)
            await _forget_events(transaction, wait)
            await forget_notes(transaction, wait)
            await forget_routing(transaction, wait)
    longest = max(keep.token_ms, keep.wait_ms)
    return gone + await changed("forget_customers", before=now - longest, limit=limit)


async def _forget_texts(transaction: Transaction, before: int, limit: int) -> int:
    """Forget what was written in conversations, and about their customers, that ended up to `before`.

    That they took place stays known. A note that was written later counts from then.
    """
    old = await transaction.rows("old_transcripts", before=before, limit=limit)
    for (wait,) in old:
        await _forget_events(transaction, wait)
    return len(old) + await forget_old_notes(transaction, before, limit)


async def _forget_events(transaction: Transaction, wait: int) -> None:
    await transaction.run("forget_conversation_events", wait=wait)
    await transaction.run("forget_staff_events", wait=wait)
