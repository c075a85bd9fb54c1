"""What the page on the event stream says of desks: its messages are the program's."""

import json
import re
from pathlib import Path
from typing import Any

from diyalog.protocol.codec import decode_staff
from diyalog.protocol.staff_stream import StaffHello
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
    assert [_shape(json.loads(text)) for text in SHOWN[1:]] == [_shape(message) for message in sent]
    assert json.loads(SHOWN[1])["userId"] == SELIN


def test_the_number_of_events_that_are_recovered_is_the_programs() -> None:
    assert re.findall(r"more than ([\d,]+)\.", SECTION) == [f"{MOST_RECOVERED:,}"]
