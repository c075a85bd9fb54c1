"""A customer's app: asks, follows, cancels, loses its connection, comes back, and remembers what it was told."""

import asyncio
import hashlib
import json
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from diyalog.domain.commands import Idempotency, Request
from diyalog.domain.ids import SessionId
from diyalog.domain.results import Verdict
from diyalog.domain.wait import HelpType, Outcome, Wait
from diyalog.usecases.access import AccessError, ActivationRequest
from world.company import FakeQueue
from world.faults import Fault, Faults
from world.ledger import Memory
from world.network import AwayError, LostError, Network, Wire
from world.node import Node

_TRIES: Final = 4
_HOME_TRIES: Final = 60
_QUEUED_BY_COMPANY: Final = 0.15
"""How often the company has queued the customer itself before the app is let in."""


@dataclass
class Seen:
    """How far the app has got with one session."""

    seq: int = 0
    epoch: str | None = None
    outcome: str | None = None


@dataclass
class Device:
    """One app on one device. `run` plays its part; `come_back` lets it learn how all its sessions ended."""

    name: str
    customer: str
    network: Network
    faults: Faults
    random: Random
    memory: Memory
    queue: FakeQueue
    token: str = ""
    sessions: dict[str, Seen] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    keys: int = 0

    async def run(self, acts: int) -> None:
        await self._activate()
        await self._start()
        for _ in range(acts):
            act = self.random.choices(
                (self._start, self._follow_newest, self._cancel, self._look, self._rest), (2, 5, 3, 1, 1)
            )[0]
            await act()
            if self.faults.strikes(Fault.APP_RESTARTS):
                self.sessions.clear()

    async def come_back(self) -> None:
        """Everything works again: repeat what was not answered, and see every outcome."""
        for key in list(self.unanswered):
            await self._ask(key, _HOME_TRIES)
        assert not self.unanswered, f"{self.name}: a start is never answered"
        await self._look()
        for session_id, seen in list(self.sessions.items()):
            for _ in range(_HOME_TRIES):
                if seen.outcome is not None:
                    break
                await self._follow(session_id, seen, patience_s=3.0)
            assert seen.outcome is not None, f"{self.name}: came back and was not told how {session_id} ended"

    # What an app does

    async def _activate(self) -> None:
        own = self.queue.queue_itself() if self.random.random() < _QUEUED_BY_COMPANY else None

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
        await self._ask(key, _TRIES)

    async def _ask(self, key: str, tries: int) -> None:
        for _ in range(tries):
            try:
                answer = await self.network.call(lambda node: self._handle_start(node, key))
            except (LostError, AwayError):
                await asyncio.sleep(0.3)
            else:
                self.unanswered.remove(key)
                self.memory.started(key, answer)
                seen = self.sessions.setdefault(answer["sessionId"], Seen())
                self._learn(answer["sessionId"], seen, answer.get("outcome"))
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
        self._learn(session_id, self.sessions.setdefault(session_id, Seen()), answer["outcome"])

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
            seen = self.sessions.setdefault(found["sessionId"], Seen())
            self._learn(found["sessionId"], seen, found.get("outcome"))

    async def _rest(self) -> None:
        await asyncio.sleep(self.random.random() * 1.5)

    async def _follow_newest(self) -> None:
        session_id = self._newest()
        if session_id is not None:
            await self._follow(session_id, self.sessions[session_id], patience_s=self.random.random() * 2)

    def _newest(self) -> str | None:
        return next(reversed(self.sessions), None)

    # Following a stream (the event stream's page)

    async def _follow(self, session_id: str, seen: Seen, patience_s: float) -> None:
        wire = self.network.open()
        if wire is None:
            await asyncio.sleep(0.3)
            return
        hello = {"type": "hello", "token": self.token, "sessionId": session_id, "after": seen.seq, "epoch": seen.epoch}
        wire.say(json.dumps(hello))
        while not wire.over:
            frame = await wire.frame(patience_s)
            if frame is None:
                break
            if self.faults.strikes(Fault.SOCKET_CUT):
                wire.cut()
                return
            self._take(wire, session_id, seen, json.loads(frame))
        if wire.code == 1000 and seen.outcome is not None:
            self.memory.told.received.add(session_id)
        assert wire.code not in {4400, 4401, 4404, 1011}, f"{self.name}: {session_id} was closed with {wire.code}"
        wire.cut()

    def _take(self, wire: Wire, session_id: str, seen: Seen, message: dict[str, Any]) -> None:
        if message["type"] == "welcome":
            kept = seen.epoch is None or seen.epoch == message["epoch"]
            assert kept or not message["recovered"], f"{session_id}: recovered from another epoch's position"
            seen.epoch = message["epoch"]
            if not message["recovered"]:
                seen.seq = message["seq"]
            self._learn(session_id, seen, message["snapshot"].get("outcome"))
            if seen.outcome is not None and message["seq"] == seen.seq:
                wire.say(json.dumps({"type": "ack", "seq": seen.seq}))
            return
        assert message["seq"] == seen.seq + 1, f"{session_id}: event {message['seq']} after {seen.seq}"
        seen.seq = message["seq"]
        if message["event"] == "wait.ended":
            self._learn(session_id, seen, message["data"]["outcome"])
            wire.say(json.dumps({"type": "ack", "seq": seen.seq}))

    def _learn(self, session_id: str, seen: Seen, outcome: str | None) -> None:
        if outcome is not None:
            assert seen.outcome in {None, outcome}, f"{session_id}: told {seen.outcome}, then {outcome}"
            seen.outcome = outcome
            self.memory.learned(session_id, outcome)


def help_object(wait: Wait) -> dict[str, Any]:
    """The part of the help object that the checker looks at."""
    told: dict[str, Any] = {"sessionId": wait.session_id, "interactionId": wait.interaction_id, "seq": wait.seq}
    if wait.outcome is not None:
        told["outcome"] = str(Outcome(wait.outcome))
    return told
