"""Starting waits and taking in the queue's answers: rarer than endings, so one command at a time in the group."""

from typing import Final

import msgspec

from diyalog.domain.commands import EndWait, Idempotency, QueueFailed, QueueTook, Request, StartWait
from diyalog.domain.ids import CommandId, InteractionId, SessionId
from diyalog.domain.results import Delivery, QueueResult, StartResult, Verdict
from diyalog.domain.transitions import KEEPS_INTERACTION, Event
from diyalog.domain.wait import State, Wait
from diyalog.storage.endings import end_waits
from diyalog.storage.rows import open_wait, request_place
from diyalog.storage.transaction import Transaction

_STARTED: Final = "STARTED"
_LEASE_MS: Final = 120_000
"""How long a node may be busy with one call-out before another one may take it over (the longest answer is read
for the queue timeout plus 60 s)."""
_FIRST_BUILTIN: Final = 100_000
"""Interactions of the built-in queue are called D and a number from here on."""


def read_wait(transaction: Transaction, row: int) -> Wait:
    """The wait of a row that exists."""
    fields = transaction.row("wait_by_row", wait=row)
    assert fields is not None, "rows of waits are read only while they exist"
    return open_wait(fields, transaction.sealer)


def start_wait(transaction: Transaction, command: StartWait) -> StartResult:
    """Start a wait, ending the customer's open one in the same transaction."""
    if command.idempotency is not None and (earlier := _earlier(transaction, command.idempotency)) is not None:
        return earlier
    live = transaction.row("live_wait", customer=command.customer)
    replaced = None
    if live is not None:
        if live[1] == State.CONNECTED:
            return StartResult(Verdict.LOST, read_wait(transaction, live[0]))
        replacing = EndWait(CommandId(f"{command.command}-replace"), Event.REPLACE, row=live[0])
        replaced = end_waits(transaction, [replacing])[0].wait
    wait = _insert(transaction, command)
    transaction.run(
        "write_audit", now=transaction.now, wait=wait.row, event=Event.START, access_key=None, node=transaction.node
    )
    transaction.run("count_one", name="created")
    if command.idempotency is not None:
        transaction.run(
            "write_idempotency",
            scope=command.idempotency.scope,
            body=command.idempotency.body,
            now=transaction.now,
            wait=wait.row,
            verdict=_STARTED,
        )
    delivery = _ask_queue(transaction, command, wait) if wait.state is State.REQUESTED else None
    return StartResult(Verdict.WON, wait, replaced, delivery)


def _earlier(transaction: Transaction, idempotency: Idempotency) -> StartResult | None:
    """What this Idempotency-Key started before, None when it is new, or when that is forgotten and was not answered."""
    row = transaction.row("find_idempotency", scope=idempotency.scope)
    if row is None:
        return None
    body, _, wait, status, sealed = row
    if body != idempotency.body:
        return StartResult(Verdict.MISMATCH)
    answer = None
    if status is not None:
        answer = (status, transaction.sealer.open(answer_place(idempotency.scope), sealed).encode())
    fields = transaction.row("wait_by_row", wait=wait)
    known = None if fields is None else open_wait(fields, transaction.sealer)
    if known is None and answer is None:
        transaction.run("release_idempotency", scope=idempotency.scope)
        return None
    return StartResult(Verdict.WON, known, replayed=True, answer=answer)


def answer_place(scope: bytes) -> str:
    """Where the answer to a start is sealed for."""
    return f"idempotency.answer:{scope.hex()}"


def _insert(transaction: Transaction, command: StartWait) -> Wait:
    """Write the wait, and say how it now stands without reading it back."""
    own = _own_interaction(transaction, command)
    waits_at_once = command.builtin or own is not None
    state = State.WAITING if waits_at_once else State.REQUESTED
    request = msgspec.json.encode(command.request).decode()
    transaction.run(
        "insert_wait",
        session=command.session_id,
        customer=command.customer,
        interaction=own,
        queue="builtin" if command.builtin else "http",
        help_type=command.help_type,
        state=state,
        request=transaction.sealer.seal(request_place(command.session_id), request),
        command=command.command,
        now=transaction.now,
        queued_at=transaction.now if waits_at_once else None,
        seq=int(waits_at_once),
        limit_at=transaction.now + command.limit_ms,
        due_at=transaction.now + min(command.limit_ms, command.abandon_ms),
        abandon_ms=command.abandon_ms,
        answer_by=transaction.now + command.queue_timeout_ms,
    )
    row = transaction.connection.last_insert_rowid()
    if waits_at_once and own is None:
        own = InteractionId(f"D{_FIRST_BUILTIN + row}")
        transaction.run("name_builtin_interaction", wait=row, interaction=own)
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


