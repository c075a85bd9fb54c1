"""The messages of a desk's stream: the known frames, and that nothing else gets through or breaks the reader."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no types of its own

from diyalog.domain.ids import CustomerRef, InteractionId, SessionId, StaffRef
from diyalog.domain.results import StaffEvent, StreamEvent, Waiter
from diyalog.domain.routing import Availability, AwayReason, Offer
from diyalog.domain.wait import Conversation, HelpType, Marks, Outcome, Party, State, Wait
from diyalog.protocol import staff_stream
from diyalog.protocol.codec import FrameError, decode_staff
from diyalog.protocol.conversation import conversation_object, waiting_object
from diyalog.protocol.messages import Ack, Ping
from diyalog.protocol.staff_stream import StaffHello, StaffMessage, StaffSnapshot

KNOWN: Final = json.loads((Path(__file__).parents[1] / "vectors" / "staff_frames.json").read_text("utf-8"))
ASYNCAPI: Final = json.loads(
    (Path(__file__).parents[2] / "src" / "diyalog" / "api" / "asyncapi.json").read_text("utf-8")
)
WAIT: Final = Wait(
    row=1,
    session_id=SessionId("019a0000-0000-7000-8000-000000000001"),
    customer=CustomerRef(1),
    interaction_id=InteractionId("int-1"),
    help_type=HelpType.CHAT,
    state=State.CONNECTED,
    outcome=Outcome.CONNECTED,
    reason=None,
    message=None,
    started_at=1_795_363_200_123,
    ended_at=1_795_363_210_000,
    seq=4,
    acknowledged_at=None,
    conversation=Conversation(StaffRef(3), "Selin Aksoy", 1_795_363_210_000, None, None, None),
)


def written(known: dict[str, Any]) -> bytes:
    if told := known.get("event"):
        happened = StreamEvent(
            told["seq"], told["kind"], told["atMs"], Party(told["author"]), told["messageId"], told["text"]
        )
        return staff_stream.event(StaffEvent(told["staffSeq"], WAIT, happened))
    if told := known.get("typing"):
        return staff_stream.typing(WAIT.session_id, told["atMs"])
    if told := known.get("read"):
        return staff_stream.read(WAIT.session_id, Marks(told["received"], told["read"]), told["atMs"])
    if told := known.get("line"):
        return staff_stream.line([waiting_object(waiter(one), 1) for one in told["waiting"]], told["total"])
    if "desk" in known:
        return own_desk(known["desk"])
    return welcome(known["welcome"])


def waiter(one: dict[str, Any]) -> Waiter:
    attached = tuple((key, text) for key, text in one["attachedData"])
    return Waiter(WAIT, one["customerId"], one["customerName"], one["present"], attached, one.get("offered", False))


def own_desk(told: dict[str, Any] | None) -> bytes:
    if told is None:
        return staff_stream.own_desk(None, ())
    reason = None if told["reason"] is None else AwayReason(told["reason"])
    now = Availability(told["available"], told["sinceMs"], reason, frozenset(told["skills"]), told["capacity"])
    offers = []
    if offer := told["offer"]:
        times = (offer["offeredAtMs"], offer["expiresAtMs"])
        asked = waiting_object(Waiter(WAIT, "880215", None, present=True, attached_data=(), offered=True), 1)
        offers.append(staff_stream.offer_object(asked, Offer(WAIT.row, StaffRef(3), *times)))
    return staff_stream.own_desk(staff_stream.availability_object(now), offers)


def welcome(told: dict[str, Any]) -> bytes:
    customers = [waiter(one) for one in told["conversations"]]
    return staff_stream.welcome(
        StaffSnapshot(told["userId"], told["userName"], [conversation_object(WAIT, one) for one in customers]),
        seq=told["seq"],
        epoch=told["epoch"],
        now_ms=told["serverTimeMs"],
        recovered=told["recovered"],
    )


@pytest.mark.parametrize("known", KNOWN["server"], ids=lambda known: str(known["name"]))
def test_the_server_writes_the_known_frames(known: dict[str, Any]) -> None:
    assert written(known) == known["frame"].encode()


def _kind(frame: dict[str, Any]) -> str:
    """The message's name on the desk's channel."""
    head, _, rest = frame.get("event", "").partition(".")
    return head + rest.capitalize() or str(frame["type"])


@pytest.mark.parametrize("known", [*KNOWN["server"], *KNOWN["client"]], ids=lambda known: str(known["name"]))
def test_the_known_frames_are_as_described(known: dict[str, Any]) -> None:
    frame = json.loads(known["frame"])
    name = ASYNCAPI["channels"]["staffEvents"]["messages"][_kind(frame)]["$ref"].rpartition("/")[2]
    schema = {**ASYNCAPI["components"]["messages"][name]["payload"], "components": ASYNCAPI["components"]}
    Draft202012Validator(schema).validate(frame)


@pytest.mark.parametrize("known", KNOWN["client"], ids=lambda known: str(known["name"]))
def test_the_server_reads_the_known_frames(known: dict[str, Any]) -> None:
    read = decode_staff(known["frame"])
    absent = {"epoch": None, "line": False} if isinstance(read, StaffHello) else {}
    assert msgspec.to_builtins(read) == {**absent, **known["message"]}


@pytest.mark.parametrize("known", KNOWN["refused"], ids=lambda known: str(known["frame"]))
def test_the_server_refuses_everything_else(known: dict[str, str]) -> None:
    with pytest.raises(FrameError) as caught:
        decode_staff(known["frame"])
    assert caught.value.reason == known["reason"]
    assert caught.value.__suppress_context__


def test_a_kind_of_a_newer_version_is_no_event() -> None:
    with pytest.raises(ValueError, match="unknown kind of event"):
        staff_stream.event(StaffEvent(1, WAIT, StreamEvent(3, "chat.of-tomorrow", 0)))


def _read(text: str) -> StaffMessage | str:
    """The message, or the reason why it is none; any other exception fails the test."""
    try:
        return decode_staff(text)
    except FrameError as error:
        return error.reason


@given(st.text(st.characters()))
def test_any_text_is_a_message_or_a_frame_error(text: str) -> None:
    read = _read(text)
    assert isinstance(read, StaffHello | Ack | Ping) or read in {"no JSON text", "no legal message"}


@pytest.mark.parametrize("deep", ["[" * 20_000 + "]" * 20_000, '{"a":' * 10_000])
def test_depth_is_refused(deep: str) -> None:
    assert _read('{"type":"ping","deep":' + deep + "}") == "nested too deeply"


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), _SCALARS, max_size=2)
_FIELDS = st.sampled_from(["type", "token", "after", "epoch", "seq", "x"])
_TYPES = st.sampled_from(["hello", "ack", "ping", "pong", "welcome"])


@given(_TYPES, st.dictionaries(_FIELDS, _VALUES, max_size=6))
def test_anything_like_a_message_is_one_or_a_frame_error(kind: str, fields: dict[str, object]) -> None:
    said = {"type": kind} | fields
    read = _read(json.dumps(said))
    if isinstance(read, str):
        assert read in {"no JSON text", "no legal message"}
    else:
        assert type(read).__name__.lower().removeprefix("staff") == said["type"]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(0, 2**53 - 1))
def test_every_hello_is_read_as_it_was_written(text: str, after: int) -> None:
    said = {"type": "hello", "token": text, "after": after, "epoch": text}
    for ascii_only in (True, False):
        assert decode_staff(json.dumps(said, ensure_ascii=ascii_only)) == StaffHello(text, after, text)
