"""The company's back end: gives up on customers in its queue, ends conversations; again when it got no answer."""

import asyncio
import hashlib
from dataclasses import dataclass
from random import Random

import apsw

from diyalog.domain.commands import Caller, Idempotency
from diyalog.domain.ids import AccessKeyId, InteractionId, SessionId
from diyalog.usecases.waiting import Answer
from world.company import Interaction
from world.faults import Faults
from world.ledger import Memory
from world.loop import Process, SimulatedLoop
from world.network import AwayError, LostError, Network
from world.node import Node

_CALLER = Caller(AccessKeyId("KEY"), "31007")
_TRIES = 5


@dataclass
class Said:
    """What the server answered to one interaction's calls; `unknown`: one of them was not answered."""

    stopped: bool = False
    unknown: bool = False


class BackOffice:
    """Calls interactionisnotdelivered for most interactions, some time after the queue made them, and finishonlinehelp
    for some conversations.
    """

    def __init__(self, network: Network, faults: Faults, random: Random, memory: Memory, loop: SimulatedLoop) -> None:
        self._network = network
        self._faults = faults
        self._random = random
        self._memory = memory
        self._loop = loop
        self._said: dict[str, Said] = {}
        self._calls: list[asyncio.Task[None]] = []
        self._finished = self._may_have_finished = 0

    def took(self, interaction: Interaction) -> None:
        """The queue holds a customer: decide whether and when nobody will come."""
        if self._faults.over or self._random.random() < 0.3:
            return
        after_s = self._random.random() * self._random.choice((0.1, 2.0, 5.0))
        by_session = interaction.session_id is not None and self._random.random() < 0.3
        keyed = self._random.random() < 0.5
        context = Process("office").context
        for _ in range(self._random.choice((1, 1, 1, 2))):
            work = self._give_up(interaction, after_s, by_session=by_session, keyed=keyed)
            self._calls.append(self._loop.create_task(work, context=context))

    def talks(self, customer_id: str, user_id: str) -> None:
        """An agent has a customer: decide whether and when the company ends that."""
        if self._faults.over or self._random.random() < 0.75:
            return
        context = Process("office").context
        self._calls.append(self._loop.create_task(self._finish(customer_id, user_id), context=context))

    async def finish(self) -> None:
        """Wait until everything was said."""
        for call in self._calls:
            await call

    async def _give_up(self, interaction: Interaction, after_s: float, *, by_session: bool, keyed: bool) -> None:
        await asyncio.sleep(after_s)
        named = interaction.interaction_id
        scope = hashlib.sha256(f"office {named}".encode()).digest()
        idempotency = Idempotency(scope, hashlib.sha256(named.encode()).digest()) if keyed else None
        interaction_id, session_id = (None, interaction.session_id) if by_session else (named, None)
        for _ in range(_TRIES):
            try:
                answer, session = await self._network.call(
                    lambda node: self._handle(node, interaction_id, session_id, idempotency), once=not keyed
                )
            except (LostError, AwayError):
                self._said_of(interaction).unknown |= idempotency is None
                await asyncio.sleep(0.3)
            else:
                self._note(interaction, answer, interaction.session_id or session)
                return
        self._said_of(interaction).unknown = True

    async def _finish(self, customer_id: str, user_id: str) -> None:
        await asyncio.sleep(self._random.random() * 3.0)
        for _ in range(_TRIES):
            try:
                ended = await self._network.call(
                    lambda node: node.conversing.finish(customer_id, user_id, _CALLER), once=True
                )
            except (LostError, AwayError):
                self._may_have_finished += 1
                await asyncio.sleep(0.3)
            else:
                self._finished += ended
                return

    @staticmethod
    async def _handle(
        node: Node,
        interaction_id: InteractionId | None,
        session_id: SessionId | None,
        idempotency: Idempotency | None,
    ) -> tuple[Answer, SessionId | None]:
        return await node.waiting.not_delivered(interaction_id, session_id, "Nobody is free.", _CALLER, idempotency)

    def _said_of(self, interaction: Interaction) -> Said:
        return self._said.setdefault(interaction.session_id or "", Said())

    def _note(self, interaction: Interaction, answer: Answer, session_id: SessionId | None) -> None:
        assert answer is not Answer.KEY_REUSED, f"{interaction.interaction_id}: the key was used for the same body"
        said = self._said_of(interaction)
        if answer is Answer.STOPPED:
            said.stopped = True
            self._loop.note("office told NOT_DELIVERED")
            if session_id is not None:
                self._memory.told.note(session_id, "NOT_DELIVERED")

    def check(self, connection: apsw.Connection) -> None:
        """Who was told no by every call was told no: NOT_DELIVERED is not stored then; so it is with conversations."""
        [(stored,)] = connection.execute("SELECT count(*) FROM conversation WHERE ended_by = 'company'").fetchall()
        least, most = self._finished, self._finished + self._may_have_finished
        assert least <= int(str(stored)) <= most, f"told of {least} to {most} finished conversations, stored {stored}"
        for session_id, said in self._said.items():
            if session_id and not said.stopped and not said.unknown:
                self._memory.told.deny(session_id, "NOT_DELIVERED")
