"""Sends what the outbox holds to the company's queue, and repeats it until its result is stored.

Nothing here is a record: whatever is in hand when the process dies is claimed again from the outbox.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.ids import CommandId, NodeId
from diyalog.domain.results import Delivery
from diyalog.domain.retry import delay
from diyalog.domain.wait import State, Wait
from diyalog.ports import OutboxStore, StoreUnavailableError, TransitionStore, WaitReader
from diyalog.ports_callouts import Again, Alarm, Done, Journal, QueueSystem
from diyalog.usecases.creating import LATE_S, Creating, QueueingPolicy
from diyalog.usecases.pausing import Later, Sleep, on_the_loop, pause
from diyalog.usecases.queue_results import Held, QueueResults

__all__ = ["Queueing", "QueueingPolicy"]

PAGE: Final = 100
"""Rows claimed at once."""
_POLL_S: Final = 1.0
_BACKGROUND: Final = 64
_LEASE_SLACK_S: Final = 60.0
_RETRY_BASE_S: Final = 1.0
_RETRY_CAP_S: Final = 30.0
_OVERDUE_MS: Final = 24 * 3_600_000
_HOUR_MS: Final = 3_600_000


class QueueingStore(TransitionStore, OutboxStore, WaitReader, Protocol):
    """What this use case needs of the store."""


class Queueing:
    """Works on claimed outbox rows, each in a task of its own group; `run` lasts until `stop`.

    Customers' requests are worked on at once. Calls for which nobody waits (deletes, asking for ids) are few at a
    time, so that a queue that hangs is not buried; those for which there is no room are put off.
    `grace_s`: how long `run` lets requests in flight finish once it is told to stop (seconds).
    """

    def __init__(
        self,
        store: QueueingStore,
        queue: QueueSystem,
        *,
        on_change: Callable[[Wait], None],
        policy: QueueingPolicy,
        node: NodeId,
        new_command_id: Callable[[], CommandId],
        clock: Clock,
        sleep: Sleep,
        random: Callable[[], float],
        journal: Journal,
        grace_s: float,
        later: Later = on_the_loop,
    ) -> None:
        self._store = store
        self._queue = queue
        self._node = node
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._journal = journal
        self._grace_s = grace_s
        self._lease_ms = policy.queue_timeout_ms + int((LATE_S + _LEASE_SLACK_S) * 1000)
        self._results = QueueResults(
            store,
            on_change=on_change,
            on_delete_due=self.kick,
            new_command_id=new_command_id,
            sleep=sleep,
            random=random,
            journal=journal,
        )
        self._creating = Creating(
            queue,
            store,
            self._results,
            policy=policy,
            retry_at=self._retry_at,
            clock=clock,
            later=later,
            random=random,
            journal=journal,
        )
        self._group: asyncio.TaskGroup | None = None
        self._held: dict[int, Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._background = 0
        self._due = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping = False

    def dispatch(self, delivery: Delivery) -> None:
        """Send a create that was just written and claimed by this node. Not running: it stays in the outbox."""
        if self._group is not None and not self._stopping:
            self._begin(delivery)

    def kick(self) -> None:
        """Something may be due: look at once."""
        self._due.set()

    def stop(self) -> None:
        """Claim and begin nothing more; `run` returns when what is in hand is finished or the grace is over."""
        self._stopping = True
        self._due.set()
        self._room.set()

    async def run(self) -> None:
        """Work until told to stop. What is unfinished then stays in the outbox under its lease."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._claim_until_stopped()
                await self._finish()
        finally:
            self._group = None
            self._held.clear()
            self._background = 0

    async def _claim_until_stopped(self) -> None:
        failures = 0
        while not self._stopping:
            self._due.clear()
            self._room.clear()
            try:
                deliveries = await self._store.claim(self._node, PAGE, self._lease_ms)
            except StoreUnavailableError:
                await self._sleep(delay(failures, self._random(), base=0.1, cap=_POLL_S))
                failures += 1
                continue
            failures = 0
            for delivery in deliveries:
                self._begin(delivery)
            if len(deliveries) < PAGE:
                await pause(self._sleep, _POLL_S, self._due)
            elif self._background >= _BACKGROUND:
                await pause(self._sleep, _POLL_S, self._room)

    async def _finish(self) -> None:
        grace = asyncio.ensure_future(self._sleep(self._grace_s))
        try:
            while self._tasks and not grace.done():
                await asyncio.wait({grace, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            grace.cancel()
        for task in self._tasks:
            task.cancel()

    def _begin(self, delivery: Delivery) -> None:
        assert self._group is not None, "running"
        if (held := self._held.get(delivery.row)) is not None:
            held.delivery = delivery
            return
        held = self._held[delivery.row] = Held(delivery)
        if delivery.kind == "create" and delivery.state is State.REQUESTED:
            work = self._creating.deliver
        elif self._background >= _BACKGROUND:
            work = self._put_off
        else:
            self._background += 1
            work = self._in_background
        task = self._group.create_task(self._contain(held, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _contain(self, held: Held, work: Callable[[Held], Coroutine[Any, Any, None]]) -> None:
        """Never raise: one row's bug must not stop the others."""
        try:
            await work(held)
        except Exception as error:  # noqa: BLE001
            self._journal.failed("queueing", error)
            self._journal.alarmed(Alarm.DELIVERY_FAILED, held.delivery.session_id)
        finally:
            self._held.pop(held.delivery.row, None)

    async def _in_background(self, held: Held) -> None:
        try:
            if held.delivery.kind == "create":
                await self._creating.deliver(held)
            else:
                await self._delete(held)
        finally:
            self._background -= 1
            self._room.set()

    async def _put_off(self, held: Held) -> None:
        """There is no free place: nothing was asked of the queue, so that an old row is no reason for an alarm."""
        retry_at = self._soon(held.delivery)
        if held.delivery.kind == "create":
            await self._results.failed(held, None, retry_at=retry_at)
        else:
            await self._results.retry_delete(held, retry_at)

    async def _delete(self, held: Held) -> None:
        """DeleteInteraction: 2xx, 404 and 410 are done, all else is repeated (HTTP API, the company's queue)."""
        delivery = held.delivery
        assert delivery.interaction_id is not None, "a delete row has an id"
        match await self._queue.delete(delivery.interaction_id):
            case Done():
                await self._results.deleted(held)
            case Again(denied):
                if denied:
                    self._journal.alarmed(Alarm.QUEUE_DELETE_DENIED, delivery.session_id, delivery.interaction_id)
                await self._results.retry_delete(held, self._retry_at(delivery))

    def _retry_at(self, delivery: Delivery) -> int:
        """Full jitter, at most 30 s apart, for 24 h; then hourly with an alarm (contract of the company's queue)."""
        now = self._clock.now_ms()
        if now - delivery.first_at >= _OVERDUE_MS:
            overdue = Alarm.QUEUE_CREATE_OVERDUE if delivery.kind == "create" else Alarm.QUEUE_DELETE_OVERDUE
            self._journal.alarmed(overdue, delivery.session_id, delivery.interaction_id)
            return now + _HOUR_MS
        return self._soon(delivery)

    def _soon(self, delivery: Delivery) -> int:
        pause_s = delay(max(0, delivery.attempt - 1), self._random(), base=_RETRY_BASE_S, cap=_RETRY_CAP_S)
        return self._clock.now_ms() + int(pause_s * 1000)
