"""Writes the log: one line per request, transition, call-out, alarm and fault; JSON, or readable on a terminal.

Lines that say the normal course are written together at the end of each turn of the event loop; whatever is worse, and
every step in the life of the process, is written at once. A write gives the interpreter lock away, and under load the
loop would then wait for the storing thread at every line instead of once a turn.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import BinaryIO, Final

import msgspec

from diyalog.observability.faults import causes, frames, type_name
from diyalog.observability.lines import (
    AlarmLine,
    CalloutLine,
    FaultLine,
    Level,
    LibraryLine,
    LifecycleLine,
    Line,
    RequestLine,
    SignatureLine,
    StreamLine,
    TransitionLine,
)

_INFO: Final = Level.INFO  # an attribute of an enumeration is a slow one to read, thousands of times a second
_HARMLESS: Final = (
    "Application shutdown failed",
    "Application startup failed",
    "ASGI callable returned without",
    "Cancel %s running task(s)",
    "Exception in 'lifespan' protocol",
    "Exception in ASGI application",
    "Exception in callback",
    "Executing",
    "Fatal error on SSL",
    "Fatal error on transport",
    "Fatal error: protocol.",
    "Fatal read error",
    "Fatal write error",
    "Future exception was never retrieved",
    "Invalid HTTP request received.",
    "SSL connection is closed",
    "Task exception was never retrieved",
    "Task was destroyed but it is pending!",
    "Unclosed client session",
    "Unclosed connection",
    "Unclosed connector",
    "Unhandled exception in event loop",
    "Unsupported upgrade request.",
    "socket.accept() out of system resource",
    "socket.send() raised exception.",
)
"""Beginnings of asyncio's, uvicorn's and aiohttp's warnings; what follows them may quote values and is left out."""


