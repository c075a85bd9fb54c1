"""What a company may expect of a CreateInteraction request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

AttachedForm = Literal["object", "array", "any"]


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """A request as it should be. `attached_form` is `object` or `array`."""

    session_id: str
    customer_id: str
    attached_form: str


def read_create_request(body: object, expected: AttachedForm) -> CreateRequest | str:
    """Check a decoded body; return the request, or what is wrong with it.

    The object form carries `identityNumber` and one object of texts, the array form one object with a single text
    for each entry; `sessionId` comes with both.
    """
    if not isinstance(body, Mapping):
        return "the body is not a JSON object"
    session_id, customer_id = body.get("sessionId"), body.get("customerId")
    if not isinstance(session_id, str) or not session_id.strip():
        return "sessionId must be a text"
    if not isinstance(customer_id, str) or not customer_id.strip():
        return "customerId must be a text"
    form = _form_of(body.get("attachedData"))
    if form is None or expected not in {form, "any"}:
        return f"attachedData must be of the {'object or array' if expected == 'any' else expected} form"
    identity = body.get("identityNumber", "" if form == "array" else None)
    if not isinstance(identity, str):
        return "identityNumber must be a text"
    return CreateRequest(session_id, customer_id, form)


def _form_of(data: object) -> str | None:
    if isinstance(data, Mapping):
        return "object" if _texts(data) else None
    if isinstance(data, list) and all(isinstance(pair, Mapping) and len(pair) == 1 and _texts(pair) for pair in data):
        return "array"
    return None


def _texts(pairs: Mapping[object, object]) -> bool:
    return all(isinstance(value, str) for value in pairs.values())
