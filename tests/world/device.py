"""A customer's app: asks, follows, cancels, talks, loses its connection, comes back, and remembers what it was told."""

import asyncio
import hashlib
import json
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from diyalog.domain.commands import Idempotency, Request
from diyalog.domain.ids import SessionId
from diyalog.domain.results import Verdict
from diyalog.domain.wait import HelpType, Outcome, Party, State, Wait
from diyalog.usecases.access import AccessError, ActivationRequest
from diyalog.usecases.waiting import InConversationError
from world.company import FakeQueue
from world.faults import Fault, Faults
from world.ledger import Memory
from world.network import AwayError, LostError, Network, Wire
from world.node import Node
from world.talking import TOLD_S, TRIES, Side

_HOME_TRIES: Final = 60
_QUEUED_BY_COMPANY: Final = 0.15
"""How often the company has queued the customer itself before the app is let in."""
_WATCHING_S: Final = 15.0
_MORE_ACTS: Final = 8
"""At most so many acts more, for those who came into conversation."""


@dataclass
class Seen:
    """How far the app has got with one session. `ended_at`: the number of its wait.ended, if that was sent here.

    `over`: an agent took it, and the conversation has ended. `left`: the server closed the stream after that.
    """

    seq: int = 0
    epoch: str | None = None
    outcome: str | None = None
    ended_at: int | None = None
    heard: set[tuple[str, str]] = field(default_factory=set)
    over: bool = False
    left: bool = False

    @property
    def talking(self) -> bool:
        return self.outcome == Outcome.CONNECTED and not self.over

    @property
    def settled(self) -> bool:
        """Nothing is left to be learned."""
        return self.outcome is not None and (self.outcome != Outcome.CONNECTED or self.left)


