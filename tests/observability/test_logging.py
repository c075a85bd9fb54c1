"""Log lines: their fields and levels, what is kept out of them, where libraries' records go."""

import asyncio
import io
import json
import logging
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pytest

from diyalog.observability.faults import causes, frames, type_name
from diyalog.observability.logging import Log, configure

NOW = 1_767_323_045_678  # 2026-01-02T03:04:05.678Z
SECRET = "no. 11111111110"
SESSION = "019b7c4e-0000-7000-8000-000000000001"


class Written:
    """A log on a stream in memory."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.log = Log(self.stream, lambda: NOW)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture(name="written")
def _written() -> Written:
    return Written()


def test_a_request_is_one_line(written: Written) -> None:
    written.log.request_line(
        "POST", "/v1/client/help/{sessionId}", 200, 1.23456, "r-1", caller="AK1", session_id=SESSION
    )
    assert written.stream.getvalue().endswith(b"}\n")
    assert written.lines() == [
        {
            "event": "request",
            "at": "2026-01-02T03:04:05.678Z",
            "level": "info",
            "method": "POST",
            "route": "/v1/client/help/{sessionId}",
            "status": 200,
            "duration_ms": 1.235,
            "request_id": "r-1",
            "caller": "AK1",
            "session_id": SESSION,
        }
    ]


@pytest.mark.parametrize(("status", "level"), [(101, "info"), (429, "info"), (500, "error"), (503, "warning")])
def test_the_level_of_a_request_follows_its_status(written: Written, status: int, level: str) -> None:
    written.log.request_line("GET", "/livez", status, 0.1, "r-1")
    assert written.lines()[0]["level"] == level


def test_a_transition_is_one_line(written: Written) -> None:
    written.log.transition_line(SESSION, "not_delivered", "ENDED", "NOT_DELIVERED", "queue", interaction_id="i-7")
    assert written.lines() == [
        {
            "event": "transition",
            "at": "2026-01-02T03:04:05.678Z",
            "level": "info",
            "session_id": SESSION,
            "change": "not_delivered",
            "state": "ENDED",
            "outcome": "NOT_DELIVERED",
            "reason": "queue",
            "interaction_id": "i-7",
        }
    ]


def test_other_lines_and_their_levels(written: Written) -> None:
    log = written.log
    log.callout_line("queue", "ok", 12.0, 1, SESSION)
    log.callout_line("queue", "timeout", 3000.0, 2)
    log.stream_line(SESSION, 1000, 5.5)
    log.lifecycle_line("ready", address="http://127.0.0.1:8080", version="0.1.0")
    log.alarm("delete_refused", service="queue", interaction_id="i-7")
    common = ("at", "event", "level")
    found = [
        (line["event"], line["level"], {k: v for k, v in line.items() if k not in common}) for line in written.lines()
    ]
    assert found == [
        (
            "callout",
            "info",
            {"service": "queue", "result": "ok", "duration_ms": 12.0, "attempt": 1, "session_id": SESSION},
        ),
        ("callout", "warning", {"service": "queue", "result": "timeout", "duration_ms": 3000.0, "attempt": 2}),
        ("stream", "info", {"session_id": SESSION, "code": 1000, "duration_ms": 5.5}),
        ("lifecycle", "info", {"phase": "ready", "address": "http://127.0.0.1:8080", "version": "0.1.0"}),
        ("alarm", "error", {"alarm": "delete_refused", "service": "queue", "interaction_id": "i-7"}),
    ]


def test_times_follow_the_clock_across_seconds() -> None:
    stream, times = io.BytesIO(), iter([NOW, NOW + 322, NOW + 323, 0])
    log = Log(stream, lambda: next(times))
    for _ in range(4):
        log.lifecycle_line("ready")
    assert [json.loads(line)["at"] for line in stream.getvalue().splitlines()] == [
        "2026-01-02T03:04:05.678Z",
        "2026-01-02T03:04:06.000Z",
        "2026-01-02T03:04:06.001Z",
        "1970-01-01T00:00:00.000Z",
    ]


def test_line_breaks_in_a_value_stay_inside_the_line(written: Written) -> None:
    written.log.request_line("GET\n{}", "/x\u2028", 404, 0.1, "r\r\n1")
    assert written.stream.getvalue().count(b"\n") == 1
    assert written.lines()[0]["request_id"] == "r\r\n1"


def fail_with(text: str) -> None:
    """Raise as programs do: quoting what was sent, one error behind the other."""
    try:
        int(text)
    except ValueError as error:
        raise KeyError(text) from error


def test_a_fault_tells_types_and_places_but_no_values(written: Written) -> None:
    with pytest.raises(KeyError) as failure:
        fail_with(SECRET)
    written.log.fault("request", failure.value, "r-9")
    (line,) = written.lines()
    assert (line["level"], line["where"], line["error"], line["request_id"]) == ("error", "request", "KeyError", "r-9")
    assert line["causes"] == ["ValueError"]
    assert line["frames"][-1].startswith("observability/test_logging.py:")
    assert line["frames"][-1].endswith(" fail_with")
    assert SECRET.encode() not in written.stream.getvalue()


def test_causes_are_followed_through_groups_and_circles() -> None:
    first, second = ValueError("a"), OSError("b")
    first.__cause__ = second
    second.__cause__ = first
    group = ExceptionGroup("c", [first, TimeoutError()])
    assert (type_name(group), causes(group)) == ("ExceptionGroup", ("ValueError", "TimeoutError", "OSError"))
    assert type_name(json.JSONDecodeError("a", "b", 0)) == "json.decoder.JSONDecodeError"
    hidden = KeyError()
    hidden.__context__, hidden.__suppress_context__ = first, True
    assert causes(hidden) == ()


def test_places_are_cut_to_the_innermost_thirty() -> None:
    def deep(levels: int) -> None:
        if levels == 0:
            raise LookupError
        deep(levels - 1)

    with pytest.raises(LookupError) as failure:
        deep(100)
    places = frames(failure.value.__traceback__)
    assert len(places) == 30
    assert all(place.endswith(" deep") for place in places)


def test_a_stream_that_cannot_be_written_fails_nobody() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as broken:
        log = Log(broken, lambda: NOW)
        log.lifecycle_line("ready")
    log.lifecycle_line("stopped")
    assert broken.closed


def test_a_terminal_gets_columns_instead_of_json() -> None:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "wb", buffering=0) as terminal:
        Log(terminal, lambda: NOW).transition_line(SESSION, "start", "REQUESTED")
        text = os.read(leader, 4096).decode()
    os.close(leader)
    assert "{" not in text
    assert "transition" in text
    assert SESSION in text


@pytest.fixture(name="process_log")
def _process_log() -> Iterator[BinaryIO]:
    """Take over the process's logging for one test, and give it back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, threading.excepthook, sys.unraisablehook
    stream = io.BytesIO()
    configure(stream, lambda: NOW)
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    threading.excepthook, sys.unraisablehook = before[2], before[3]


