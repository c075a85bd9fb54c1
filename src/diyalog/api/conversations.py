"""Conversations over HTTP: the staff takes waits, both sides write, read and end."""

from dataclasses import dataclass
from typing import Final

import msgspec

from diyalog.api.bodies import AcceptBody, text_of
from diyalog.api.client import ClientApi, how_it_ended, session_of
from diyalog.api.client_gate import ClientGate
from diyalog.api.content import ContentLimits, read_content, require_json
from diyalog.api.exchange import JSON, Answer, Exchange
from diyalog.api.limits import RateLimit
from diyalog.api.messages import NO_STORE, after_of, messages_answer, read_message, said_answer
from diyalog.api.problems import RefusedError, malformed
from diyalog.api.staff_gate import StaffGate
from diyalog.api.strict_json import MalformedError, StrictDecoder
from diyalog.domain.commands import Caller, Say
from diyalog.domain.ids import AccessKeyId, InteractionId, SessionId, StaffRef
from diyalog.domain.results import Verdict
from diyalog.domain.wait import Party, Wait
from diyalog.protocol.conversation import conversation_object, waiting_object
from diyalog.usecases.conversing import Conversing, Talk
from diyalog.usecases.staff_access import StaffIdentity

_encode: Final = msgspec.json.Encoder().encode
_accept: Final = StrictDecoder(AcceptBody)


@dataclass(frozen=True, slots=True)
class ConversationPolicy:
    """`messages`: how many a side may write in one conversation. `places`: the line is the server's own."""

    content: ContentLimits
    messages: RateLimit
    places: bool


class StaffConversations:
    """`/v1/staff/queue` and `/v1/staff/conversations*`. Every method raises RefusedError."""

    def __init__(self, conversing: Conversing, gate: StaffGate, policy: ConversationPolicy) -> None:
        self._conversing = conversing
        self._gate = gate
        self._policy = policy

    async def queue(self, exchange: Exchange) -> Answer:
        """Who waits, those who came first."""
        await self._gate.identify(exchange)
        line = await self._conversing.line()
        places = [place if self._policy.places else None for place in range(1, len(line) + 1)]
        waiting = [waiting_object(waiter, place) for waiter, place in zip(line, places, strict=True)]
        return Answer(200, JSON, _encode({"waiting": waiting}), NO_STORE)

    async def accept(self, exchange: Exchange) -> Answer:
        """Take a wait. Of all who want to end it the first has decided; who comes too late is told how it ended."""
        identity = await self._gate.identify(exchange)
        require_json(exchange.header(b"content-type"))
        try:
            body = _accept.decode(await read_content(exchange, self._policy.content))
        except MalformedError as error:
            raise malformed(str(error)) from None
        session, interaction = text_of(body.session_id), text_of(body.interaction_id)
        customer = text_of(body.customer_id)
        if [session, interaction, customer].count(None) != 2:
            raise malformed("exactly one of customerId, sessionId and interactionId must be given.")
        result = await self._conversing.accept(
            identity.staff,
            session_id=None if session is None else SessionId(session),
            interaction_id=None if interaction is None else InteractionId(interaction),
            customer_id=customer,
        )
        if result.verdict is Verdict.UNKNOWN or result.wait is None:
            raise RefusedError("SESSION_NOT_FOUND")
        exchange.session_id = result.wait.session_id
        if result.verdict is Verdict.LOST:
            raise RefusedError("WAIT_ENDED", detail="Nobody is waiting there any more.", members=lost_wait(result.wait))
        return _object(await self._conversing.talk(result.wait), 201)

    async def read(self, exchange: Exchange) -> Answer:
        """One conversation of the agent's; a supervisor reads anybody's."""
        identity = await self._gate.identify(exchange)
        return _object(await self._conversing.conversation(session_of(exchange), read_by(identity)), 200)

    async def messages(self, exchange: Exchange) -> Answer:
        """What was written, in order."""
        identity = await self._gate.identify(exchange)
        found = await self._conversing.messages(session_of(exchange), after_of(exchange), staff=read_by(identity))
        if found is None:
            raise RefusedError("SESSION_NOT_FOUND")
        return messages_answer(found)

    async def say(self, exchange: Exchange) -> Answer:
        """Write to the customer; the same id again is the same message."""
        identity = await self._gate.identify(exchange)
        session = exchange.session_id = session_of(exchange)
        message = await read_message(exchange, self._policy.content)
        return await _say(self._conversing, self._policy.messages, Say(session, *message, staff=identity.staff))

    async def end(self, exchange: Exchange) -> Answer:
        """End the conversation, a supervisor anybody's; one that is over stays as it ended."""
        identity = await self._gate.identify(exchange)
        session = exchange.session_id = session_of(exchange)
        if identity.supervises:
            result = await self._conversing.end_as_supervisor(session, identity.staff, requester(identity))
        else:
            result = await self._conversing.end(session, Party.AGENT, staff=identity.staff)
        if result.verdict is not Verdict.WON or result.wait is None:
            raise RefusedError("SESSION_NOT_FOUND")
        return _object(await self._conversing.talk(result.wait), 200)

    async def reveal(self, exchange: Exchange) -> Answer:
        """Write down that the agent, or a supervisor, looks at the customer's numbers, which desks mask until then."""
        identity = await self._gate.identify(exchange)
        session = exchange.session_id = session_of(exchange)
        if not await self._conversing.show_profile(session, read_by(identity), requester(identity)):
            raise RefusedError("SESSION_NOT_FOUND")
        return Answer(200, JSON, b"{}", NO_STORE)


