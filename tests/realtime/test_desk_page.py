"""What the page on the event stream says of desks: its messages are the program's."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from diyalog.protocol.codec import decode_staff
from diyalog.protocol.conversation import WaitingObject
from diyalog.protocol.staff_stream import Line, OfferObject, OwnDesk, StaffHello
from diyalog.usecases.staff_following import MOST_RECOVERED

from .desk_world import SELIN, DeskWorld

SECTION = (
    (Path(__file__).parents[2] / "docs" / "stream_protocol.md").read_text().partition("## The stream of a desk")[2]
)
SHOWN = [line for line in SECTION.splitlines() if line.startswith("{")]


def _shape(message: dict[str, Any]) -> tuple[Any, ...]:
    """Its kind and the names in it, in order."""
    inner = message.get("data", message.get("snapshot", {}))
    talks = [list(talk) for talk in inner.get("conversations", ())]
    return message["type"], message.get("event"), list(message), list(inner), talks, inner.get("state")


def test_the_hello_shown_is_legal() -> None:
    assert decode_staff(SHOWN[0]) == StaffHello("b0vF3qUu...", 0, None)


async def test_the_messages_shown_have_the_fields_that_are_sent(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    await office.say(wait, "Hello")
    socket = office.desk()
    await socket.heard(3)
    await office.end(wait)
    sent = await socket.heard(4)
    shown = [json.loads(text) for text in SHOWN[1:]]
    numbered = [message for message in shown if "seq" in message and "conversationId" not in message]
    assert [_shape(message) for message in numbered] == [_shape(message) for message in sent]
    assert json.loads(SHOWN[1])["userId"] == SELIN


async def test_what_is_said_for_the_moment_is_as_shown(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    await office.say(wait, "Hello")
    app, desk = office.hello(wait.session_id), office.desk()
    await app.heard(5)
    await desk.heard(3)
    office.ticks.ms += 1000
    said = [json.loads(text) for text in SHOWN if json.loads(text)["type"] in ("received", "read", "typing")]
    for aside in said:
        desk.say(**{**aside, "conversationId": wait.session_id})
    assert [message["event"] for message in (await app.heard(7))[5:]] == ["chat.typing", "chat.read"]
    app.say(type="typing")
    app.say(type="read", seq=4)
    told = (await desk.heard(5))[3:]
    shown = [json.loads(text) for text in SHOWN if '"event"' in text and '"seq":' not in text]
    assert [_shape(message) for message in shown] == [_shape(message) for message in told]


def test_the_line_and_the_offers_shown_are_what_is_sent() -> None:
    line, own = (json.loads(text) for text in SHOWN if json.loads(text)["type"] in ("line", "desk"))
    assert msgspec.convert(line, Line).total == 1
    assert set(line["waiting"][0]) == {one.encode_name for one in structs.fields(WaitingObject)}
    assert msgspec.convert(own, OwnDesk).routing
    assert set(own["offers"][0]) == {one.encode_name for one in structs.fields(OfferObject)}


def test_the_number_of_events_that_are_recovered_is_the_programs() -> None:
    assert re.findall(r"more than ([\d,]+)\.", SECTION) == [f"{MOST_RECOVERED:,}"]
