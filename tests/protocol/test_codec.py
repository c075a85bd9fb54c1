"""What is a legal message, and that nothing else gets through or breaks the reader."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diyalog.protocol.codec import FrameError, decode
from diyalog.protocol.messages import Ack, ClientMessage, Hello, Ping


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"hello","token":"t","sessionId":"s","after":0}', Hello("t", "s", 0, None)),
        ('{"type":"hello","token":"t","sessionId":"s","after":0,"epoch":null}', Hello("t", "s", 0, None)),
        ('{"epoch":"e","after":3,"sessionId":"s","token":"t","type":"hello"}', Hello("t", "s", 3, "e")),
        (' {"type" : "hello", "token":"\\u015f","sessionId":"","after":7} \n', Hello("ş", "", 7, None)),
        ('{"type":"hello","token":"t","sessionId":"s","after":9007199254740991}', Hello("t", "s", 2**53 - 1, None)),
        ('{"type":"ack","seq":3}', Ack(3)),
        ('{"type":"ack","seq":-0}', Ack(0)),
        ('{"type":"ping"}', Ping()),
        # A newer client may say more than this server knows.
        ('{"type":"ping","id":1,"more":{"a":[null,1e5,"x"]}}', Ping()),
        ('{"type":"ping","__proto__":{}}', Ping()),
        # Of a repeated field the last counts.
        ('{"type":"ack","seq":3,"seq":4}', Ack(4)),
        ('{"type":"ping","deep":' + "[" * 100 + "]" * 100 + "}", Ping()),
    ],
)
def test_legal_messages(text: str, message: ClientMessage) -> None:
    assert decode(text) == message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON text"),
        ("hello", "no JSON text"),
        ('{"type":"ping"', "no JSON text"),
        ('{"type":"ping"}{"type":"ping"}', "no JSON text"),
        ("{'type':'ping'}", "no JSON text"),
        ('{"type":"ping",}', "no JSON text"),
        ('{"type":"ping","x":NaN}', "no JSON text"),
        ('{"type":"ping","x":"\n"}', "no JSON text"),
        ('\ufeff{"type":"ping"}', "no JSON text"),
        ('{"type":"hello","token":"\\ud800","sessionId":"s","after":0}', "no JSON text"),
        ('{"type":"hello","token":"\ud800","sessionId":"s","after":0}', "no JSON text"),
        ("null", "no legal message"),
        ("[]", "no legal message"),
        ('"ping"', "no legal message"),
        ("{}", "no legal message"),
        ('{"type":null}', "no legal message"),
        ('{"type":1}', "no legal message"),
        ('{"type":"welcome"}', "no legal message"),
        ('{"type":"PING"}', "no legal message"),
        ('{"type":"ping","type":"hello"}', "no legal message"),
        ('{"type":"hello"}', "no legal message"),
        ('{"type":"hello","token":"t","sessionId":"s"}', "no legal message"),
        ('{"type":"hello","token":"t","session_id":"s","after":0}', "no legal message"),
        ('{"type":"hello","token":null,"sessionId":"s","after":0}', "no legal message"),
        ('{"type":"hello","token":"t","sessionId":5,"after":0}', "no legal message"),
        ('{"type":"hello","token":"t","sessionId":"s","after":null}', "no legal message"),
        ('{"type":"hello","token":"t","sessionId":"s","after":"0"}', "no legal message"),
        ('{"type":"hello","token":"t","sessionId":"s","after":0,"epoch":1}', "no legal message"),
        ('{"type":"hello","token":"t\\u0000","sessionId":"s","after":0}', "no legal message"),
        ('{"type":"hello","token":"t","sessionId":"\\u0000","after":0}', "no legal message"),
        ('{"type":"hello","token":"t","sessionId":"s","after":0,"epoch":"\\u0000"}', "no legal message"),
        ('{"type":"ack"}', "no legal message"),
        ('{"type":"ack","seq":-1}', "no legal message"),
        ('{"type":"ack","seq":1.0}', "no legal message"),
        ('{"type":"ack","seq":1e1}', "no legal message"),
        ('{"type":"ack","seq":true}', "no legal message"),
        ('{"type":"ack","seq":9007199254740992}', "no legal message"),
        ('{"type":"ack","seq":1' + "0" * 5000 + "}", "no legal message"),
        ('{"type":"ping","deep":' + "[" * 20_000 + "]" * 20_000 + "}", "nested too deeply"),
        ('{"type":"ping","deep":' + '{"a":' * 10_000, "nested too deeply"),
    ],
)
def test_illegal_messages(text: str, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode(text)
    assert caught.value.reason == reason


def test_an_error_quotes_nothing_and_hides_its_cause() -> None:
    with pytest.raises(FrameError) as caught:
        decode('{"type":"12345678901"}')
    assert "12345678901" not in repr(caught.value)
    assert caught.value.__suppress_context__


def _read(text: str) -> ClientMessage | str:
    """The message, or the reason why it is none; any other exception fails the test."""
    try:
        return decode(text)
    except FrameError as error:
        return error.reason


@given(st.text(st.characters()))
def test_any_text_is_a_message_or_a_frame_error(text: str) -> None:
    read = _read(text)
    assert isinstance(read, Hello | Ack | Ping) or read in {"no JSON text", "no legal message", "nested too deeply"}


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), _SCALARS, max_size=2)
_FIELDS = st.sampled_from(["type", "token", "sessionId", "after", "epoch", "seq", "x"])
_TYPES = st.sampled_from(["hello", "ack", "ping", "pong", "welcome"])


@given(_TYPES, st.dictionaries(_FIELDS, _VALUES, max_size=6))
def test_anything_like_a_message_is_one_or_a_frame_error(kind: str, fields: dict[str, object]) -> None:
    said = {"type": kind} | fields
    read = _read(json.dumps(said))
    if isinstance(read, str):
        assert read in {"no JSON text", "no legal message"}
    else:
        assert type(read).__name__.lower() == said["type"]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(0, 2**53 - 1))
def test_every_hello_is_read_as_it_was_written(text: str, after: int) -> None:
    written = {"type": "hello", "token": text, "sessionId": text, "after": after, "epoch": text}
    for ascii_only in (True, False):
        assert decode(json.dumps(written, ensure_ascii=ascii_only)) == Hello(text, text, after, text)
