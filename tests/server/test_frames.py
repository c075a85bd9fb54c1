"""Frames without a network: every cut of the same bytes gives the same events."""

import pytest

from diyalog.server.frames import (
    Close,
    Event,
    FrameReader,
    Ping,
    Pong,
    Text,
    Violation,
    close_frame,
    pong_frame,
    text_frame,
)

from .world import masked


def read(reader: FrameReader, data: bytes) -> list[Event]:
    reader.feed(data)
    events: list[Event] = []
    while (event := reader.next_event()) is not None:
        events.append(event)
    return events


STREAM = (
    masked(0x81, b"one")
    + masked(0x01, "ç".encode()[:1])
    + masked(0x89, b"ping")
    + masked(0x00, b"")
    + masked(0x80, "ç".encode()[1:] + b"!")
    + masked(0x8A, b"")
    + masked(0x81, b"")
    + masked(0x88, b"\x03\xe8bye")
)
EVENTS = [Text("one"), Ping(b"ping"), Text("ç!"), Pong(), Text(""), Close(1000)]


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7, 11, 1000])
def test_every_cut_gives_the_same_events(cut: int) -> None:
    reader = FrameReader(100)
    events = [event for at in range(0, len(STREAM), cut) for event in read(reader, STREAM[at : at + cut])]
    assert events == EVENTS


def test_idle_only_when_nothing_is_outstanding() -> None:
    reader = FrameReader(100)
    frame = masked(0x81, b"one")
    idle = []
    for at in range(len(frame)):
        read(reader, frame[at : at + 1])
        idle.append(reader.idle)
    assert idle == [False] * (len(frame) - 1) + [True]
    read(reader, masked(0x01, b"begun"))
    assert not reader.idle
    read(reader, masked(0x80, b"done"))
    assert reader.idle


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"\x81\x01a", 1002, id="not masked"),
        pytest.param(masked(0xC1, b"a"), 1002, id="compressed though not agreed"),
        pytest.param(masked(0x83, b"a"), 1002, id="unknown opcode"),
        pytest.param(masked(0x09, b"a"), 1002, id="fragmented ping"),
        pytest.param(masked(0x89, b"a" * 126), 1002, id="long ping"),
        pytest.param(masked(0x80, b"a"), 1002, id="continuation of nothing"),
        pytest.param(masked(0x01, b"a") + masked(0x81, b"b"), 1002, id="new message inside another"),
        pytest.param(masked(0x88, b"\x03"), 1002, id="close with half a code"),
        pytest.param(masked(0x88, b"\x03\xed"), 1002, id="close 1005"),
        pytest.param(masked(0x88, b"\x03\xe7"), 1002, id="close 999"),
        pytest.param(masked(0x88, b"\x13\x88"), 1002, id="close 5000"),
        pytest.param(masked(0x88, b"\x03\xe8\xff"), 1007, id="close with a reason that is not UTF-8"),
        pytest.param(masked(0x82, b"a"), 1003, id="binary"),
        pytest.param(masked(0x82, b"", announced=50), 1003, id="binary, announced only"),
        pytest.param(masked(0x81, b"\xff"), 1007, id="not UTF-8"),
        pytest.param(masked(0x81, "ç".encode()[:1]), 1007, id="half a character at the end"),
        pytest.param(masked(0x01, b"\xc3") + masked(0x80, b"("), 1007, id="character broken over fragments"),
        pytest.param(masked(0x81, "\ud800".encode("utf-8", "surrogatepass")), 1007, id="a lone surrogate"),
        pytest.param(masked(0x81, b"a" * 101), 1009, id="one byte too long"),
        pytest.param(masked(0x81, b"", announced=101), 1009, id="too long, announced only"),
        pytest.param(masked(0x81, b"", announced=1 << 40), 1009, id="a terabyte, announced only"),
        pytest.param(masked(0x01, b"a" * 60) + masked(0x80, b"a" * 41), 1009, id="too long over fragments"),
        pytest.param(masked(0x01, b"a" * 60) + masked(0x80, b"", announced=41), 1009, id="announced over fragments"),
    ],
)
def test_violations(data: bytes, code: int) -> None:
    reader = FrameReader(100)
    with pytest.raises(Violation) as caught:
        read(reader, data)
    assert caught.value.code == code


def test_longest_message_passes_whole_and_in_fragments() -> None:
    assert read(FrameReader(100), masked(0x81, b"a" * 100)) == [Text("a" * 100)]
    fragments = masked(0x01, b"a" * 60) + masked(0x89, b"p" * 125) + masked(0x80, b"b" * 40)
    assert read(FrameReader(100), fragments) == [Ping(b"p" * 125), Text("a" * 60 + "b" * 40)]


def test_no_limit() -> None:
    assert read(FrameReader(0), masked(0x81, b"a" * 70_000)) == [Text("a" * 70_000)]


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_text_frames_have_the_shortest_head(length: int, head: bytes) -> None:
    payload = b"a" * length
    assert text_frame(payload) == head + payload


def test_control_frames() -> None:
    assert pong_frame(b"hi") == b"\x8a\x02hi"
    assert close_frame(1012, "2.50") == b"\x88\x06\x03\xf42.50"
    assert close_frame(1005) == b"\x88\x00"
    long = close_frame(1000, "ç" * 100)
    assert long == b"\x88\x7c\x03\xe8" + "ç".encode() * 61  # 123 bytes would cut the 62nd character in two
