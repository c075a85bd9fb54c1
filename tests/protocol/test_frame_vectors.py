"""The known frames that server and web SDK share: what is written here byte for byte, and read here."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from diyalog.domain.ids import CustomerRef, InteractionId, SessionId
from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import HelpType, Marks, Outcome, Place, Reason, State, Wait
from diyalog.protocol import frames
from diyalog.protocol.codec import decode
from diyalog.protocol.codes import is_final
from diyalog.protocol.help import HelpLimits
from diyalog.protocol.messages import Hello

KNOWN: Final = json.loads((Path(__file__).parents[1] / "vectors" / "frames.json").read_text("utf-8"))


def wait_of(given: dict[str, Any]) -> Wait:
    interaction = given["interactionId"]
    return Wait(
        row=1,
        session_id=SessionId(given["sessionId"]),
        customer=CustomerRef(1),
        interaction_id=None if interaction is None else InteractionId(interaction),
        help_type=HelpType(given["helpType"]),
        state=State(given["state"]),
        outcome=None if given["outcome"] is None else Outcome(given["outcome"]),
        reason=None if given["reason"] is None else Reason(given["reason"]),
        message=given["message"],
        started_at=given["startedAtMs"],
        ended_at=given["endedAtMs"],
        seq=given["seq"],
        acknowledged_at=None,
    )


def momentary(told: dict[str, Any]) -> bytes:
    session_id, at = SessionId(told["sessionId"]), told["atMs"]
    if told["event"] == "wait.updated":
        return frames.wait_updated(session_id, Place(told["position"], told["estimatedMs"]), at)
    if told["event"] == "chat.typing":
        return frames.typing(session_id, at)
    return frames.read(session_id, Marks(told["received"], told["read"]), at)


def written(known: dict[str, Any]) -> bytes:
    if moment := known.get("moment"):
        return momentary(moment)
    if "wait" not in known:
        return frames.PONG
    wait = wait_of(known["wait"])
    if told := known.get("event"):
        return frames.event(wait, StreamEvent(told["seq"], told["kind"], told["atMs"]))
    told = known["welcome"]
    limits = told["limits"]
    return frames.welcome(
        wait,
        epoch=told["epoch"],
        now_ms=told["serverTimeMs"],
        recovered=told["recovered"],
        limits=HelpLimits(limits["waitLimitSeconds"], limits["abandonAfterSeconds"], limits["queueTimeoutSeconds"]),
        place=Place(told["position"]),
    )


@pytest.mark.parametrize("known", KNOWN["server"], ids=lambda known: str(known["name"]))
def test_the_server_writes_the_known_frames(known: dict[str, Any]) -> None:
    assert written(known) == known["frame"].encode()


@pytest.mark.parametrize("known", KNOWN["client"], ids=lambda known: str(known["name"]))
def test_the_server_reads_the_known_frames(known: dict[str, Any]) -> None:
    read = decode(known["frame"])
    absent = {"epoch": None} if isinstance(read, Hello) else {}
    assert msgspec.to_builtins(read) == {**absent, **known["message"]}


@pytest.mark.parametrize("known", KNOWN["closeCodes"], ids=lambda known: str(known["code"]))
def test_the_server_means_the_same_by_a_close_code(known: dict[str, Any]) -> None:
    assert is_final(known["code"]) is known["final"]


def test_the_words_are_the_servers() -> None:
    words = KNOWN["words"]
    assert set(words["helpTypes"]) == set(HelpType)
    assert set(words["states"]) >= set(State)
    assert set(words["outcomes"]) >= set(Outcome)