def _own_interaction(transaction: Transaction, command: StartWait) -> InteractionId | None:
    """The id under which the company queued this customer itself; the first wait of the activation takes it along.

    Not when it is open for somebody else by now: then the queue is asked as usual.
    """
    row = None if command.token is None else transaction.row("token_interaction", digest=command.token)
    if row is None:
        return None
    transaction.run("take_token_interaction", digest=command.token)
    interaction = InteractionId(row[0])
    if transaction.row("live_interaction", interaction=interaction) is not None:
        return None
    transaction.run("drop_superseded_deletes", interaction=interaction)
    return interaction


def _ask_queue(transaction: Transaction, command: StartWait, wait: Wait) -> Delivery:
    """Write that CreateInteraction is due, claimed by this node at once."""
    transaction.run(
        "insert_create",
        wait=wait.row,
        now=transaction.now,
        lease_until=transaction.now + command.queue_timeout_ms + _LEASE_MS,
        node=transaction.node,
    )
    return Delivery(
        row=transaction.connection.last_insert_rowid(),
        kind="create",
        attempt=1,
        session_id=wait.session_id,
        interaction_id=None,
        request=command.request,
        first_at=transaction.now,
        claimed_at=transaction.now,
        maybe_sent=False,
        state=wait.state,
        outcome=None,
    )


def remember_answer(transaction: Transaction, answer: tuple[Idempotency, int, bytes]) -> None:
    """Keep the answer given to a start, sealed, for repeats with the same Idempotency-Key."""
    idempotency, status, body = answer
    sealed = transaction.sealer.seal(answer_place(idempotency.scope), body.decode())
    transaction.run("write_answer", scope=idempotency.scope, status=status, answer=sealed)


def queue_took(transaction: Transaction, command: QueueTook) -> QueueResult:
    """Take in the id that CreateInteraction answered with.

    The wait becomes WAITING; when it has ended meanwhile, the id is stored late and DeleteInteraction becomes due,
    except after an outcome with which the queue's entry is settled anyway.
    """
    found = transaction.row("find_delivery", delivery=command.delivery, attempt=command.attempt)
    if found is None:
        return QueueResult(None, changed=False, stale=True)
    row = found[0]
    wait = read_wait(transaction, row)
    holder = transaction.row("live_interaction", interaction=command.interaction_id)
    if holder is not None and holder[0] != row:
        return QueueResult(wait, changed=False, conflict=True)
    # The queue named this id anew: a delete still due under it would hit what the id stands for now.
    transaction.run("drop_superseded_deletes", interaction=command.interaction_id)
    changed = wait.state is State.REQUESTED
    if changed:
        transaction.run(
            "take_interaction",
            wait=row,
            interaction=command.interaction_id,
            command=command.command,
            now=transaction.now,
        )
        transaction.run(
            "write_audit", now=transaction.now, wait=row, event=Event.QUEUE_TOOK, access_key=None, node=transaction.node
        )
        wait = wait._replace(state=State.WAITING, interaction_id=command.interaction_id, seq=wait.seq + 1)
    elif wait.state is State.ENDED:
        transaction.run("store_late_interaction", wait=row, interaction=command.interaction_id)
        if wait.outcome is not None and wait.outcome not in KEEPS_INTERACTION:
            transaction.run("insert_delete", wait=row, interaction=command.interaction_id, now=transaction.now)
        wait = wait._replace(interaction_id=command.interaction_id)
    transaction.run("finish_delivery", delivery=command.delivery, attempt=command.attempt)
    return QueueResult(wait, changed)


def queue_failed(transaction: Transaction, command: QueueFailed) -> QueueResult:
    """Take in that CreateInteraction did not work out."""
    found = transaction.row("find_delivery", delivery=command.delivery, attempt=command.attempt)
    if found is None:
        return QueueResult(None, changed=False, stale=True)
    row = found[0]
    changed = False
    if command.event is not None:
        ending = EndWait(command.command, command.event, row=row)
        changed = end_waits(transaction, [ending])[0].verdict is Verdict.WON
    fence = {"delivery": command.delivery, "attempt": command.attempt}
    if command.settled:
        transaction.run("finish_delivery", **fence)
        transaction.run("forget_request", wait=row)
    elif command.unresolved:
        transaction.run("keep_unresolved", **fence)
        transaction.run("forget_request", wait=row)
    elif command.retry_at is not None:
        transaction.run("postpone_delivery", retry_at=command.retry_at, **fence)
    return QueueResult(read_wait(transaction, row), changed)


def open_request(transaction: Transaction, session_id: SessionId, sealed: bytes | None) -> Request | None:
    """The request of a wait, None when it is not kept any more."""
    if sealed is None:
        return None
    return msgspec.json.decode(transaction.sealer.open(request_place(session_id), sealed), type=Request)
