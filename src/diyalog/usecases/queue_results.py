"""Storing what the company's queue answered: a result that was received is not lost while the process lives."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar

from diyalog.domain.commands import QueueFailed, QueueTook
from diyalog.domain.ids import CommandId, InteractionId
from diyalog.domain.results import Delivery, QueueResult
from diyalog.domain.retry import delay
from diyalog.domain.transitions import Event
from diyalog.domain.wait import State, Wait
from diyalog.ports import OutboxStore, StoreUnavailableError, TransitionStore, WaitReader
from diyalog.ports_callouts import Alarm, Journal
from diyalog.usecases.pausing import Sleep

_BASE_S: Final = 0.1
_CAP_S: Final = 2.0

_T = TypeVar("_T")
_Command = TypeVar("_Command", QueueTook, QueueFailed)


class ResultStore(TransitionStore, OutboxStore, WaitReader, Protocol):
    """What this needs of the store."""


@dataclass(slots=True)
class Held:
    """A delivery that this node works on.

    `delivery` is replaced when the row's lease ran out and this node claimed it again meanwhile: the work goes on
    under the newest fence instead of being done twice.
    """

    delivery: Delivery


class QueueResults:
    """Writes results, again and again while the store is away, and tells of the changes they made."""

    def __init__(
        self,
        store: ResultStore,
        *,
        on_change: Callable[[Wait], None],
        on_delete_due: Callable[[], None],
        new_command_id: Callable[[], CommandId],
        sleep: Sleep,
        random: Callable[[], float],
        journal: Journal,
    ) -> None:
        self._store = store
        self._on_change = on_change
        self._on_delete_due = on_delete_due
        self._new_command_id = new_command_id
        self._sleep = sleep
        self._random = random
        self._journal = journal

    async def took(self, held: Held, interaction_id: InteractionId) -> QueueResult:
        """The queue holds the wait under this id. For a wait that ended meanwhile a delete may be due now."""
        delivery = held.delivery
        command = QueueTook(self._new_command_id(), delivery.row, delivery.attempt, interaction_id)
        result = await self._fenced(held, command, self._store.queue_took)
        if not result.changed:
            self._on_delete_due()
        return result

    async def failed(
        self,
        held: Held,
        event: Event | None,
        *,
        settled: bool = False,
        unresolved: bool = False,
        retry_at: int | None = None,
    ) -> QueueResult:
        """CreateInteraction did not work out; the parameters are those of QueueFailed."""
        delivery = held.delivery
        command = QueueFailed(
            self._new_command_id(), delivery.row, delivery.attempt, event, settled, unresolved, retry_at
        )
        return await self._fenced(held, command, self._store.queue_failed)

    async def deleted(self, held: Held) -> None:
        """DeleteInteraction is done."""
        await self._durably(held, lambda: self._store.deleted(held.delivery.row, held.delivery.attempt))

    async def retry_delete(self, held: Held, retry_at: int) -> None:
        """DeleteInteraction is due again at `retry_at` (ms since 1970)."""
        await self._durably(held, lambda: self._store.retry_delete(held.delivery.row, held.delivery.attempt, retry_at))

    async def _fenced(
        self, held: Held, command: _Command, write: Callable[[_Command], Awaitable[QueueResult]]
    ) -> QueueResult:
        while True:
            newest = command._replace(attempt=held.delivery.attempt)
            result = await self._durably(held, partial(write, newest))
            if not result.stale or newest.attempt == held.delivery.attempt:
                break
        if result.changed and result.wait is not None:
            self._on_change(result.wait)
        elif result.stale:
            await self._tell_what_is_stored(held)
        return result

    async def _tell_what_is_stored(self, held: Held) -> None:
        """An earlier try may have been committed, its answer lost: then nobody was told of it yet."""
        wait = await self._durably(held, lambda: self._store.wait(held.delivery.session_id))
        if wait is not None and wait.state is not State.REQUESTED:
            self._on_change(wait)

    async def _durably(self, held: Held, write: Callable[[], Awaitable[_T]]) -> _T:
        failures = 0
        while True:
            try:
                return await write()
            except StoreUnavailableError:
                if failures == 0:
                    self._journal.alarmed(Alarm.STORE_UNAVAILABLE, held.delivery.session_id)
                await self._sleep(delay(failures, self._random(), base=_BASE_S, cap=_CAP_S))
                failures += 1
