"""A desk in the built-in queue: comes and goes, is offered customers, takes them, lets them pass, or does not look."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from diyalog.domain.ids import SessionId
from world.desk import Desk
from world.line_watch import LineWatch
from world.network import AwayError, LostError
from world.node import Node

_PATIENCE_S: Final = 0.5
_GONE: Final = 0.01
_LEAVES_OPEN: Final = 0.08
"""How often somebody goes home at the end without a word."""
_GONE_S: Final = 40.0
"""Longer than the 30 s after which a desk that is gone takes no offers any more, and what a server's death adds."""


@dataclass
class RoutedDesk(Desk):
    """One agent of the built-in queue. `absent`: never reacts to an offer until everything works again.

    `offers`: customers by their sessions, as the desk was shown them last; `seen`: those it has decided upon.
    """

    watch: LineWatch = field(kw_only=True)
    absent: bool = False
    offers: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    gone: float = _GONE
    gone_s: float = _GONE_S
    hello: dict[str, Any] = field(default_factory=lambda: {"type": "hello", "line": True})

    def acts(self) -> Sequence[tuple[Callable[[], Awaitable[object]], int]]:
        if self.absent:
            return ((self._come, 1), (self._follow_a_while, 5))
        return (
            (self._come, 4),
            (self._leave, 1),
            (self._follow_a_while, 12),
            (self._take_next, 1),
            (self._write, 1),
            (self._say_goodbye, 4),
        )

    async def run(self, acts: int) -> None:
        await self._sign_in()
        await self._come()
        await super().run(acts // 2)
        if self.random.random() < _LEAVES_OPEN:
            await self._come()
            await asyncio.sleep(_GONE_S)

    async def serve(self, everybody: asyncio.Event) -> None:
        """Everything works again: take whoever is offered, and say goodbye at once, until `everybody` was served."""
        self.absent = False
        while not everybody.is_set():
            await self._come()
            await self._follow(_PATIENCE_S)

    # What an agent does

    async def _come(self) -> None:
        await self._set_available(available=True)

    async def _leave(self) -> None:
        await self._set_available(available=False)

    async def _set_available(self, *, available: bool) -> None:
        async def handle(node: Node) -> bool:
            staff = (await self._whose(node))["staff"]
            return (await node.routing.set_availability(staff, self.user_id, available=available)).available

        try:
            answer = await self.network.call(handle)
        except (LostError, AwayError):
            return
        assert answer == available, f"{self.user_name} asked for {available} and is told {answer}"

    async def _decline(self, session_id: str) -> None:
        async def handle(node: Node) -> bool:
            staff = (await self._whose(node))["staff"]
            declined = await node.routing.decline(SessionId(session_id), staff)
            if declined:
                self.watch.passed(session_id, staff)
            return declined

        try:
            await self.network.call(handle)
        except (LostError, AwayError):
            return

    # What the desk is shown

    def _take_of_the_moment(self, message: dict[str, Any]) -> None:
        if message["type"] == "desk":
            assert message["routing"], "the built-in queue routes"
            self.offers = {offer["sessionId"]: offer["customerId"] for offer in message["offers"]}
            opened_ms = int(1000 * (self.memory.loop.time() - self.opened_at))
            self.watch.shown(self.user_name, list(self.offers), opened_ms)

    async def _act_while_following(self) -> None:
        for session_id, customer_id in list(self.offers.items()):
            if self.absent or session_id in self.seen:
                continue
            self.seen.add(session_id)
            luck = 0.0 if self.faults.over else self.random.random()
            if luck < 0.6:
                await self._accept_as({"session_id": SessionId(session_id)}, customer_id)
            elif luck < 0.8:
                await self._decline(session_id)
        if self.faults.over:
            for session_id in list(self.talks):
                if await self.side.end(session_id):
                    self._over(session_id)
        elif not self.absent:
            await super()._act_while_following()

    def _forget(self) -> None:
        super()._forget()
        self.offers.clear()
        self.seen.clear()
