"""One HTTP request and its answer, as thin as ASGI allows: most requests are the same few, thousands a second."""

from collections.abc import Awaitable, Callable, MutableMapping
from copy import copy
from typing import Any, Final

from diyalog.domain.commands import Caller

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Header = tuple[bytes, bytes]

JSON: Final = b"application/json"
PROBLEM: Final = b"application/problem+json"
TEXT: Final = b"text/plain; charset=utf-8"
HTML: Final = b"text/html; charset=utf-8"


class Answer:
    """What is sent back. Its two ASGI messages are made once, so an answer that never changes costs nothing.

    `code` is the problem's or the envelope's code, for the log.
    """

    __slots__ = ("code", "content", "start", "status")

    def __init__(
        self,
        status: int,
        content_type: bytes,
        body: bytes,
        headers: tuple[Header, ...] = (),
        *,
        code: str | None = None,
    ) -> None:
        own: tuple[Header, ...] = ()
        if status not in {204, 304}:
            own = ((b"content-type", content_type), (b"content-length", b"%d" % len(body)))
        self.status = status
        self.code = code
        self.start: Message = {"type": "http.response.start", "status": status, "headers": own + headers}
        self.content: Message = {"type": "http.response.body", "body": body}

    @property
    def headers(self) -> tuple[Header, ...]:
        """All headers of the answer."""
        headers: tuple[Header, ...] = self.start["headers"]
        return headers

    @property
    def body(self) -> bytes:
        """The body's bytes."""
        body: bytes = self.content["body"]
        return body

    def adding(self, headers: tuple[Header, ...]) -> "Answer":
        """Return the same answer with more headers."""
        answer = copy(self)
        answer.start = {**self.start, "headers": self.headers + headers}
        return answer


class Exchange:
    """One request while it is being answered.

    `request_id` stands in the log and in refusals. `parameter` is the variable part of the path. `caller` is who
    signed the request, once that is verified, and `content` its body. `asker` and `session_id` are for the log only:
    the access key id, the customer's row, or `staff-` and that of a member of the staff; and the session the request
    was about.
    """

    __slots__ = ("asker", "caller", "content", "method", "parameter", "receive", "request_id", "scope", "session_id")

    def __init__(self, scope: Scope, receive: Receive, request_id: str) -> None:
        self.scope = scope
        self.receive = receive
        self.request_id = request_id
        self.method: str = scope["method"]
        self.parameter = ""
        self.content = b""
        self.caller: Caller | None = None
        self.asker: str | None = None
        self.session_id: str | None = None

    def header(self, name: bytes) -> bytes | None:
        """Value of a header by its lower-case name; None when absent, the first when repeated."""
        fields: dict[bytes, bytes] | None = self.scope.get("fields")
        if fields is None:
            fields = dict(reversed(self.scope["headers"]))
        return fields.get(name)

    def repeated(self, name: bytes) -> bool:
        """Tell whether a header stands in the request more than once."""
        return sum(1 for key, _ in self.scope["headers"] if key == name) > 1


Handler = Callable[[Exchange], Awaitable[Answer]]
