"""What both sides of a conversation do: write, repeat what was not answered, read, and say goodbye."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from diyalog.domain.commands import Say
from diyalog.domain.ids import SessionId
from diyalog.domain.results import ConversationResult, Said, StreamEvent, Verdict
from diyalog.domain.wait import Party, State
from world.ledger import Memory
from world.network import AwayError, LostError, Network
from world.node import Node

TRIES: Final = 4
TOLD_S: Final = 3.0
"""While everything works an open stream tells whatever happens in less, also what the fast way has lost."""
_AGAIN: Final = 0.15
"""How often somebody sends once more what was answered."""


@dataclass
class Side:
    """A customer's app, or an agent's desk. `whose` says who asks, by the token that the server is shown."""

    party: Party
    name: str
    network: Network
    random: Random
    memory: Memory
    whose: Callable[[Node], Awaitable[dict[str, Any]]]
    unsent: dict[str, tuple[str, str]] = field(default_factory=dict)
    number: int = 0

    async def write(self, session_id: str) -> bool:
        """Write a message; whether the conversation is over, as far as the answer tells."""
        self.number += 1
        message_id = f"{self.name}-m{self.number}".replace(".", "-")
        self.unsent[message_id] = (session_id, f"{self.party} says {self.random.choice('abc')}")
        return await self.send(message_id, TRIES)

    async def send(self, message_id: str, tries: int) -> bool:
        """Send a message under its id until there is an answer; whether the conversation is over."""
        session_id, text = self.unsent[message_id]
        for _ in range(tries):
            said = await self._ask_to_say(session_id, message_id, text)
            if said is not None:
                del self.unsent[message_id]
                self._note(session_id, message_id, text, said)
                if said.verdict is Verdict.WON and self.random.random() < _AGAIN:
                    await self._send_again(session_id, message_id, text)
                return said.verdict is Verdict.LOST
            await asyncio.sleep(0.3)
        return False

    async def _send_again(self, session_id: str, message_id: str, text: str) -> None:
        """The same id is the same message, and never another one."""
        other = self.random.random() < 0.5
        said = await self._ask_to_say(session_id, message_id, "something else" if other else text)
        if said is not None and other:
            assert said.verdict is Verdict.MISMATCH, f"{session_id}: {message_id} was taken for another text"
        elif said is not None:
            assert said.replayed, f"{session_id}: {message_id} was taken for a new message"
            self._note(session_id, message_id, text, said)

    async def _ask_to_say(self, session_id: str, message_id: str, text: str) -> Said | None:
        async def handle(node: Node) -> Said:
            return await node.conversing.say(Say(SessionId(session_id), message_id, text, **await self.whose(node)))

        try:
            return await self.network.call(handle)
        except (LostError, AwayError):
            return None

    def _note(self, session_id: str, message_id: str, text: str, said: Said) -> None:
        assert said.wait is not None, f"{session_id} is not known to its own {self.party}"
        self.memory.told_of(said.wait)
        if said.verdict is Verdict.WON:
            event = said.event
            assert event is not None, "a message that is in has a number"
            assert (event.author, event.message_id, event.text) == (self.party, message_id, text)
            self.memory.told.note_message(session_id, self.party, message_id, event.seq, text)
        else:
            assert said.verdict is Verdict.LOST, f"{session_id}: {message_id} was refused as {said.verdict}"
            assert said.wait.state is State.ENDED, f"{session_id}: {message_id} was refused while they talk"
            self.memory.told.refused.add((session_id, self.party, message_id))

    async def end(self, session_id: str) -> bool:
        """End the conversation; whether that is known to have worked."""

        async def handle(node: Node) -> ConversationResult:
            """What the two endpoints do (api/conversations.py)."""
            result = await node.conversing.end(SessionId(session_id), self.party, **await self.whose(node))
            if self.party is Party.CUSTOMER and result.verdict is Verdict.WON and result.wait is not None:
                await node.conversing.told(result.wait)
            return result

        if self.party is Party.CUSTOMER:
            self.memory.own_ends.add(session_id)
        try:
            result = await self.network.call(handle)
        except (LostError, AwayError):
            return False
        assert result.verdict is Verdict.WON, f"{session_id}: its own {self.party} cannot end it"
        assert result.wait is not None, "won"
        assert result.wait.state is State.ENDED, f"{session_id} was ended and goes on"
        self.memory.told_of(result.wait)
        self.memory.over_at.setdefault(session_id, self.memory.loop.time())
        return True

    async def read(self, session_id: str) -> None:
        """Read all messages."""

        async def handle(node: Node) -> list[StreamEvent] | None:
            found = await node.conversing.messages(SessionId(session_id), 0, **await self.whose(node))
            return None if found is None else list(found)

        try:
            messages = await self.network.call(handle)
        except (LostError, AwayError):
            return
        assert messages is not None, f"{session_id} is not known to its own {self.party}"
        numbers = [message.seq for message in messages]
        assert numbers == sorted(set(numbers)), f"{session_id}: messages are read as {numbers}"
        for message in messages:
            self.memory.told_of_message(session_id, message)
