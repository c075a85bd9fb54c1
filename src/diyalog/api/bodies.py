"""Bodies on the wire, with their wire names. A field that was not sent is UNSET; null counts as absent."""

from msgspec import UNSET, Struct, UnsetType

Text = str | UnsetType | None
"""A string."""

Id = str | int | UnsetType | None
"""An id: a string, or an integer that stands for its decimal text."""


class NotDelivered(Struct, rename="camel", gc=False):
    """Body of interactionisnotdelivered."""

    interaction_id: Id = UNSET
    session_id: Id = UNSET
    message: Text = UNSET


class HashRequest(Struct, rename="camel", gc=False):
    """Body of gettransactionhashforonlinehelp; `interactionId`: the company queued this customer itself."""

    customer_id: Id = UNSET
    device_hash: Text = UNSET
    interaction_id: Id = UNSET


class Envelope(Struct, rename="camel", omit_defaults=True, gc=False):
    """Answer of the company API's operations; `errorCode` is left out on success."""

    is_success: bool
    message: str
    error_code: int | UnsetType = UNSET
    transaction_hash: str | UnsetType = UNSET


class ActivationBody(Struct, rename="camel", gc=False):
    """Body of an activation: by transaction hash, by the company's token, or in open access by neither."""

    customer_id: Id = UNSET
    customer_name: Text = UNSET
    device_hash: Text = UNSET
    transaction_hash: Text = UNSET
    device_id: Id = UNSET
    dlg_token: Text = UNSET
    phone: Id = UNSET
    email: Text = UNSET


class ActivationAnswer(Struct, rename="camel"):
    """What an app is let in with; `expiresAt` is when the token stops starting help."""

    client_token: str
    expires_at: str
    customer_id: str


class SignInBody(Struct, rename="camel", gc=False):
    """Body of a sign-in of the staff; with open access without `sessionId` and `token`."""

    user_id: Id = UNSET
    user_name: Text = UNSET
    session_id: Id = UNSET
    token: Text = UNSET


class SignInAnswer(Struct, rename="camel"):
    """What a desk is let in with; `expiresAt` is when the token ends, `rights` what its owner may do now."""

    staff_token: str
    expires_at: str
    user_id: str
    user_name: str
    rights: tuple[str, ...]


class HelpBody(Struct, rename="camel", gc=False):
    """Body of a request for help."""

    help_type: Id = UNSET
    attached_data: dict[str, str] | UnsetType | None = UNSET
    identity_number: Id = UNSET


class AcceptBody(Struct, rename="camel", gc=False):
    """Body of taking a wait: exactly one of its names."""

    customer_id: Id = UNSET
    session_id: Id = UNSET
    interaction_id: Id = UNSET


class AvailabilityBody(Struct, rename="camel", gc=False):
    """Body of taking offers or not."""

    available: bool | UnsetType | None = UNSET


class MessageBody(Struct, rename="camel", gc=False):
    """Body of a message; `id` is the sender's own."""

    id: Text = UNSET
    text: Text = UNSET


class MessageAnswer(Struct, rename="camel"):
    """A message that was stored: its number in the session's stream, and when."""

    id: str
    seq: int
    at: str


class FinishRequest(Struct, rename="camel", gc=False):
    """Body of finishonlinehelp."""

    customer_id: Id = UNSET
    staff_id: Id = UNSET


class StaffRequest(Struct, rename="camel", gc=False):
    """Body of disableoutofoffice and getuseroutofofficeinfo."""

    staff_id: Id = UNSET


class OutOfOfficeRequest(Struct, rename="camel", gc=False):
    """Body of enableoutofoffice; who stands in, as one text parted by commas or as a list."""

    staff_id: Id = UNSET
    out_of_office_message: Text = UNSET
    forward_to_staff_ids: str | list[str | int] | UnsetType | None = UNSET


class OfficeEnvelope(Struct, rename="camel"):
    """Answer of getuseroutofofficeinfo."""

    is_success: bool
    message: str
    staff_id: str
    is_out_of_office: bool
    out_of_office_message: str
    forward_to_staff_ids: str


def text_of(value: Id) -> str | None:
    """The text of a field; None when it is absent, null or blank, which can never name anything."""
    if type(value) is str:
        return value if value and not value.isspace() else None
    return str(value) if type(value) is int else None
