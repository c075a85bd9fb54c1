"""Starting waits and taking in the queue's answers: one command at a time, what can wait once for the whole group."""

from collections.abc import Sequence
from typing import Final

import msgspec

from diyalog.domain.commands import EndWait, Idempotency, QueueFailed, QueueTook, StartWait
from diyalog.domain.ids import CommandId, InteractionId
from diyalog.domain.results import Delivery, QueueResult, StartResult, Verdict
from diyalog.domain.transitions import KEEPS_INTERACTION, Event
from diyalog.domain.wait import State, Wait
from diyalog.storage.endings import end_waits
from diyalog.storage.lifetimes import acknowledge
from diyalog.storage.rows import open_wait, request_place
from diyalog.storage.transaction import Row, Transaction

_STARTED: Final = "STARTED"
_LEASE_MS: Final = 120_000
"""How long a node may be busy with one call-out before another one may take it over (the longest answer is read
for the queue timeout plus 60 s)."""
_FIRST_BUILTIN: Final = 100_000
"""Interactions of the built-in queue are called D and a number from here on."""


async def read_wait(transaction: Transaction, row: int) -> Wait:
    """The wait of a row that exists."""
    fields = await transaction.row("wait_by_row", wait=row)
    assert fields is not None, "rows of waits are read only while they exist"
    return open_wait(fields, transaction.sealer)


async def start_waits(transaction: Transaction, commands: Sequence[StartWait]) -> list[StartResult]:
    """Start waits, each ending its customer's open one in the same transaction; one result for each, in order."""
    await transaction.hold_customers([command.customer for command in commands])
    begun: list[int] = []
    results = [await _start(transaction, command, begun) for command in commands]
    await _record_started(transaction, begun)
    return results


async def _start(transaction: Transaction, command: StartWait, begun: list[int]) -> StartResult:
    """Start a wait; its row is added to those `begun`, whose start is still to be recorded."""
    if transaction.again and (stored := await _begun_before(transaction, command)) is not None:
        return stored
    if command.idempotency is not None and (earlier := await _earlier(transaction, command.idempotency)) is not None:
        return earlier
    found = await transaction.row("before_start", customer=command.customer, digest=command.token)
    assert found is not None, "a SELECT of values has one row"
    live, state, own = found
    replaced = None
    if live is not None:
        if state == State.CONNECTED:
            return await _in_conversation(transaction, command, live)
        if live in begun:
            await _record_started(transaction, begun)  # its start is recorded before its end
        replacing = EndWait(_replacement(command), Event.REPLACE, row=live)
        [end] = await end_waits(transaction, [replacing])
        if end.wait is not None and end.wait.state is State.CONNECTED:
            return await _in_conversation(transaction, command, live)  # an agent was quicker
        replaced = end.wait if end.verdict is Verdict.WON else None  # else somebody was quicker, and tells of it
    wait = await _insert(
        transaction, command, None if own is None else await _own_interaction(transaction, command, own)
    )
    begun.append(wait.row)
    if command.idempotency is not None:
        await transaction.run(
            "write_idempotency",
            scope=command.idempotency.scope,
            body=command.idempotency.body,
            wait=wait.row,
            verdict=_STARTED,
        )
    delivery = await _ask_queue(transaction, command, wait) if wait.state is State.REQUESTED else None
    return StartResult(Verdict.WON, wait, replaced, delivery)


async def _in_conversation(transaction: Transaction, command: StartWait, live: int) -> StartResult:
    """The customer talks with an agent: nothing is started, and the same key may start something later."""
    if command.idempotency is not None:
        await transaction.run("release_idempotency", scope=command.idempotency.scope)
    return StartResult(Verdict.LOST, await read_wait(transaction, live))


async def _begun_before(transaction: Transaction, command: StartWait) -> StartResult | None:
    """What the same command did when its commit's answer was lost, None when nothing was committed."""
    fields = await transaction.row("wait_by_session", session=command.session_id)
    if fields is None:
        return None
    wait = open_wait(fields, transaction.sealer)
    due = await transaction.row("own_create", wait=wait.row)
    fields = await transaction.row("wait_replaced_by", customer=wait.customer, command=_replacement(command))
    replaced = None if fields is None else open_wait(fields, transaction.sealer)
    return StartResult(Verdict.WON, wait, replaced, None if due is None else _delivery(command, wait, due))


def _replacement(command: StartWait) -> CommandId:
    """The command by which a start ends the customer's open wait."""
    return CommandId(f"{command.command}-replace")


