"""An agent's desk: looks at the line, takes customers, writes to them, says goodbye, and remembers what it was told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from diyalog.domain.ids import InteractionId, SessionId
from diyalog.domain.results import ConversationResult, Verdict, Waiter
from diyalog.domain.wait import Party, State
from diyalog.usecases.conversing import Talk
from diyalog.usecases.staff_access import SignInRequest
from world.faults import Fault, Faults
from world.ledger import Memory
from world.network import AwayError, LostError, Network
from world.node import Node
from world.talking import TRIES, Side

_HOME_TRIES: Final = 60
_LATE_S: Final = 6.0
"""Whatever was said to the server before has arrived after so long."""


@dataclass
class Desk:
    """One agent. `run` plays their part; `go_home` ends all their conversations. `on_taken` is told of customers."""

    user_id: str
    user_name: str
    network: Network
    faults: Faults
    random: Random
    memory: Memory
    on_taken: Callable[[str, str], None]
    token: str = ""
    talks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.side = Side(Party.AGENT, self.user_id, self.network, self.random, self.memory, self._whose)

    async def run(self, acts: int) -> None:
        await self._sign_in()
        for _ in range(acts):
            act = self.random.choices(
                (self._take_next, self._write, self._say_goodbye, self._look, self._rest), (5, 6, 2, 1, 1)
            )[0]
            await act()
            if self.faults.strikes(Fault.APP_RESTARTS):
                self.talks.clear()

    async def go_home(self) -> None:
        """Everything works again: repeat what was not answered, and end what is still alive."""
        await asyncio.sleep(_LATE_S)
        for message_id in list(self.side.unsent):
            await self.side.send(message_id, _HOME_TRIES)
        assert not self.side.unsent, f"{self.user_name}: a message is never answered"
        for _ in range(_HOME_TRIES):
            if await self._look() and not self.talks:
                return
            for session_id in self.talks:
                await self.side.read(session_id)
                await self.side.end(session_id)
        raise AssertionError(f"{self.user_name}: conversations with {self.talks} do not end")

    # What an agent does

    async def _sign_in(self) -> None:
        async def handle(node: Node) -> str:
            session = await node.staff.sign_in(SignInRequest(self.user_id, self.user_name))
            return session.staff_token

        while not self.token:
            try:
                self.token = await self.network.call(handle)
            except (LostError, AwayError):
                await asyncio.sleep(0.2)

    async def _whose(self, node: Node) -> dict[str, Any]:
        identity = await node.staff.identify(self.token)
        assert identity is not None, "the token was given"
        return {"staff": identity.staff}

    async def _take_next(self) -> None:
        async def handle(node: Node) -> list[Waiter]:
            return list(await node.conversing.line())

        try:
            line = await self.network.call(handle)
        except (LostError, AwayError):
            return
        if not line:
            await asyncio.sleep(self.random.random())
            return
        waiter = line[0] if self.random.random() < 0.7 else self.random.choice(line)
        await asyncio.sleep(self.random.random() * self.random.choice((0.0, 0.5, 2.0)))  # and looks who that is
        await self._accept(waiter)
        if self.random.random() < 0.1:
            await self._accept(waiter)

    async def _accept(self, waiter: Waiter) -> None:
        """Take a customer under one of the wait's names, again until there is an answer."""
        wait = waiter.wait
        names: list[dict[str, Any]] = [{"session_id": SessionId(wait.session_id)}, {"customer_id": waiter.customer_id}]
        if wait.interaction_id is not None:
            names.append({"interaction_id": InteractionId(wait.interaction_id)})
        name = self.random.choice(names)

        async def handle(node: Node) -> ConversationResult:
            return await node.conversing.accept((await self._whose(node))["staff"], **name)

        for _ in range(TRIES):
            try:
                result = await self.network.call(handle)
            except (LostError, AwayError):
                await asyncio.sleep(0.3)
                continue
            self._note(name, result, waiter.customer_id)
            return

    def _note(self, name: dict[str, Any], result: ConversationResult, customer_id: str) -> None:
        wait = result.wait
        assert wait is not None, f"{name} stood in the line and is not known"
        self.memory.told_of(wait)
        talk = wait.conversation
        mine = wait.state is State.CONNECTED and talk is not None and talk.agent_name == self.user_name
        if result.verdict is Verdict.WON:
            assert mine, f"{wait.session_id} was taken, and is {wait.state} with {talk}"
            assert name.get("session_id", wait.session_id) == wait.session_id, f"{name}: got {wait.session_id}"
            if wait.session_id not in self.talks:
                self.talks.append(wait.session_id)
                self.on_taken(customer_id, self.user_id)
        else:
            assert result.verdict is Verdict.LOST, f"{name} stood in the line and is not known"
            assert not mine, f"{wait.session_id} was refused to the one who has it"
            assert wait.outcome is not None, f"{wait.session_id} was refused while it waits"

    async def _write(self) -> None:
        if not self.talks:
            await self._take_next()
            return
        session_id = self.random.choice(self.talks)
        if await self.side.write(session_id):
            self._over(session_id)

    async def _say_goodbye(self) -> None:
        if self.talks:
            session_id = self.random.choice(self.talks)
            if await self.side.end(session_id):
                self._over(session_id)

    async def _look(self) -> bool:
        """Read one's own conversations, as a desk does that is opened; whether there was an answer."""

        async def handle(node: Node) -> list[Talk]:
            return list(await node.conversing.live((await self._whose(node))["staff"]))

        try:
            live = await self.network.call(handle)
        except (LostError, AwayError):
            return False
        for talk in live:
            self.memory.told_of(talk.wait)
            own = talk.wait.conversation
            assert own is not None, f"{talk.wait.session_id} is alive without a conversation"
            assert own.agent_name == self.user_name, f"{talk.wait.session_id} is shown to {self.user_name}"
        self.talks = [talk.wait.session_id for talk in live]
        return True

    async def _rest(self) -> None:
        if self.talks:
            await self.side.read(self.random.choice(self.talks))
        await asyncio.sleep(self.random.random())

    def _over(self, session_id: str) -> None:
        if session_id in self.talks:
            self.talks.remove(session_id)
