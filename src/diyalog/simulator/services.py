"""The company's services: how each is carried out, refused and answered wrongly."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from diyalog.clock import Clock
from diyalog.simulator.behaviour import Endpoint
from diyalog.simulator.create_request import AttachedForm, CreateRequest, read_create_request
from diyalog.simulator.ledger import Interaction, Ledger, Mark, Received

JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain"


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    content: bytes
    content_type: str = JSON_TYPE
    location: str | None = None


def json_reply(value: object, status: int = 200) -> Reply:
    """Make an answer of a JSON value."""
    return Reply(status, json.dumps(value, ensure_ascii=False).encode())


class Service(Protocol):
    """One scripted endpoint. `received` holds the decoded request."""

    endpoint: Endpoint

    def problem(self, received: Received) -> str | None:
        """Say what is wrong with the request, None if nothing is."""
        ...

    def malformed(self, problem: str) -> Reply:
        """Answer a request that is wrong itself."""
        ...

    def carry_out(self, received: Received) -> Reply:
        """Do what was asked; return the right answer."""
        ...

    def refuse(self, value: str) -> Reply:
        """Return a refusal, with nothing done."""
        ...

    def wrong_types(self) -> Reply:
        """Return an answer whose fields have other types."""
        ...


class CreateInteraction:
    """`POST /CreateInteraction`. `created` is told of every new interaction.

    Repeatable: a sessionId or an Idempotency-Key that came before gets the interaction it got then, and a key with
    another body is refused 422. Otherwise every request creates one more.
    """

    endpoint = Endpoint.CREATE

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        created: Callable[[Interaction], None],
        *,
        repeatable: bool,
        attached: AttachedForm,
        first_id: int | None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._created = created
        self._repeatable = repeatable
        self._attached = attached
        # By default from the clock: a company that was started again must not give out an old id.
        self._next_id = clock.now_ms() if first_id is None else first_id
        self._by_key: dict[str, tuple[bytes, Interaction]] = {}

    def problem(self, received: Received) -> str | None:
        """Say what is wrong with the request."""
        request = read_create_request(received.body, self._attached)
        if isinstance(request, str):
            return request
        received.session_id = request.session_id
        return None

    def malformed(self, problem: str) -> Reply:
        """Answer 400 with the reason."""
        return self._refusal(problem, 400)

    def carry_out(self, received: Received) -> Reply:
        """Put the customer into the queue, or find the entry that this repeats."""
        request = read_create_request(received.body, self._attached)
        assert isinstance(request, CreateRequest)
        key, digest = received.idempotency_key, sha256(json.dumps(received.body, sort_keys=True).encode()).digest()
        known = self._by_key.get(key) if key is not None and self._repeatable else None
        if known is not None and known[0] != digest:
            return self._refusal("Idempotency-Key came before with another body", 422)
        interaction = known[1] if known is not None else self._same_session(request) or self._create(request)
        if key is not None:
            self._by_key.setdefault(key, (digest, interaction))
        received.interaction_id = interaction.interaction_id
        return self._took(interaction.interaction_id)

    def repeats(self, received: Received) -> bool:
        """Say whether a repeatable queue took this before; to refuse it now would deny what the queue holds."""
        known = received.idempotency_key in self._by_key or self._ledger.of_session(received.session_id or "")
        return self._repeatable and bool(known)

    def refuse(self, value: str) -> Reply:
        """Answer that it could not be created."""
        return self._refusal(value or "The queue is closed.", 200)

    def wrong_types(self) -> Reply:
        """Answer with no field of its own type."""
        return json_reply({"success": "true", "errorMessage": 0, "result": {"interactionId": ["7700418"]}})

    def missing_id(self) -> Reply:
        """Answer success without an id."""
        return json_reply({"success": True, "errorMessage": None, "result": {}})

    def duplicate_id(self, received: Received) -> Reply | None:
        """Answer the newest id of another session, None if there is none; nothing is created."""
        other = self._ledger.of_other_session(received.session_id or "")
        if other is None:
            return None
        received.interaction_id = other.interaction_id
        return self._took(other.interaction_id)

    def _refusal(self, message: str, status: int) -> Reply:
        return json_reply({"success": False, "errorMessage": message, "result": None}, status)

    def _took(self, interaction_id: str) -> Reply:
        return json_reply({"success": True, "errorMessage": None, "result": {"interactionId": interaction_id}})

    def _same_session(self, request: CreateRequest) -> Interaction | None:
        entries = self._ledger.of_session(request.session_id) if self._repeatable else []
        return entries[0] if entries else None

    def _create(self, request: CreateRequest) -> Interaction:
        interaction = Interaction(
            str(self._next_id), request.session_id, request.customer_id, request.attached_form, self._clock.now_ms()
        )
        self._next_id += 1
        self._ledger.add(interaction)
        self._created(interaction)
        return interaction


class DeleteInteraction:
    """`DELETE /{interactionId}`: 200; 404 for an id never given, 410 when it was deleted, 409 when an agent has it."""

    endpoint = Endpoint.DELETE

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def problem(self, received: Received) -> str | None:
        """Find nothing wrong: the path is all there is."""
        return None

    def malformed(self, problem: str) -> Reply:
        """Answer 400 with the reason."""
        return json_reply({"success": False, "errorMessage": problem}, 400)

    def carry_out(self, received: Received) -> Reply:
        """Take the interaction out of the queue."""
        interaction = self._ledger.interaction(received.interaction_id or "")
        if interaction is None:
            return json_reply({"success": False, "errorMessage": "no such interaction"}, 404)
        received.session_id = interaction.session_id
        if interaction.mark is Mark.ACCEPTED:
            return json_reply({"success": False, "errorMessage": "an agent has it"}, 409)
        if interaction.deleted_at is not None:
            return json_reply({"success": False, "errorMessage": "already deleted"}, 410)
        interaction.deleted_at = self._clock.now_ms()
        return json_reply({"success": True})

    def refuse(self, value: str) -> Reply:
        """Answer 409."""
        return json_reply({"success": False, "errorMessage": value or "not now"}, 409)

    def wrong_types(self) -> Reply:
        """Answer a list."""
        return json_reply([False])


class CheckCustomerToken:
    """`POST /checkauthtoken`: answers a text, `Validated` unless scripted."""

    endpoint = Endpoint.CUSTOMER_TOKEN

    def problem(self, received: Received) -> str | None:
        """Say which field is missing."""
        body = received.body if isinstance(received.body, dict) else {}
        wrong = [name for name in ("deviceId", "dlgToken", "customerNo") if not isinstance(body.get(name), str)]
        return f"{' and '.join(wrong)} must be texts" if wrong else None

    def malformed(self, problem: str) -> Reply:
        """Answer `BadRequest`."""
        return Reply(400, b"BadRequest", TEXT_TYPE)

    def carry_out(self, received: Received) -> Reply:
        """Confirm the token."""
        return Reply(200, b"Validated", TEXT_TYPE)

    def refuse(self, value: str) -> Reply:
        """Answer `value`."""
        return Reply(200, (value or "InvalidToken").encode(), TEXT_TYPE)

    def wrong_types(self) -> Reply:
        """Answer an object where a text belongs."""
        return json_reply({"result": True})


class CheckStaffToken:
    """`GET /CheckToken`."""

    endpoint = Endpoint.STAFF_TOKEN

    def problem(self, received: Received) -> str | None:
        """Say which parameter is missing."""
        body = received.body if isinstance(received.body, dict) else {}
        missing = [name for name in ("sessionId", "token", "userNo") if not body.get(name)]
        return f"{' and '.join(missing)} missing" if missing else None

    def malformed(self, problem: str) -> Reply:
        """Answer 400 with the reason."""
        return json_reply({"success": False, "errorMessage": problem, "result": "BadRequest"}, 400)

    def carry_out(self, received: Received) -> Reply:
        """Confirm the token."""
        return json_reply({"success": True, "result": "token accepted"})

    def refuse(self, value: str) -> Reply:
        """Answer that the token is not confirmed."""
        return json_reply({"success": False, "errorMessage": value or "InvalidToken", "result": "token refused"})

    def wrong_types(self) -> Reply:
        """Answer with no field of its own type."""
        return json_reply({"success": "true", "errorMessage": 0, "result": {}})
