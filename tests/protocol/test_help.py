"""Help objects as literal JSON."""

import json

import msgspec
import pytest

from diyalog.domain.wait import Place, Wait
from diyalog.protocol.help import HelpLimits, estimated_seconds, help_limits, help_object

from .waits import FAILED, NOT_DELIVERED, REQUESTED, WAITING

_LIMITS = {"waitLimitSeconds": 1800, "abandonAfterSeconds": 300, "queueTimeoutSeconds": 10}
_COMMON = {
    "sessionId": "019a0000-0000-7000-8000-000000000001",
    "startedAt": "2026-11-22T16:00:00.123Z",
    "epoch": "e1",
    "limits": _LIMITS,
}


@pytest.mark.parametrize(
    ("wait", "position", "expected"),
    [
        (
            REQUESTED,
            None,
            _COMMON | {"interactionId": None, "helpType": "video_call", "state": "REQUESTED", "seq": 0},
        ),
        (
            WAITING,
            4,
            _COMMON | {"interactionId": "int-1", "helpType": "video_call", "state": "WAITING", "seq": 1, "position": 4},
        ),
        (
            NOT_DELIVERED,
            None,
            _COMMON
            | {
                "interactionId": 'int-"1"',
                "helpType": "video_call",
                "state": "ENDED",
                "seq": 2,
                "endedAt": "2026-11-22T16:01:00.456Z",
                "outcome": "NOT_DELIVERED",
                "reason": "queue",
                "message": 'Şu an "müsait"\nkimse yok \\ \u2028 😀',
            },
        ),
        (
            FAILED,
            None,
            _COMMON
            | {
                "interactionId": None,
                "helpType": "chat",
                "state": "ENDED",
                "seq": 1,
                "endedAt": "2026-11-22T16:00:10.000Z",
                "outcome": "FAILED",
                "reason": "queue_timeout",
            },
        ),
    ],
)
def test_a_help_object_holds_what_is_known_and_leaves_out_the_rest(
    wait: Wait, position: int | None, expected: dict[str, object]
) -> None:
    made = help_object(wait, epoch="e1", limits=help_limits(1_800_000, 300_000, 10_000), place=Place(position))
    assert json.loads(msgspec.json.encode(made)) == expected


@pytest.mark.parametrize(
    ("ms", "seconds"), [(None, None), (0, 30), (1, 30), (30_000, 30), (30_001, 60), (599_000, 600)]
)
def test_an_estimate_is_told_in_half_minutes_and_never_as_less(ms: int | None, seconds: int | None) -> None:
    assert estimated_seconds(Place(3, ms)) == seconds


def test_whole_seconds_are_written_as_integers() -> None:
    assert msgspec.json.encode(help_limits(1_800_000, 500, 10_250)) == (
        b'{"waitLimitSeconds":1800,"abandonAfterSeconds":0.5,"queueTimeoutSeconds":10.25}'
    )


def test_limits_can_be_given_in_seconds() -> None:
    assert help_limits(1_800_000, 300_000, 10_000) == HelpLimits(1800, 300, 10)
