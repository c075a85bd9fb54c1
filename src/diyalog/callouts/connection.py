"""One connection to a company's system: a request goes out, and its whole answer comes in, or why there is none.

httptools reads the answer. What is decided here is how much of it is read, when it is whole, and whether the connection
may carry another request afterwards.
"""

import asyncio
from typing import Final, TypeAlias, cast

import httptools

from diyalog.callouts.replies import Fault

ANSWER_LIMIT: Final = 256 * 1024
"""Largest body that is read, in bytes."""
HEAD_LIMIT: Final = 32 * 1024
"""Largest head that is read, in bytes, trailers included."""
_RAW_LIMIT: Final = HEAD_LIMIT + 2 * ANSWER_LIMIT
"""Most bytes of one answer: chunks and interim answers can be all wrapping."""
_FINAL_STATUS: Final = 200
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})

Received: TypeAlias = bytes | Fault
"""The body of a whole answer, or why there is none."""


class Connection(asyncio.Protocol):
    """An open connection, one request at a time.

    `status`: that of the answer, once its head is there. `reusable`: another request may follow. `idle_since`: loop
    time at which the last one was over.
    """

    __slots__ = (
        "_answer",
        "_framed",
        "_head_size",
        "_more",
        "_parser",
        "_pieces",
        "_raw_size",
        "_size",
        "_transport",
        "_whole",
        "idle_since",
        "reusable",
        "status",
    )

    def __init__(self) -> None:
        self.status: int | None = None
        self.reusable = True
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Received] | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing has ended it yet."""
        return self._transport is not None and not self._transport.is_closing()

    def begin(self, request: bytes) -> "asyncio.Future[Received]":
        """Send a request; the future is done when its answer is whole, or when it is sure that none will be."""
        assert self._transport is not None, "connected"
        self.status = None
        self.reusable = False
        self._pieces: list[bytes] = []
        self._size = self._head_size = self._raw_size = 0
        self._framed = self._whole = self._more = False
        self._parser = httptools.HttpResponseParser(self)
        # What old servers write into headers that nobody here reads is no reason to doubt their answer.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def end(self, fault: Fault = Fault.CUT) -> None:
        """Cut the connection; an answer that is outstanding will not come."""
        self.reusable = False
        self._settle(fault)
        if self._transport is not None:
            self._transport.abort()

    def _settle(self, received: Received) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(received)

    # -- from the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn of the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on. Bytes that nobody asked for must not be taken for the answer to the next request."""
        if self._answer is None:
            self.end()
            return
        self._raw_size += len(data)
        broken = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            broken = True
        if self._head_size > HEAD_LIMIT or (self.status is None and self._raw_size > HEAD_LIMIT):
            self.end()
        elif self._size > ANSWER_LIMIT:
            self.end(Fault.TOO_LARGE)
        elif self._whole:
            self.reusable = self.reusable and not (broken or self._more)
            self._settle(b"".join(self._pieces))
        elif broken:
            self.end()
        elif self._raw_size > _RAW_LIMIT:
            self.end(Fault.TOO_LARGE)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone. An answer of unknown length is whole now, if its sender ended it in good order."""
        self.reusable = False
        ended = exc is None and self.status is not None and not self._framed
        self._settle(b"".join(self._pieces) if self._answer is not None and ended else Fault.CUT)
        self._transport = None

    # -- from the parser

    def on_message_begin(self) -> None:
        """Another answer follows: an interim one before, or one that nobody asked for behind."""
        self._more = self._whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count, and notice whether the head or the end of the connection tells the body's length."""
        self._head_size += len(name) + len(value) + 4
        if name.lower() in _FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        """The head is there."""
        status = self._parser.get_status_code()
        if not self._whole and status >= _FINAL_STATUS:
            self.status = status

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, unless there is too much of it already."""
        if not self._whole and self._size <= ANSWER_LIMIT:
            self._size += len(body)
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        """An answer is whole; interim ones (1xx) do not count."""
        if self.status is None:
            self._framed = False
        elif not self._whole:
            self._whole = True
            self.reusable = self._parser.should_keep_alive()
