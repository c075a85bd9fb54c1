"""The company's own queue: CreateInteraction and DeleteInteraction (docs/company_queue.md).

Every answer is hostile: it is used when it fits the schema in every part, and otherwise its result is unknown.
"""

from typing import Final, Literal
from urllib.parse import quote

import msgspec

from diyalog.callouts.http import HttpClient
from diyalog.callouts.replies import Answered, Reply, Unanswered, Unsent
from diyalog.domain.commands import Request
from diyalog.domain.ids import InteractionId, SessionId, is_interaction_id
from diyalog.ports_callouts import Again, CreateAnswer, DeleteAnswer, Done, Journal, NotSent, Refused, Took, Unknown

DELETE_S: Final = 10.0
"""Longest wait for DeleteInteraction's answer, in seconds."""
_PASSING: Final = frozenset({408, 425, 429})
"""Refusals that say nothing about the request itself."""
_GONE: Final = frozenset({404, 410})
_DENIED: Final = frozenset({401, 403})


class _Result(msgspec.Struct, rename="camel"):
    interaction_id: str | int | None = None


class _Created(msgspec.Struct, rename="camel"):
    success: bool
    error_message: str | None = None
    result: _Result | None = None


class HttpQueueSystem:
    """Speaks to the queue under the base address `base_url`. Satisfies ports_callouts.QueueSystem.

    `creates` and `deletes` carry the two calls, apart, so that deletes that hang keep no customer waiting. `form`: the
    form of attachedData that the company reads. `slot_s`: how long a request may wait for its turn (seconds).
    """

    def __init__(
        self,
        base_url: str,
        *,
        creates: HttpClient,
        deletes: HttpClient,
        form: Literal["object", "array"],
        slot_s: float,
        journal: Journal,
    ) -> None:
        self._creates = creates
        self._deletes = deletes
        self._base = base_url.rstrip("/")
        self._form = form
        self._slot_s = slot_s
        self._journal = journal

    async def create(self, session_id: SessionId, request: Request, timeout_s: float) -> CreateAnswer:
        """CreateInteraction, with at most `timeout_s` seconds until its answer is read. Never raises."""
        try:
            body = msgspec.json.encode(_create_body(session_id, request, self._form))
        except UnicodeEncodeError:
            return NotSent()
        reply = await self._creates.send(
            "POST",
            f"{self._base}/CreateInteraction",
            body=body,
            headers={"Content-Type": "application/json", "Idempotency-Key": session_id},
            timeout_s=timeout_s,
            slot_s=self._slot_s,
        )
        answer = _create_answer(reply)
        self._note("create_interaction", reply, _CREATE_WORDS[type(answer)], session_id)
        return answer

    async def delete(self, interaction_id: InteractionId) -> DeleteAnswer:
        """DeleteInteraction. Never raises."""
        url = f"{self._base}/{_path_segment(interaction_id)}"
        reply = await self._deletes.send("DELETE", url, timeout_s=DELETE_S, slot_s=self._slot_s)
        answer: DeleteAnswer = Again()
        if isinstance(reply, Answered):
            if 200 <= reply.status < 300 or reply.status in _GONE:
                answer = Done()
            else:
                answer = Again(denied=reply.status in _DENIED)
        self._note("delete_interaction", reply, "ok" if isinstance(answer, Done) else "status", None)
        return answer

    def _note(self, service: str, reply: Reply, word: str, session_id: SessionId | None) -> None:
        match reply:
            case Answered(status, _, seconds):
                self._journal.called(service, word, status, seconds, session_id)
            case Unsent(fault, seconds):
                self._journal.called(service, fault, None, seconds, session_id)
            case Unanswered(fault, seconds, status):
                self._journal.called(service, fault, status, seconds, session_id)


_CREATE_WORDS: Final[dict[type[CreateAnswer], str]] = {
    Took: "ok",
    Refused: "refused",
    Unknown: "unusable",
    NotSent: "not_sent",
}


def _create_body(session_id: SessionId, request: Request, form: Literal["object", "array"]) -> dict[str, object]:
    """The body of CreateInteraction. An object cannot carry a name twice: the last value stands."""
    if form == "array":
        return {
            "customerId": request.customer_id,
            "attachedData": [{name: value} for name, value in request.attached_data],
            "sessionId": session_id,
        }
    return {
        "identityNumber": request.identity_number,
        "customerId": request.customer_id,
        "attachedData": dict(request.attached_data),
        "sessionId": session_id,
    }


def _create_answer(reply: Reply) -> CreateAnswer:
    match reply:
        case Unsent():
            return NotSent()
        case Unanswered():
            return Unknown()
        case Answered(status, body) if 200 <= status < 300:
            return _read_created(body)
        case Answered(status, body) if 400 <= status < 500 and status not in _PASSING:
            return Refused(by_queue=_read_created(body) == Refused(by_queue=True))
        case _:
            return Unknown()


def _read_created(body: bytes) -> CreateAnswer:
    try:
        created = msgspec.json.decode(body, type=_Created)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return Unknown()
    if not created.success:
        return Refused(by_queue=True)
    named = None if created.result is None else created.result.interaction_id
    text = "" if named is None else str(named)
    return Took(InteractionId(text)) if is_interaction_id(text) else Unknown()


def _path_segment(interaction_id: InteractionId) -> str:
    """The id as one segment of a path. Dots alone would climb out of the base, so they are encoded too."""
    encoded = quote(interaction_id, safe="")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")