def written_in(stream: BinaryIO) -> list[dict[str, Any]]:
    stream.seek(0)
    return [json.loads(line) for line in stream.read().splitlines()]


def test_libraries_are_heard_from_warnings_on_without_values(process_log: BinaryIO) -> None:
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 1)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn.access").warning("GET /?token=%s", SECRET)
    logging.getLogger("some.library").error("customer %s failed", SECRET)
    lines = written_in(process_log)
    assert [(line["event"], line["level"], line["library"], line.get("text")) for line in lines] == [
        ("library", "warning", "uvicorn.error", "Invalid HTTP request received."),
        ("library", "error", "some.library", None),
    ]
    assert lines[1]["where"].startswith("test_logging:")
    assert SECRET not in str(lines)


async def test_what_asyncio_reports_loses_its_values(process_log: BinaryIO) -> None:
    loop = asyncio.get_running_loop()
    ran = asyncio.Event()
    loop.call_soon(fail_with, SECRET)
    loop.call_soon(ran.set)
    await asyncio.wait_for(ran.wait(), 5)
    (line,) = written_in(process_log)
    assert (line["library"], line["text"], line["error"]) == ("asyncio", "Exception in callback", "KeyError")
    assert line["frames"][-1].endswith(" fail_with")
    assert SECRET not in str(line)


def test_a_crashed_thread_is_a_fault(process_log: BinaryIO, capfd: pytest.CaptureFixture[str]) -> None:
    thread = threading.Thread(target=fail_with, args=(SECRET,))
    thread.start()
    thread.join(5)
    (line,) = written_in(process_log)
    assert (line["event"], line["where"], line["error"]) == ("fault", "thread", "KeyError")
    assert SECRET not in str(line)
    assert capfd.readouterr() == ("", "")


def test_a_failed_finalizer_is_a_fault(process_log: BinaryIO) -> None:
    class Failing:
        def __del__(self) -> None:
            raise ValueError(SECRET)

    Failing()
    (line,) = written_in(process_log)
    assert (line["event"], line["where"], line["error"]) == ("fault", "finalizer", "ValueError")
    assert SECRET not in str(line)


def test_a_request_line_is_cheap() -> None:
    """The budget is 6 us; the bound leaves room for a machine busy with other work."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a file
        log = Log(nowhere, lambda: NOW)
        best = min(_seconds_for_a_thousand(log) for _ in range(20))
    assert best / 1000 < 30e-6


def _seconds_for_a_thousand(log: Log) -> float:
    start = time.perf_counter()
    for _ in range(1000):
        log.request_line("POST", "/v1/application/interactionisnotdelivered", 200, 1.25, "r-1", caller="AK1")
    return time.perf_counter() - start


def test_a_line_is_out_before_the_process_dies() -> None:
    script = (
        "import os, sys\nfrom diyalog.observability.logging import Log\n"
        "Log(sys.stderr.buffer, lambda: 0).alarm('dying')\nos._exit(9)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30, check=False)
    assert (result.returncode, json.loads(result.stderr)["alarm"]) == (9, "dying")


def test_lines_of_the_normal_course_are_written_together_and_in_order(written: Written) -> None:
    turns: list[Callable[[], None]] = []
    written.log.gather(turns.append)
    written.log.transition_line("s-1", "wait.started", "WAITING")
    written.log.transition_line("s-2", "wait.started", "WAITING")
    assert (written.lines(), len(turns)) == ([], 1), "one write is due, at the end of the turn"
    turns[0]()
    assert [line["session_id"] for line in written.lines()] == ["s-1", "s-2"]


def test_what_somebody_must_act_on_is_written_at_once_behind_what_came_before(written: Written) -> None:
    written.log.gather(lambda _: None)
    written.log.transition_line("s-1", "wait.started", "WAITING")
    written.log.alarm("store_unavailable")
    assert [line["event"] for line in written.lines()] == ["transition", "alarm"]
    written.log.lifecycle_line("stopped")
    assert [line["event"] for line in written.lines()] == ["transition", "alarm", "lifecycle"]
