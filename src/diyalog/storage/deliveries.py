"""The outbox of calls to the company's queue: claiming what is due, and storing how deletes went."""

from collections.abc import Sequence

from diyalog.domain.ids import InteractionId, SessionId
from diyalog.domain.results import Delivery
from diyalog.domain.wait import Outcome, State
from diyalog.storage.rows import open_request
from diyalog.storage.transaction import Row, Transaction


async def claim(transaction: Transaction, ask: tuple[str, int, int]) -> Sequence[Delivery]:
    """Take up to `ask[1]` due rows for `ask[2]` ms, first those whose customers wait for the queue's answer.

    Rows that the same claim (`ask[0]` is its name) took before, when its commit's answer was lost, are given again.
    Raising the attempt fences off whoever held a row before. A delete whose id is by now that of a live wait is
    dropped: the queue has given the id out again, and deleting it would take a waiting customer's place. A request
    that cannot be opened is given as such: one damaged row must not keep all others from being claimed.
    """
    own, limit, lease_ms = ask
    before = await transaction.rows("claimed_before", claim=own) if transaction.again else ()
    claimed = []
    for row in before or await _due(transaction, limit):
        delivery, kind, attempt, first_at, interaction, session, sealed, state, outcome, reused = row
        if kind == "delete" and reused:
            await transaction.run("finish_delivery", delivery=delivery, attempt=attempt)
            continue
        if not before:
            await transaction.run(
                "claim_delivery", delivery=delivery, lease_until=transaction.now + lease_ms, claim=own
            )
        kept = kind == "create" and sealed is not None
        request = open_request(session, sealed, transaction.sealer) if kept else None
        claimed.append(
            Delivery(
                row=delivery,
                kind=kind,
                attempt=attempt + 1,
                session_id=SessionId(session),
                interaction_id=None if interaction is None else InteractionId(interaction),
                request=request,
                first_at=first_at,
                claimed_at=transaction.now,
                maybe_sent=attempt > 0,
                state=State(state),
                outcome=None if outcome is None else Outcome(outcome),
                unreadable=kept and request is None,
            )
        )
    return claimed


async def _due(transaction: Transaction, limit: int) -> Sequence[Row]:
    due = await transaction.rows("due_deliveries", limit=limit)
    if len(due) < limit:
        return due
    # More is due than is taken now, such as deletes after an outage: a customer must not stand behind them.
    requests = await transaction.rows("due_requests", limit=limit)
    first = {row[0] for row in requests}
    return [*requests, *(row for row in due if row[0] not in first)][:limit]


async def finish(transaction: Transaction, fence: tuple[int, int]) -> None:
    """DeleteInteraction is done: the row `fence[0]` goes, if `fence[1]` is still its newest attempt."""
    await transaction.run("finish_delivery", delivery=fence[0], attempt=fence[1])


async def postpone(transaction: Transaction, fence: tuple[int, int, int]) -> None:
    """Try the row `fence[0]`, attempt `fence[1]`, again at `fence[2]` (ms since 1970)."""
    await transaction.run("postpone_delivery", delivery=fence[0], attempt=fence[1], retry_at=fence[2])