@dataclass
class Device:
    """One app on one device. `run` plays its part; `come_back` lets it learn how all its sessions ended. `routed`: the
    built-in queue is asked, and mostly waited for; the company cannot have queued the customer itself.
    """

    name: str
    customer: str
    network: Network
    faults: Faults
    random: Random
    memory: Memory
    queue: FakeQueue
    routed: bool = False
    token: str = ""
    sessions: dict[str, Seen] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    keys: int = 0

    def __post_init__(self) -> None:
        self.side = Side(Party.CUSTOMER, self.name, self.network, self.random, self.memory, self._whose)

    async def run(self, acts: int) -> None:
        await self._activate()
        await self._start()
        left, more = acts, _MORE_ACTS
        while left > 0:
            left -= 1
            talk = self._talk()
            await (self._act() if talk is None else self._act_in(talk))
            if talk is None and self._talk() is not None and more > 0:
                left, more = left + 4, more - 4
            if self.faults.strikes(Fault.APP_RESTARTS):
                self.sessions.clear()

    async def _act(self) -> None:
        act = self.random.choices(
            (self._start, self._follow_newest, self._cancel, self._look, self._rest),
            (2, 20, 2, 1, 1) if self.routed else (2, 5, 3, 1, 1),
        )[0]
        await act()

    async def _act_in(self, session_id: str) -> None:
        """The customer talks with an agent in this session."""
        what = self.random.choices(("follow", "write", "end", "start", "cancel", "look"), (8, 5, 1, 1, 1, 1))[0]
        seen = self.sessions[session_id]
        if what == "follow":
            await self._follow(session_id, seen, patience_s=self.random.random() * 2)
        elif what == "write":
            await self._write(session_id, seen)
        elif what == "end":
            await self._end(session_id, seen)
        else:
            await {"start": self._start, "cancel": self._cancel, "look": self._look}[what]()

    async def watch(self) -> None:
        """Everything works again: whoever is in conversation is told on the open stream that the agent ends it."""
        session_id = self._talk()
        if session_id is not None:
            await self._follow(session_id, self.sessions[session_id], patience_s=_WATCHING_S)

    async def ask_and_wait(self) -> str:
        """Everything works again: ask for help, and follow until an agent came and went; the session."""
        await self._start()
        session_id = self._newest()
        assert session_id is not None, "a start was answered"
        for _ in range(_HOME_TRIES):
            if self.sessions[session_id].settled:
                break
            await self._follow(session_id, self.sessions[session_id], patience_s=_WATCHING_S)
        return session_id

    async def come_back(self) -> None:
        """Everything works again: repeat what was not answered, and see every outcome."""
        for key in list(self.unanswered):
            await self._ask(key, _HOME_TRIES)
        for message_id in list(self.side.unsent):
            await self.side.send(message_id, _HOME_TRIES)
        assert not self.unanswered, f"{self.name}: a start is never answered"
        assert not self.side.unsent, f"{self.name}: a message is never answered"
        await self._look()
        for session_id, seen in list(self.sessions.items()):
            for _ in range(_HOME_TRIES):
                if seen.settled:
                    break
                await self._follow(session_id, seen, patience_s=3.0)
            assert seen.outcome is not None, f"{self.name}: came back and was not told how {session_id} ended"
            assert seen.settled, f"{self.name}: came back and {session_id} was not closed"
            if seen.over:
                await self.side.read(session_id)

    # What an app does

    async def _activate(self) -> None:
        own = self.queue.queue_itself() if not self.routed and self.random.random() < _QUEUED_BY_COMPANY else None

        async def handle(node: Node) -> str:
            request = ActivationRequest(customer_id=self.customer, device_hash=self.name)
            if own is not None:
                shown = await node.access.transaction_hash(self.customer, self.name, own.interaction_id)
                request = replace(request, transaction_hash=shown)
            activation = await node.access.activate(request)
            return activation.client_token

        while not self.token:
            try:
                self.token = await self.network.call(handle)
            except (LostError, AwayError, AccessError):  # refused: a repeat of the request has renewed the hash
                await asyncio.sleep(0.2)

    async def _start(self) -> None:
        self.keys += 1
        key = f"{self.name}-{self.keys}"
        self.unanswered.append(key)
        await self._ask(key, TRIES)

    async def _ask(self, key: str, tries: int) -> None:
        for _ in range(tries):
            try:
                answer = await self.network.call(lambda node: self._handle_start(node, key))
            except (LostError, AwayError):
                await asyncio.sleep(0.3)
            except InConversationError as refusal:
                self.unanswered.remove(key)
                self._know(help_object(refusal.wait))
                return
            else:
                self.unanswered.remove(key)
                self.memory.started(key, answer)
                self._know(answer)
                return

    async def _handle_start(self, node: Node, key: str) -> dict[str, Any]:
        """What POST /v1/client/help does (api/client.py)."""
        identity = await node.access.identify(self.token)
        assert identity is not None, "the token was given"
        scope = hashlib.sha256(f"{identity.customer} start {key}".encode()).digest()
        idempotency = Idempotency(scope, hashlib.sha256(b"chat").digest())
        request = Request(identity.customer_id, "", ())
        if node.waiting.stopping:
            raise AwayError
        started = await node.waiting.start(identity.customer, HelpType.CHAT, request, identity.token_hash, idempotency)
        if started.answer is None:
            assert started.wait is not None, "without a wait there was an answer"
            answer = help_object(started.wait)
            await node.waiting.remember(idempotency, 201, json.dumps(answer).encode(), started.wait)
            return answer
        given: dict[str, Any] = json.loads(started.answer[1])
        return given

    async def _cancel(self) -> None:
        session_id = self._newest()
        if session_id is None:
            return

        async def handle(node: Node) -> dict[str, Any]:
            identity = await node.access.identify(self.token)
            assert identity is not None, "the token was given"
            result = await node.waiting.cancel(SessionId(session_id), identity.customer)
            assert result.verdict is not Verdict.UNKNOWN, f"{session_id} is not known to its own customer"
            assert result.wait is not None, "known"
            return help_object(result.wait)

        self.memory.own_calls.add(session_id)
        try:
            answer = await self.network.call(handle)
        except (LostError, AwayError):
            return
        assert answer.get("outcome") is not None, f"{session_id} was cancelled and has no outcome"
        self._know(answer)

    async def _look(self) -> None:
        async def handle(node: Node) -> dict[str, Any] | None:
            identity = await node.access.identify(self.token)
            assert identity is not None, "the token was given"
            wait = await node.waiting.current(identity.customer)
            return None if wait is None else help_object(wait)

        try:
            found = await self.network.call(handle)
        except (LostError, AwayError):
            return
        if found is not None:
            self._know(found)

    async def _rest(self) -> None:
        await asyncio.sleep(self.random.random() * 1.5)

    async def _follow_newest(self) -> None:
        session_id = self._newest()
        if session_id is not None:
            await self._follow(session_id, self.sessions[session_id], patience_s=self.random.random() * 2)

    def _newest(self) -> str | None:
        return next(reversed(self.sessions), None)

    # In conversation

    async def _whose(self, node: Node) -> dict[str, Any]:
        identity = await node.access.identify(self.token)
        assert identity is not None, "the token was given"
        return {"customer": identity.customer}

    def _talk(self) -> str | None:
        """The session in which the customer talks with an agent."""
        return next((session_id for session_id, seen in reversed(self.sessions.items()) if seen.talking), None)

    async def _write(self, session_id: str, seen: Seen) -> None:
        if await self.side.write(session_id):
            self._over(session_id, seen)

    async def _end(self, session_id: str, seen: Seen) -> None:
        if await self.side.end(session_id):
            self._over(session_id, seen)

    async def _write_while_following(self, session_id: str, seen: Seen) -> None:
        """What people do who read a message: answer, or leave."""
        if seen.talking and not self.faults.over:
            luck = self.random.random()
            if luck < 0.3:
                await self._write(session_id, seen)
            elif luck < 0.33:
                await self._end(session_id, seen)

    def _in_time(self, session_id: str, opened_at: float) -> None:
        """On a stream that was opened then: the conversation is not over for long already."""
        now = self.memory.loop.time()
        late_s = now - max(opened_at, self.memory.over_at.get(session_id, now))
        assert late_s <= TOLD_S, f"{self.name} is not told for {late_s:.1f} s that {session_id} is over"

    def _over(self, session_id: str, seen: Seen) -> None:
        seen.over = True
        self.memory.learned_over.add(session_id)

    # Following a stream (the event stream's page)

    async def _follow(self, session_id: str, seen: Seen, patience_s: float) -> None:
        wire = self.network.open()
        if wire is None:
            await asyncio.sleep(0.3)
            return
        opened_at = self.memory.loop.time()
        hello = {"type": "hello", "token": self.token, "sessionId": session_id, "after": seen.seq, "epoch": seen.epoch}
        wire.say(json.dumps(hello))
        while not wire.over:
            frame = await wire.frame(patience_s)
            if frame is None:
                break
            if self.faults.strikes(Fault.SOCKET_CUT):
                wire.cut()
                return
            message = json.loads(frame)
            self._take(wire, session_id, seen, message)
            if seen.outcome == Outcome.CONNECTED and message.get("recovered") is False:
                await self.side.read(session_id)
            await self._write_while_following(session_id, seen)
            if self.faults.over and message.get("event") == "chat.state" and seen.over:
                self._in_time(session_id, opened_at)
        if seen.talking and not wire.over and self.faults.over:
            self._in_time(session_id, opened_at)
        if wire.code == 1000 and seen.outcome is not None:
            self.memory.told.received.add(session_id)
            assert not seen.talking, f"{self.name}: {session_id} was closed while in conversation"
            if seen.over:
                seen.left = True
                self.memory.told.left[session_id] = seen.seq
        assert wire.code not in {4400, 4401, 4404, 1011}, f"{self.name}: {session_id} was closed with {wire.code}"
        wire.cut()

    def _take(self, wire: Wire, session_id: str, seen: Seen, message: dict[str, Any]) -> None:
        if message["type"] == "welcome":
            kept = seen.epoch is None or seen.epoch == message["epoch"]
            assert kept or not message["recovered"], f"{session_id}: recovered from another epoch's position"
            seen.epoch = message["epoch"]
            if not message["recovered"]:
                seen.seq = message["seq"]
            self._know(message["snapshot"])
            if seen.outcome is not None and message["seq"] == seen.seq:
                wire.say(json.dumps({"type": "ack", "seq": seen.seq}))
            return
        if "seq" not in message:
            return  # of the moment
        assert message["seq"] == seen.seq + 1, f"{session_id}: event {message['seq']} after {seen.seq}"
        seen.seq = message["seq"]
        if self._take_event(session_id, seen, message["event"], message["data"]):
            wire.say(json.dumps({"type": "ack", "seq": seen.seq}))

    def _take_event(self, session_id: str, seen: Seen, event: str, data: dict[str, Any]) -> bool:
        """Take an event in; whether it is to be acknowledged at once."""
        if event == "wait.ended":
            seen.ended_at = seen.seq
            self._learn(session_id, seen, data["outcome"])
            if "agentName" in data:
                self.memory.told.note_agent(session_id, data["agentName"])
            return True
        if event == "chat.message":
            assert seen.talking or seen.over, f"{session_id}: a message outside of a conversation"
            name = (data["author"], data["id"])
            assert name not in seen.heard, f"{session_id}: {name} came twice"
            seen.heard.add(name)
            self.memory.told.note_message(session_id, *name, seen.seq, data["text"])
            return self.random.random() < 0.3
        if event == "chat.state" and data["state"] == "CHAT_INPROGRESS":
            assert seen.ended_at in {None, seen.seq - 1}, f"{session_id}: began at {seen.seq}, taken at {seen.ended_at}"
            self.memory.told.note_agent(session_id, data["agentName"])
        elif event == "chat.state":
            self.memory.told.ends.setdefault(session_id, set()).add(data["endedBy"])
            self._over(session_id, seen)
            return True
        return False

    def _know(self, told: dict[str, Any]) -> None:
        """Take a help object in."""
        session_id = told["sessionId"]
        seen = self.sessions.setdefault(session_id, Seen())
        self._learn(session_id, seen, told.get("outcome"))
        if "agentName" in told:
            self.memory.told.note_agent(session_id, told["agentName"], told.get("conversation", {}).get("endedBy"))
        if told.get("outcome") == Outcome.CONNECTED and told["state"] == State.ENDED:
            self._over(session_id, seen)

    def _learn(self, session_id: str, seen: Seen, outcome: str | None) -> None:
        if outcome is not None:
            assert seen.outcome in {None, outcome}, f"{session_id}: told {seen.outcome}, then {outcome}"
            seen.outcome = outcome
            self.memory.learned(session_id, outcome)


def help_object(wait: Wait) -> dict[str, Any]:
    """The part of the help object that the checker looks at."""
    told: dict[str, Any] = {
        "sessionId": wait.session_id,
        "interactionId": wait.interaction_id,
        "state": str(wait.state),
    }
    if wait.outcome is not None:
        told["outcome"] = str(Outcome(wait.outcome))
    if wait.conversation is not None:
        told["agentName"] = wait.conversation.agent_name
        if wait.conversation.ended_by is not None:
            told["conversation"] = {"endedBy": str(wait.conversation.ended_by)}
    return told
