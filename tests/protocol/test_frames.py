"""Frames of the server, byte for byte."""

import pytest

from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import Place
from diyalog.protocol import frames
from diyalog.protocol.help import HelpLimits

from .waits import FAILED, NOT_DELIVERED, REQUESTED, WAITING

_SESSION = b'"sessionId":"019a0000-0000-7000-8000-000000000001"'
_LIMITS = b'"limits":{"waitLimitSeconds":1800,"abandonAfterSeconds":300,"queueTimeoutSeconds":10}'


def test_a_welcome_carries_the_snapshot() -> None:
    frame = frames.welcome(
        WAITING,
        epoch="e1",
        now_ms=1_795_363_201_000,
        recovered=True,
        limits=HelpLimits(1800, 300, 10),
        place=Place(2, 61_000),
    )
    assert frame == (
        b'{"type":"welcome",' + _SESSION + b',"seq":1,"epoch":"e1","serverTime":"2026-11-22T16:00:01.000Z",'
        b'"recovered":true,"snapshot":{' + _SESSION + b',"interactionId":"int-1","helpType":"video_call",'
        b'"state":"WAITING","startedAt":"2026-11-22T16:00:00.123Z","position":2,"estimatedWaitSeconds":90,"seq":1,"epoch":"e1",'
        + _LIMITS
        + b"}}"
    )


def test_wait_started_names_the_interaction() -> None:
    assert frames.event(WAITING, StreamEvent(1, "wait.started", 1_795_363_200_500)) == (
        b'{"type":"event",' + _SESSION + b',"seq":1,"event":"wait.started","at":"2026-11-22T16:00:00.500Z",'
        b'"data":{"interactionId":"int-1","helpType":"video_call"}}'
    )


_ENDED = (
    b'{"type":"event",' + _SESSION + b',"seq":2,"event":"wait.ended","at":"2026-11-22T16:01:00.456Z",'
    b'"data":{"outcome":"NOT_DELIVERED","reason":"queue",'
    + '"message":"Şu an \\"müsait\\"\\nkimse yok \\\\ \u2028 😀",'.encode()
    + b'"interactionId":"int-\\"1\\""}}'
)


def test_wait_ended_carries_the_message_unchanged() -> None:
    assert frames.event(NOT_DELIVERED, StreamEvent(2, "wait.ended", 1_795_363_260_456)) == _ENDED


def test_wait_ended_is_the_same_whether_told_at_once_or_read_later() -> None:
    assert frames.newest_wait_ended(NOT_DELIVERED) == _ENDED


def test_wait_ended_without_message_and_interaction_has_nulls() -> None:
    assert frames.newest_wait_ended(FAILED) == (
        b'{"type":"event",' + _SESSION + b',"seq":1,"event":"wait.ended","at":"2026-11-22T16:00:10.000Z",'
        b'"data":{"outcome":"FAILED","reason":"queue_timeout","message":null,"interactionId":null}}'
    )


def test_an_unknown_kind_of_event_is_not_sent() -> None:
    with pytest.raises(ValueError, match="unknown kind of event"):
        frames.event(REQUESTED, StreamEvent(1, "wait.postponed", 0))


def test_pong() -> None:
    assert frames.PONG == b'{"type":"pong"}'
