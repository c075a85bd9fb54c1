"""An agent's desk: looks at the line, takes customers, writes to them, says goodbye, and remembers what it was told."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from diyalog.domain.ids import InteractionId, SessionId
from diyalog.domain.results import ConversationResult, Verdict, Waiter
from diyalog.domain.wait import Party, State
from diyalog.realtime.admission import STAFF
from diyalog.usecases.conversing import Talk
from diyalog.usecases.staff_access import SignInRequest
from world.faults import Fault, Faults
from world.ledger import Memory
from world.network import AwayError, LostError, Network
from world.node import Node
from world.talking import TOLD_S, TRIES, Side

_HOME_TRIES: Final = 60
_GONE: Final = 0.03
"""How often an agent who has conversations goes away without a word, after something they did."""
_GONE_S: Final = 15.0
_LATE_S: Final = 6.0
"""Whatever was said to the server before has arrived after so long."""


@dataclass
class Desk:
    """One agent. `run` plays their part; `go_home` ends all their conversations. `on_taken` is told of customers.

    `seq` and `epoch`: how far it has got with the agent's own stream; `heard`: and in it with each session's.
    """

    user_id: str
    user_name: str
    network: Network
    faults: Faults
    random: Random
    memory: Memory
    on_taken: Callable[[str, str], None]
    token: str = ""
    talks: list[str] = field(default_factory=list)
    seq: int = 0
    epoch: str | None = None
    heard: dict[str, int] = field(default_factory=dict)
    opened_at: float = 0.0
    gone: float = _GONE
    gone_s: float = _GONE_S
    hello: dict[str, Any] = field(default_factory=lambda: {"type": "hello"})

    def __post_init__(self) -> None:
        self.side = Side(Party.AGENT, self.user_id, self.network, self.random, self.memory, self._whose)

    async def run(self, acts: int) -> None:
        await self._sign_in()
        for _ in range(acts):
            acts_and_weights = self.acts()
            await self.random.choices([act for act, _ in acts_and_weights], [weight for _, weight in acts_and_weights])[
                0
            ]()
            if self.talks and self.random.random() < self.gone:
                await asyncio.sleep(self.gone_s)
            if self.faults.strikes(Fault.APP_RESTARTS):
                self._forget()

    def acts(self) -> Sequence[tuple[Callable[[], Awaitable[object]], int]]:
        """What this agent does, and how often."""
        return (
            (self._take_next, 5),
            (self._write, 5),
            (self._say_goodbye, 2),
            (self._look, 1),
            (self._rest, 1),
            (self._follow_a_while, 5),
        )

    async def go_home(self) -> None:
        """Everything works again: repeat what was not answered, and end what is still alive."""
        await asyncio.sleep(_LATE_S)
        for message_id in list(self.side.unsent):
            await self.side.send(message_id, _HOME_TRIES)
        assert not self.side.unsent, f"{self.user_name}: a message is never answered"
        for _ in range(_HOME_TRIES):
            if await self._look() and not self.talks:
                break
            for session_id in list(self.talks):
                await self.side.read(session_id)
                await self._end_while_following(session_id)
        assert not self.talks, f"{self.user_name}: conversations with {self.talks} do not end"

    async def _end_while_following(self, session_id: str) -> None:
        """End a conversation: the desk's open stream must tell it soon, on the fast way or by the poll."""

        async def end() -> None:
            await self.side.end(session_id)

        connected = await self._follow(TOLD_S, end)
        assert not connected or session_id not in self.talks, f"{self.user_name} is not told that {session_id} is over"

    async def catch_up(self, head: int) -> None:
        """Follow the stream until everything is seen, up to its event `head`."""
        for _ in range(_HOME_TRIES):
            if self.seq == head:
                return
            await self._follow(patience_s=3.0)
        raise AssertionError(f"{self.user_name} is told of {self.seq} events, there are {head}")

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
        await self._accept_as(self.random.choice(names), waiter.customer_id)

    async def _accept_as(self, name: dict[str, Any], customer_id: str) -> None:
        async def handle(node: Node) -> ConversationResult:
            return await node.conversing.accept((await self._whose(node))["staff"], **name)

        for _ in range(TRIES):
            try:
                result = await self.network.call(handle)
            except (LostError, AwayError):
                await asyncio.sleep(0.3)
                continue
            self._note(name, result, customer_id)
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

    # Following the agent's own stream (the event stream's page)

    async def _follow_a_while(self) -> None:
        await self._follow(patience_s=self.random.random() * 2)

    async def _follow(self, patience_s: float, welcomed: Callable[[], Awaitable[None]] | None = None) -> bool:
        """Follow until nothing comes for so long; whether the stream was open until then. `welcomed` is called once."""
        wire = self.network.open(STAFF)
        if wire is None:
            await asyncio.sleep(0.3)
            return False
        self.opened_at = self.memory.loop.time()
        wire.say(json.dumps({**self.hello, "token": self.token, "after": self.seq, "epoch": self.epoch}))
        while not wire.over:
            frame = await wire.frame(patience_s)
            if frame is None:
                break
            if self.faults.strikes(Fault.SOCKET_CUT):
                break
            message = json.loads(frame)
            if message["type"] == "welcome":
                self._welcomed(message)
                if welcomed is not None:
                    await welcomed()
            else:
                self._take(message)
                wire.say(json.dumps({"type": "ack", "seq": self.seq}))
            await self._act_while_following()
        assert wire.code not in {1000, 4400, 4401, 4404, 1011}, f"{self.user_name}: closed with {wire.code}"
        connected = not wire.over
        wire.cut()
        return connected

    async def _act_while_following(self) -> None:
        """What an agent does who sees something new."""
        if self.talks and not self.faults.over and self.random.random() < 0.3:
            await self._write()

    def _welcomed(self, message: dict[str, Any]) -> None:
        kept = self.epoch is None or self.epoch == message["epoch"]
        assert kept or not message["recovered"], f"{self.user_name}: recovered from another epoch's position"
        self.epoch = message["epoch"]
        if not message["recovered"]:
            self.seq = message["seq"]
            self.heard.clear()
        talks = message["snapshot"]["conversations"]
        for talk in talks:
            self.memory.told.note_agent(talk["conversationId"], self.user_name, talk.get("endedBy"))
        self.talks = [talk["conversationId"] for talk in talks if talk["state"] == State.CONNECTED]

    def _take(self, message: dict[str, Any]) -> None:
        if "seq" not in message:
            self._take_of_the_moment(message)
            return
        assert message["seq"] == self.seq + 1, f"{self.user_name}: event {message['seq']} after {self.seq}"
        self.seq = message["seq"]
        data = message["data"]
        session_id, seq = data["conversationId"], data["seq"]
        after = self.heard.get(session_id, seq - 1)
        assert seq == after + 1, f"{self.user_name}: event {seq} of {session_id} after {after}"
        self.heard[session_id] = seq
        if message["event"] == "chat.message":
            self.memory.told.note_message(session_id, data["author"], data["id"], seq, data["text"])
        elif data["state"] == "CHAT_INPROGRESS":
            self.memory.told.note_agent(session_id, data["agentName"])
        else:
            self.memory.told.note_agent(session_id, self.user_name, data["endedBy"])
            self._over(session_id)

    def _take_of_the_moment(self, message: dict[str, Any]) -> None:
        """What has no number: nothing is kept of it."""

    def _forget(self) -> None:
        """The desk is closed and opened again."""
        self.talks.clear()
        self.heard.clear()
        self.seq, self.epoch = 0, None

    async def _rest(self) -> None:
        if self.talks:
            await self.side.read(self.random.choice(self.talks))
        await asyncio.sleep(self.random.random())

    def _over(self, session_id: str) -> None:
        if session_id in self.talks:
            self.talks.remove(session_id)