class Log:
    """Writes lines to one stream. Never raises and never blocks longer than the stream does.

    `now_ms` tells the time in milliseconds since 1970.
    """

    def __init__(self, stream: BinaryIO, now_ms: Callable[[], int]) -> None:
        self._stream = stream
        self._render = _readable if stream.isatty() else msgspec.json.Encoder().encode_lines
        self._writing = threading.Lock()
        self._gathered: list[Line] = []
        self._later: Callable[[Callable[[], None]], object] | None = None
        self._now_ms = now_ms
        self._noted_ms = -1
        self._noted = self._second = ""

    def gather(self, later: Callable[[Callable[[], None]], object]) -> None:
        """From now on write the lines of the normal course together; `later` runs what it is given soon, on one thread.

        Those lines must then come from that thread.
        """
        self._later = later

    def request_line(
        self,
        method: str,
        route: str,
        status: int,
        duration_ms: float,
        request_id: str,
        *,
        caller: str | None = None,
        session_id: str | None = None,
        code: str | None = None,
    ) -> None:
        """Log an answered request. `route` is the template; `code` the problem's or the envelope's code, if any."""
        level, write = _INFO, self._gather
        if status >= 500:
            level, write = Level.ERROR if status == 500 else Level.WARNING, self._write
        duration_ms = round(duration_ms, 3)
        write(RequestLine(self._at(), level, method, route, status, duration_ms, request_id, caller, session_id, code))

    def transition_line(
        self,
        session_id: str,
        event: str,
        state: str,
        outcome: str | None = None,
        reason: str | None = None,
        *,
        interaction_id: str | None = None,
    ) -> None:
        """Log a committed change of a wait: the event that happened and where it led."""
        self._gather(TransitionLine(self._at(), _INFO, session_id, event, state, outcome, reason, interaction_id))

    def callout_line(
        self, service: str, result: str, duration_ms: float, attempt: int, session_id: str | None = None
    ) -> None:
        """Log a call to the company. `result` is `ok` or the kind of failure, as in the metrics."""
        level, write = (_INFO, self._gather) if result == "ok" else (Level.WARNING, self._write)
        write(CalloutLine(self._at(), level, service, result, round(duration_ms, 3), attempt, session_id))

    def stream_line(self, session_id: str | None, code: int, duration_ms: float, *, caller: str | None = None) -> None:
        """Log the end of an event stream: a session's, or of a desk the `caller`'s; neither when it never followed."""
        self._gather(StreamLine(self._at(), _INFO, session_id, code, round(duration_ms, 3), caller))

    def lifecycle_line(self, phase: str, address: str | None = None, version: str | None = None) -> None:
        """Log a step in the life of the process; `address` is our own listen address."""
        self._write(LifecycleLine(self._at(), Level.INFO, phase, address, version))

    def alarm(
        self,
        alarm: str,
        service: str | None = None,
        session_id: str | None = None,
        interaction_id: str | None = None,
    ) -> None:
        """Log that somebody must act, under the alarm's name of the operations page."""
        self._write(AlarmLine(self._at(), Level.ERROR, alarm, service, session_id, interaction_id))

    def fault(self, where: str, error: BaseException, request_id: str | None = None) -> None:
        """Log an exception that nobody expected; `where` is the part of the program that caught it."""
        places = frames(error.__traceback__)
        self._write(FaultLine(self._at(), Level.ERROR, where, type_name(error), causes(error), places, request_id))

    def signature_line(self, request_id: str, key_id: str | None, findings: tuple[str, ...]) -> None:
        """Log why a signature was refused: fixed words for mistakes; `key_id` only if it is a key of ours."""
        self._write(SignatureLine(self._at(), Level.INFO, request_id, key_id, findings))

    def library_line(self, record: logging.LogRecord) -> None:
        """Log a standard-library log record of a library, without its values."""
        text = record.msg if isinstance(record.msg, str) else ""
        error = record.exc_info[1] if record.exc_info else None
        self._write(
            LibraryLine(
                self._at(),
                Level.ERROR if record.levelno >= logging.ERROR else Level.WARNING,
                record.name,
                f"{record.module}:{record.lineno} {record.funcName}",
                next((known for known in _HARMLESS if text.startswith(known)), None),
                None if error is None else type_name(error),
                () if error is None else causes(error),
                () if error is None else frames(error.__traceback__),
            )
        )

    def _at(self) -> str:
        now = self._now_ms()
        if now != self._noted_ms:  # the same text for every line of one millisecond
            second, millisecond = divmod(now, 1000)
            if second != self._noted_ms // 1000:
                self._second = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._noted_ms, self._noted = now, f"{self._second}.{millisecond:03d}Z"
        return self._noted

    def _gather(self, line: Line) -> None:
        """Write a line of the normal course, together with the others of this turn of the event loop."""
        if self._later is None:
            self._write(line)
            return
        if not self._gathered:
            self._later(self._flush)
        self._gathered.append(line)

    def _write(self, line: Line) -> None:
        """Write a line at once, behind what was gathered."""
        self._flush(line)

    def _flush(self, *last: Line) -> None:
        """Write what was gathered, and `last` behind it."""
        with self._writing:
            gathered, self._gathered = self._gathered, []
            try:
                self._stream.write(self._render((*gathered, *last)))
                self._stream.flush()
            except (OSError, ValueError):
                # A log that cannot be written (full disk, reader gone) must not fail what it tells about.
                return


class LibraryHandler(logging.Handler):
    """Takes the log records of libraries, from warnings upwards, into our log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, without its values."""
        self._log.library_line(record)


def configure(stream: BinaryIO, now_ms: Callable[[], int]) -> Log:
    """Make the log of the process and lead everything there that would otherwise print on its own.

    Standard-library loggers (uvicorn's, asyncio's), crashed threads and exceptions in finalizers are written as
    types and places; their own output would quote values. uvicorn needs `log_config=None` to keep its hands off.
    """
    log = Log(stream, now_ms)
    logging.basicConfig(handlers=[LibraryHandler(log)], level=logging.WARNING, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "asyncio"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.disabled = False
        library.propagate = name != "uvicorn.access"
        library.setLevel(logging.WARNING)

    def thread_crashed(crash: threading.ExceptHookArgs) -> None:
        if crash.exc_value is not None:
            log.fault("thread", crash.exc_value)

    def finalizer_failed(failure: "sys.UnraisableHookArgs") -> None:
        if failure.exc_value is not None:
            log.fault("finalizer", failure.exc_value)

    threading.excepthook = thread_crashed
    sys.unraisablehook = finalizer_failed
    return log


def _readable(lines: Iterable[Line]) -> bytes:
    """Render lines for people: time, level and event in columns, then what there is to say."""
    text = ""
    for line in lines:
        fields = msgspec.to_builtins(line)
        at, level, event = fields.pop("at"), fields.pop("level"), fields.pop("event")
        text += f"{at} {level:7} {event:10} {' '.join(f'{name}={value}' for name, value in fields.items())}\n"
    return text.encode("utf-8", "backslashreplace")