async def _record_started(transaction: Transaction, begun: list[int]) -> None:
    """Write the audit rows of the waits that were begun, and count them."""
    if begun:
        await _write_audit(transaction, Event.START, begun)
        await transaction.run("count_many", name="created", count=len(begun))
        begun.clear()


async def _write_audit(transaction: Transaction, event: Event, rows: Sequence[int]) -> None:
    waits = msgspec.json.encode(rows).decode()
    await transaction.run("write_audits", waits=waits, event=event)


async def _earlier(transaction: Transaction, idempotency: Idempotency) -> StartResult | None:
    """What this Idempotency-Key started before, None when it is new, or when that is forgotten and was not answered."""
    row = await transaction.row("find_idempotency", scope=idempotency.scope, body=idempotency.body)
    if row is None:
        return None
    body, _, wait, status, sealed = row
    if body != idempotency.body:
        return StartResult(Verdict.MISMATCH)
    answer = None
    if status is not None:
        answer = (status, transaction.sealer.open(answer_place(idempotency.scope), sealed).encode())
    fields = await transaction.row("wait_by_row", wait=wait)
    known = None if fields is None else open_wait(fields, transaction.sealer)
    if known is None and answer is None:
        await transaction.run("release_idempotency", scope=idempotency.scope)
        return None
    return StartResult(Verdict.WON, known, replayed=True, answer=answer)


def answer_place(scope: bytes) -> str:
    """Where the answer to a start is sealed for."""
    return f"idempotency.answer:{scope.hex()}"


async def _insert(transaction: Transaction, command: StartWait, own: InteractionId | None) -> Wait:
    """Write the wait, and say how it now stands without reading it back."""
    waits_at_once = command.builtin or own is not None
    state = State.WAITING if waits_at_once else State.REQUESTED
    request = msgspec.json.encode(command.request).decode()
    inserted = await transaction.row(
        "insert_wait",
        session=command.session_id,
        customer=command.customer,
        interaction=own,
        queue="builtin" if command.builtin else "http",
        help_type=command.help_type,
        state=state,
        request=transaction.sealer.seal(request_place(command.session_id), request),
        command=command.command,
        queued_at=transaction.now if waits_at_once else None,
        seq=int(waits_at_once),
        limit_at=transaction.now + command.limit_ms,
        due_at=transaction.now + min(command.limit_ms, command.abandon_ms),
        abandon_ms=command.abandon_ms,
        answer_by=transaction.now + command.queue_timeout_ms,
        needs=msgspec.json.encode(command.needs).decode() if command.needs else None,
    )
    assert inserted is not None, "the inserted row is returned"
    row: int = inserted[0]
    if waits_at_once and own is None:
        own = InteractionId(f"D{_FIRST_BUILTIN + row}")
        await transaction.run("name_builtin_interaction", wait=row, interaction=own)
    return Wait(
        row=row,
        session_id=command.session_id,
        customer=command.customer,
        interaction_id=own,
        help_type=command.help_type,
        state=state,
        outcome=None,
        reason=None,
        message=None,
        started_at=transaction.now,
        ended_at=None,
        seq=int(waits_at_once),
        acknowledged_at=None,
    )


async def _own_interaction(transaction: Transaction, command: StartWait, own: str) -> InteractionId | None:
    """The id under which the company queued this customer itself; the first wait of the activation takes it along.

    Not when it is open for somebody else by now: then the queue is asked as usual.
    """
    await transaction.run("take_token_interaction", digest=command.token)
    interaction = InteractionId(own)
    if await transaction.row("live_interaction", interaction=interaction) is not None:
        return None
    await transaction.run("drop_superseded_deletes", interaction=interaction)
    return interaction


async def _ask_queue(transaction: Transaction, command: StartWait, wait: Wait) -> Delivery:
    """Write that CreateInteraction is due, claimed by this node at once."""
    inserted = await transaction.row(
        "insert_create",
        wait=wait.row,
        lease_until=transaction.now + command.queue_timeout_ms + _LEASE_MS,
    )
    assert inserted is not None, "the inserted row is returned"
    return _delivery(command, wait, (inserted[0], transaction.now))


def _delivery(command: StartWait, wait: Wait, due: Row) -> Delivery:
    """The CreateInteraction of a wait that was just begun; `due`: its outbox row and when that was written."""
    return Delivery(
        row=due[0],
        kind="create",
        attempt=1,
        session_id=wait.session_id,
        interaction_id=None,
        request=command.request,
        first_at=due[1],
        claimed_at=due[1],
        maybe_sent=False,
        state=wait.state,
        outcome=None,
    )


