"""Ending waits: the one guarded transaction, for every caller, over all endings that arrived together.

All commands of a group share each statement. The guard is in the UPDATE: of several commands for one wait, and of
several callers, the one whose command id the row carries afterwards has won; the others read what is stored.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from diyalog.domain.commands import EndWait, Idempotency
from diyalog.domain.ids import CommandId
from diyalog.domain.results import DueEnds, EndResult, Verdict
from diyalog.domain.transitions import ENDINGS, Event
from diyalog.domain.wait import Wait
from diyalog.storage.rows import message_place, open_wait, wait_of
from diyalog.storage.transaction import Endings, Transaction

_COMMAND: Final = 13
_ELSEWHERE: Final = 14
_PRESENT: Final = 15
_LOST_ELSEWHERE: Final = "LOST_ELSEWHERE"
_HELD: Final = "HELD"
"""Not answered yet: the key is taken, so that only the same content may be sent with it."""
_encode = msgspec.json.Encoder().encode


async def end_waits(transaction: Transaction, commands: Sequence[EndWait]) -> list[EndResult]:
    """End the waits that the commands name; one result for each command, in order.

    A command whose Idempotency-Key was used before, also within this group, is not carried out: it gets the first
    answer again, or MISMATCH.
    """
    first = _first_uses(commands)
    results: list[EndResult | None] = [None] * len(commands)
    fresh: list[int] = []
    for _, place in sorted(first.items()):  # in order of the keys, so that no two transactions wait for each other
        idempotency = commands[place].idempotency
        assert idempotency is not None, "a first use"
        results[place] = await _earlier(transaction, idempotency, commands[place].command)
    for place, command in enumerate(commands):
        if results[place] is None and (command.idempotency is None or first[command.idempotency.scope] == place):
            fresh.append(place)
    for place, result in zip(fresh, await _end(transaction, [commands[place] for place in fresh]), strict=True):
        results[place] = result
        await _remember(transaction, commands[place], result)
    return [result or _repeat(commands, results, first, place) for place, result in enumerate(results)]


async def end_due(transaction: Transaction, ask: tuple[CommandId, int]) -> DueEnds:
    """End up to `ask[1]` waits whose due time has passed; each end is a command of its own, named after `ask[0]`."""
    command, limit = ask
    due = await transaction.rows("due_waits", limit=limit)
    commands = [
        EndWait(CommandId(f"{command}-{row}"), Event.EXPIRE if limit_passed else Event.ABANDON, row=row)
        for row, limit_passed in due
    ]
    results = await end_waits(transaction, commands)
    ended = [result.wait for result in results if result.verdict is Verdict.WON and result.wait is not None]
    return DueEnds(ended, more=len(due) == limit)


async def _end(transaction: Transaction, commands: Sequence[EndWait]) -> list[EndResult]:
    if not commands:
        return []
    ended = await transaction.end_waits(_laid_out(transaction, commands))
    results = [_result(transaction, command, fields) for command, fields in zip(commands, ended.rows, strict=True)]
    if ended.outstanding:
        # A caller who may wait for an early interaction id is told which answers of the queue are still to come.
        for place, (command, result) in enumerate(zip(commands, results, strict=True)):
            if command.may_hold and result.verdict is Verdict.UNKNOWN:
                results[place] = result._replace(outstanding=tuple(ended.outstanding))
    return results


def _laid_out(transaction: Transaction, commands: Sequence[EndWait]) -> Endings:
    """The commands as JSON rows, sealed values as places in one long value."""
    sealer, sealed = transaction.sealer, bytearray()
    rows: list[tuple[object, ...]] = []
    deletes = holds = False
    for own, event, row, session_id, interaction_id, customer, message, caller, _, told, may_hold in commands:
        message_at = message_size = access_key = requester_at = requester_size = None
        if message is not None:
            value = sealer.seal(message_place(own), message)
            message_at, message_size = len(sealed) + 1, len(value)
            sealed += value
        if caller is not None:
            access_key = caller.access_key
            value = sealer.seal_again(f"audit.requester:{access_key}", caller.requester)
            requester_at, requester_size = len(sealed) + 1, len(value)
            sealed += value
        named = (own, row, session_id, interaction_id, event, customer)
        rows.append((*named, message_at, message_size, told, access_key, requester_at, requester_size))
        deletes = deletes or ENDINGS[event].deletes_interaction
        holds = holds or may_hold
    return Endings(_encode(rows).decode(), bytes(sealed), deletes, holds)


def _result(transaction: Transaction, command: EndWait, fields: list[Any]) -> EndResult:
    if fields[0] is None or (command.customer is not None and fields[2] != command.customer):
        return EndResult(Verdict.UNKNOWN)
    if fields[_COMMAND] == command.command:
        wait = wait_of(fields, command.message)
        return EndResult(Verdict.WON, wait if len(fields) <= _PRESENT else wait._replace(present=fields[_PRESENT]))
    return EndResult(Verdict.LOST, _stored(transaction, fields), waits_elsewhere=bool(fields[_ELSEWHERE]))


def _stored(transaction: Transaction, fields: list[Any]) -> Wait:
    fields[8] = bytes.fromhex(fields[8]) if fields[8] else None
    return open_wait(fields, transaction.sealer)


def _first_uses(commands: Sequence[EndWait]) -> dict[bytes, int]:
    """Where in the group each Idempotency-Key stands first."""
    first: dict[bytes, int] = {}
    for place, command in enumerate(commands):
        if command.idempotency is not None:
            first.setdefault(command.idempotency.scope, place)
    return first


async def _earlier(transaction: Transaction, idempotency: Idempotency, command: CommandId) -> EndResult | None:
    """The remembered answer to this Idempotency-Key, None when it is new or still being decided."""
    row = await transaction.row("find_idempotency", scope=idempotency.scope, body=idempotency.body)
    if row is None:
        return None
    if row[0] != idempotency.body:
        return EndResult(Verdict.MISMATCH)
    if row[1] == _HELD:
        return None
    if transaction.again and row[2] is not None:
        fields = await transaction.row("wait_by_row", wait=row[2])
        if fields is not None and fields[_COMMAND] == command:  # its own answer, which was lost with the commit
            return EndResult(Verdict.WON, open_wait(fields, transaction.sealer))
    if row[1] == _LOST_ELSEWHERE:
        return EndResult(Verdict.LOST, waits_elsewhere=True, replayed=True)
    return EndResult(Verdict[row[1]], replayed=True)


async def _remember(transaction: Transaction, command: EndWait, result: EndResult) -> None:
    """Keep the answer for repeats; it is committed together with what it tells. One that is held takes the key."""
    if command.idempotency is None or result.replayed:
        return
    verdict = _LOST_ELSEWHERE if result.waits_elsewhere else result.verdict.name
    await transaction.run(
        "write_idempotency",
        scope=command.idempotency.scope,
        body=command.idempotency.body,
        wait=None if result.wait is None else result.wait.row,
        verdict=_HELD if result.outstanding else verdict,
    )


def _repeat(
    commands: Sequence[EndWait], results: Sequence[EndResult | None], first: dict[bytes, int], place: int
) -> EndResult:
    """The answer of the first command of this group with the same Idempotency-Key."""
    repeated = commands[place].idempotency
    assert repeated is not None, "only repeats have no result yet"
    origin = first[repeated.scope]
    original = commands[origin].idempotency
    answer = results[origin]
    assert original is not None, "the first use carries the key"
    assert answer is not None, "the first use was answered"
    return answer._replace(replayed=True) if original.body == repeated.body else EndResult(Verdict.MISMATCH)
