"""The company API's operations: decode, call one use case, answer with the documented envelope."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import UNSET

from diyalog.api.bodies import Envelope, FinishRequest, HashRequest, NotDelivered, text_of
from diyalog.api.exchange import JSON, Answer, Exchange
from diyalog.api.idempotency import idempotency_of
from diyalog.api.problems import RefusedError, malformed
from diyalog.api.strict_json import MalformedError, StrictDecoder
from diyalog.domain.ids import InteractionId, SessionId, is_interaction_id
from diyalog.usecases.access import Access
from diyalog.usecases.conversing import Conversing
from diyalog.usecases.waiting import Answer as Outcome
from diyalog.usecases.waiting import Waiting

_encode = msgspec.json.Encoder().encode


def _failure(code: int, message: str) -> Answer:
    return Answer(200, JSON, _encode(Envelope(False, message, error_code=code)), code=str(code))


_STOPPED: Final = Answer(200, JSON, _encode(Envelope(True, "Customer waiting will be stopped.")))
_NO_ID: Final = _failure(400, "interactionId or sessionId must be provided.")
_ENVELOPES: Final[Mapping[Outcome, Answer]] = {
    Outcome.STOPPED: _STOPPED,
    Outcome.NOBODY_WAITING: _failure(402, "No customer is waiting in the given interaction."),
    Outcome.WAITING_ELSEWHERE: _failure(403, "Customer is waiting for a different interaction."),
}
"""Answers of interactionisnotdelivered, made once; texts and numbers are the page's."""

_FINISHED: Final = Answer(200, JSON, _encode(Envelope(True, "Conversation will be stop with peers.")))
_NO_CONVERSATION: Final = _failure(400, "No conversation found between customer and staff.")
"""Answers of finishonlinehelp."""

_REFUSED_HASH: Final = Answer(200, JSON, _encode(Envelope(False, "TransactionHash could not be created.")))


class ApplicationApi:
    """`POST /v1/application/*`. Every request is signed; `exchange.caller` says by whom."""

    def __init__(self, waiting: Waiting, access: Access, conversing: Conversing) -> None:
        self._waiting = waiting
        self._conversing = conversing
        self._finish_request = StrictDecoder(FinishRequest)
        self._access = access
        self._not_delivered = StrictDecoder(NotDelivered)
        self._hash_request = StrictDecoder(HashRequest)

    async def interaction_is_not_delivered(self, exchange: Exchange) -> Answer:
        """No agent could take the interaction: the customer's wait ends, with the company's message.

        The answer is sent after the outcome is committed. Raises RefusedError.
        """
        caller = exchange.caller
        assert caller is not None, "the gate lets only signed requests through"
        idempotency = idempotency_of(exchange, caller.access_key, exchange.content)
        try:
            body = self._not_delivered.decode(exchange.content)
        except MalformedError as error:
            raise malformed(str(error)) from None
        interaction_id, session_id = text_of(body.interaction_id), text_of(body.session_id)
        nothing_named = interaction_id is None and session_id is None
        if nothing_named and idempotency is None:
            return _NO_ID
        # With an Idempotency-Key a request that names nothing is stored all the same: it has used the key.
        outcome, exchange.session_id = await self._waiting.not_delivered(
            None if interaction_id is None else InteractionId(interaction_id),
            None if session_id is None else SessionId(session_id),
            text_of(body.message),
            caller,
            idempotency,
        )
        if outcome is Outcome.KEY_REUSED:
            raise RefusedError("IDEMPOTENCY_KEY_REUSED")
        return _NO_ID if nothing_named else _ENVELOPES[outcome]

    async def get_transaction_hash(self, exchange: Exchange) -> Answer:
        """Give a one-time permission to ask for help, bound to a customer and a device. Raises RefusedError."""
        try:
            body = self._hash_request.decode(exchange.content)
        except MalformedError as error:
            raise malformed(str(error)) from None
        customer_id, device_hash = text_of(body.customer_id), text_of(body.device_hash)
        interaction_id = text_of(body.interaction_id)
        usable = interaction_id is None or is_interaction_id(interaction_id)
        if customer_id is None or device_hash is None or not usable:
            return _REFUSED_HASH
        value = await self._access.transaction_hash(customer_id, device_hash, interaction_id)
        if value is None:
            return _REFUSED_HASH
        return Answer(200, JSON, _encode(Envelope(True, "TransactionHash created", transaction_hash=value)))

    async def finish_online_help(self, exchange: Exchange) -> Answer:
        """End the conversation between a customer and a member of the staff, whose application failed.

        Raises RefusedError.
        """
        caller = exchange.caller
        assert caller is not None, "the gate lets only signed requests through"
        try:
            body = self._finish_request.decode(exchange.content)
        except MalformedError as error:
            raise malformed(str(error)) from None
        for name, value in (("customerId", body.customer_id), ("staffId", body.staff_id)):
            if value is None or value is UNSET:
                raise malformed(f"{name} must be provided.")
        customer_id, staff_id = text_of(body.customer_id), text_of(body.staff_id)
        if customer_id is None or staff_id is None:
            return _NO_CONVERSATION
        ended = await self._conversing.finish(customer_id, staff_id, caller)
        return _FINISHED if ended else _NO_CONVERSATION