async def remember_answer(
    transaction: Transaction, answer: tuple[Idempotency, int, bytes, tuple[int, int] | None]
) -> None:
    """Keep the answer given to a start, sealed, for repeats with the same Idempotency-Key; the first one stays.

    Only the answer that is kept acknowledges the end that it tells: another one may never have arrived, and whoever
    repeats the call gets the one that was kept.
    """
    idempotency, status, body, told = answer
    sealed = transaction.sealer.seal(answer_place(idempotency.scope), body.decode())
    kept = await transaction.changed("write_answer", scope=idempotency.scope, status=status, answer=sealed)
    if kept and told is not None:
        await acknowledge(transaction, [told])


async def take_answers(transaction: Transaction, commands: Sequence[QueueTook]) -> list[QueueResult]:
    """Take in the ids that CreateInteraction answered with; one result for each, in order.

    A wait becomes WAITING; when it has ended meanwhile, the id is stored late and DeleteInteraction becomes due,
    except after an outcome with which the queue's entry is settled anyway.
    """
    await transaction.hold_deliveries([command.delivery for command in commands])
    queued: list[int] = []
    results = [await _take(transaction, command, queued) for command in commands]
    if queued:
        await _write_audit(transaction, Event.QUEUE_TOOK, queued)
    return results


async def _take(transaction: Transaction, command: QueueTook, queued: list[int]) -> QueueResult:
    """Take in one answer; the row of a wait that now stands in the queue is added to those `queued`."""
    interaction = command.interaction_id
    fence = {"delivery": command.delivery, "attempt": command.attempt}
    found = await transaction.row("answered_wait", interaction=interaction, **fence)
    if found is None:
        return await _stale(transaction, command.command)
    *fields, held_elsewhere, superseded = found
    wait = open_wait(fields, transaction.sealer)
    if held_elsewhere:
        return QueueResult(wait, changed=False, conflict=True)
    if superseded:
        # The queue named this id anew: a delete still due under it would hit what the id stands for now.
        await transaction.run("drop_superseded_deletes", interaction=interaction)
    changed = wait.state is State.REQUESTED
    if changed:
        await transaction.run("take_interaction", wait=wait.row, interaction=interaction, command=command.command)
        queued.append(wait.row)
        wait = wait._replace(state=State.WAITING, interaction_id=interaction, seq=wait.seq + 1)
    elif wait.outcome is not None:
        await transaction.run("store_late_interaction", wait=wait.row, interaction=interaction)
        if wait.outcome is not None and wait.outcome not in KEEPS_INTERACTION:
            await transaction.run("insert_delete", wait=wait.row, interaction=interaction)
        wait = wait._replace(interaction_id=interaction)
    await transaction.run("finish_delivery", **fence)
    return QueueResult(wait, changed)


async def _stale(transaction: Transaction, command: CommandId) -> QueueResult:
    """A newer attempt owns the outbox row; or this very command was carried out, and its commit's answer was lost."""
    fields = await transaction.row("wait_changed_by", command=command) if transaction.again else None
    if fields is None:
        return QueueResult(None, changed=False, stale=True)
    return QueueResult(open_wait(fields, transaction.sealer), changed=True)


async def take_failures(transaction: Transaction, commands: Sequence[QueueFailed]) -> list[QueueResult]:
    """Take in that CreateInteraction did not work out; one result for each, in order."""
    await transaction.hold_deliveries([command.delivery for command in commands])
    return [await _fail(transaction, command) for command in commands]


async def _fail(transaction: Transaction, command: QueueFailed) -> QueueResult:
    found = await transaction.row("find_delivery", delivery=command.delivery, attempt=command.attempt)
    if found is None:
        return await _stale(transaction, command.command)
    row = found[0]
    changed = False
    if command.event is not None:
        ending = EndWait(command.command, command.event, row=row)
        changed = (await end_waits(transaction, [ending]))[0].verdict is Verdict.WON
    fence = {"delivery": command.delivery, "attempt": command.attempt}
    if command.settled:
        await transaction.run("finish_delivery", **fence)
        await transaction.run("forget_request", wait=row)
    elif command.unresolved:
        await transaction.run("keep_unresolved", **fence)
        await transaction.run("forget_request", wait=row)
    elif command.retry_at is not None:
        await transaction.run("postpone_delivery", retry_at=command.retry_at, **fence)
    return QueueResult(await read_wait(transaction, row), changed)
