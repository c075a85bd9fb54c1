"""Who may open an event stream: the decision on a WebSocket handshake."""

from collections.abc import Callable, Collection
from typing import Final
from urllib.parse import urlsplit

from diyalog.realtime.connection import CustomerStream, StreamContext
from diyalog.realtime.desk import DeskContext, DeskStream
from diyalog.server.sockets import Handshake, Refusal

CUSTOMERS: Final = "/v1/client/events"
STAFF: Final = "/v1/staff/events"

MOST_JOINING: Final = 1000
"""So many hellos may wait for the store at once."""

_PLAIN: Final = ("content-type", "text/plain; charset=utf-8")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Streams:
    """Admits the event streams of customers and of desks; a SocketApplication to the server.

    While very many are being looked up at once, as after a node's death, further ones are told to come a little later:
    the store serves those who are in faster than all of them together.

    `allowed_origins` are those of `DIYALOG_ALLOWED_ORIGINS`, as `scheme://host[:port]`. `draining` tells whether the
    server is going away; who is turned away then is told to try again after `retry_after` seconds. Without `desks` only
    customers are admitted.
    """

    def __init__(
        self,
        context: StreamContext,
        allowed_origins: Collection[str],
        draining: Callable[[], bool],
        retry_after: int = 1,
        *,
        desks: DeskContext | None = None,
    ) -> None:
        self._context = context
        self._desks = desks
        self._allowed_origins = frozenset(origin.lower() for origin in allowed_origins)
        self._draining = draining
        self._retry_after = str(retry_after)

    def admit(self, handshake: Handshake) -> CustomerStream | DeskStream | Refusal:
        """A stream for this handshake, or the HTTP answer that refuses it."""
        desks = self._desks if handshake.path == STAFF else None
        if desks is None and handshake.path != CUSTOMERS:
            return Refusal(404, b"There is no event stream here.", (_PLAIN,))
        if not self._is_welcome(handshake.origin, handshake.header("host")):
            return Refusal(403, b"This origin may not open event streams.", (_PLAIN,))
        joining = self._context.hub if desks is None else desks.hub
        if joining.joining >= MOST_JOINING:
            return Refusal(503, b"Too many are coming at once.", (_PLAIN, ("retry-after", self._retry_after)))
        if self._draining():
            return Refusal(503, b"The server is going away.", (_PLAIN, ("retry-after", self._retry_after)))
        return CustomerStream(self._context) if desks is None else DeskStream(desks)

    def _is_welcome(self, origin: str | None, host: str | None) -> bool:
        """Whether pages of this origin may follow: apps and servers send none, browsers always do."""
        if origin is None:
            return True
        return origin.lower() in self._allowed_origins or _is_same(origin, host)


def _is_same(origin: str, host: str | None) -> bool:
    """Whether the origin's host and port are the ones that the request was sent to.

    Schemes are not compared: behind a proxy that ends TLS the server does not see the browser's.
    """
    if not host:
        return False
    try:
        ours = urlsplit(f"{urlsplit(origin).scheme}://{host}")
        theirs = urlsplit(origin)
        default = _DEFAULT_PORTS.get(theirs.scheme)
        same_port = (theirs.port or default) == (ours.port or default)
    except ValueError:
        return False
    bare = not (theirs.path or theirs.query or theirs.fragment or theirs.username or theirs.password)
    return (
        bare and default is not None and theirs.hostname is not None and theirs.hostname == ours.hostname and same_port
    )