class ClientConversations:
    """`/v1/client/help/{sessionId}/messages` and `.../end`. Every method raises RefusedError."""

    def __init__(self, conversing: Conversing, gate: ClientGate, policy: ConversationPolicy, client: ClientApi) -> None:
        self._conversing = conversing
        self._gate = gate
        self._policy = policy
        self._client = client

    async def messages(self, exchange: Exchange) -> Answer:
        """What was written, in order."""
        identity = await self._gate.identify(exchange)
        found = await self._conversing.messages(session_of(exchange), after_of(exchange), customer=identity.customer)
        if found is None:
            raise RefusedError("SESSION_NOT_FOUND")
        return messages_answer(found)

    async def say(self, exchange: Exchange) -> Answer:
        """Write to the agent; the same id again is the same message."""
        identity = await self._gate.identify(exchange)
        session = exchange.session_id = session_of(exchange)
        message = await read_message(exchange, self._policy.content)
        return await _say(self._conversing, self._policy.messages, Say(session, *message, customer=identity.customer))

    async def end(self, exchange: Exchange) -> Answer:
        """End the conversation; the answer tells the app, so that it counts as acknowledged."""
        identity = await self._gate.identify(exchange)
        session = exchange.session_id = session_of(exchange)
        result = await self._conversing.end(session, Party.CUSTOMER, customer=identity.customer)
        if result.verdict is Verdict.UNKNOWN or result.wait is None:
            raise RefusedError("SESSION_NOT_FOUND")
        if result.verdict is Verdict.LOST:
            raise RefusedError(
                "NOT_IN_CONVERSATION", members={"state": result.wait.state, "outcome": result.wait.outcome}
            )
        await self._conversing.told(result.wait)
        return await self._client.answer(result.wait, 200)


async def _say(conversing: Conversing, limit: RateLimit, message: Say) -> Answer:
    """Store a message; one that was stored before does not count again."""
    key = (message.staff, message.customer, message.session_id)
    seconds = limit.take(key)
    if seconds:
        raise RefusedError("TOO_MANY_REQUESTS", retry_after=seconds)
    said = await conversing.say(message)
    if said.replayed:
        limit.give_back(key)
    return said_answer(said)


def _object(talk: Talk | None, status: int) -> Answer:
    if talk is None:
        raise RefusedError("SESSION_NOT_FOUND")
    return Answer(status, JSON, _encode(conversation_object(talk.wait, talk.customer)), NO_STORE)


def read_by(identity: StaffIdentity) -> StaffRef | None:
    """Whose conversations this member of the staff may read; None: everybody's."""
    return None if identity.supervises else identity.staff


def requester(identity: StaffIdentity) -> Caller:
    """Who of the staff asked, for the audit trail: no access key has this id."""
    return Caller(AccessKeyId("staff"), identity.user_id)


def lost_wait(wait: Wait) -> dict[str, object]:
    """How the wait ended instead; with an agent, who has it."""
    lost = how_it_ended(wait)
    if wait.conversation is not None:
        lost["agentName"] = wait.conversation.agent_name
    return lost
