"""What both sides of a conversation may send, and what they are answered."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from diyalog.api.bodies import MessageAnswer, MessageBody
from diyalog.api.content import ContentLimits, read_content, require_json
from diyalog.api.exchange import JSON, Answer, Exchange, Header
from diyalog.api.problems import RefusedError, malformed
from diyalog.api.strict_json import MalformedError, StrictDecoder
from diyalog.domain.results import Said, StreamEvent, Verdict
from diyalog.domain.wait import State
from diyalog.protocol.conversation import MessageObject, message_object
from diyalog.protocol.times import rfc3339

NO_STORE: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"),)
_MOST_CHARACTERS: Final = 4000
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_NUMBER: Final = re.compile(rb"[0-9]{1,15}\Z")
_LINES: Final = frozenset("\n\t")
_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = StrictDecoder(MessageBody)


class Message(NamedTuple):
    """What somebody writes: the text under an id of their own."""

    message_id: str
    text: str


async def read_message(exchange: Exchange, limits: ContentLimits) -> Message:
    """The message in a request; raises RefusedError."""
    require_json(exchange.header(b"content-type"))
    try:
        body = _decoder.decode(await read_content(exchange, limits))
    except MalformedError as error:
        raise malformed(str(error)) from None
    if not isinstance(body.id, str) or not _ID.match(body.id):
        raise RefusedError("MESSAGE_ID_INVALID")
    if not isinstance(body.text, str):
        raise RefusedError("MESSAGE_NOT_TEXT")
    text = body.text.replace("\r\n", "\n")
    if not _is_writing(text):
        raise RefusedError("MESSAGE_NOT_TEXT")
    return Message(body.id, text)


def _is_writing(text: str) -> bool:
    """Whether people can have written it: not too much, not nothing, nothing that steers a screen."""
    if not 1 <= len(text) <= _MOST_CHARACTERS or text.isspace():
        return False
    return all(unicodedata.category(letter) != "Cc" for letter in text if letter not in _LINES)


def said_answer(said: Said) -> Answer:
    """What the sender is told; raises RefusedError."""
    if said.verdict is Verdict.UNKNOWN or said.wait is None:
        raise RefusedError("SESSION_NOT_FOUND")
    if said.verdict is Verdict.MISMATCH:
        raise RefusedError("MESSAGE_ID_REUSED")
    if said.event is None or said.event.message_id is None:
        raise nobody_there(said)
    answer = MessageAnswer(said.event.message_id, said.event.seq, rfc3339(said.event.at))
    return Answer(201, JSON, _encode(answer), NO_STORE)


def nobody_there(said: Said) -> RefusedError:
    """Why nobody reads what was written."""
    assert said.wait is not None, "the session is known"
    conversation = said.wait.conversation
    if conversation is not None and said.wait.state is State.ENDED:
        return RefusedError("CONVERSATION_ENDED", members={"endedBy": conversation.ended_by})
    return RefusedError("NOT_IN_CONVERSATION", members={"state": said.wait.state, "outcome": said.wait.outcome})


def after_of(exchange: Exchange) -> int:
    """The number after `after=` in the query, 0 without one; raises RefusedError when it is anything but one number."""
    query: bytes = exchange.scope["query_string"]
    given = [value for name, _, value in (field.partition(b"=") for field in query.split(b"&")) if name == b"after"]
    if not given:
        return 0
    if len(given) > 1 or not _NUMBER.match(given[0]):
        raise malformed("after must be one whole number from 0.")
    return int(given[0])


class _Messages(msgspec.Struct):
    messages: list[MessageObject]


def messages_answer(events: Sequence[StreamEvent]) -> Answer:
    """Messages in order."""
    return Answer(200, JSON, _encode(_Messages([message_object(event) for event in events])), NO_STORE)
