"""What carries "look again" from one node to another; adapters in bus satisfy it.

The bus carries row numbers of waits and nothing else. It is a hint and never a record: what it loses is found by the
nodes themselves, which read the heads of the streams they serve every 2 s. So it may drop, and must never block.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

from diyalog.domain.ids import NodeId

MOST_ROWS: Final = 400
"""Most rows in one message: with the longest numbers they stay below the 8,000 bytes that PostgreSQL notifies with."""


def channel(node: NodeId) -> str:
    """The PostgreSQL channel on which a node listens; whoever ends a wait notifies it in the same statement."""
    return f"diyalog_{node}"


class Bus(Protocol):
    """Tells other nodes which waits changed, and this node which of its waits were changed elsewhere.

    An adapter is given the function that is called, on the event loop, with the rows that changed elsewhere. Rows may
    come twice, late, in any order or not at all.
    """

    async def start(self) -> None:
        """Begin to listen. Does not fail when the bus is away: it is tried again, with full jitter, until `stop`."""
        ...

    async def stop(self) -> None:
        """Stop to listen, drop what was not sent, and leave nothing running. A bus is not started again."""
        ...

    def wake(self, node: NodeId, rows: Sequence[int]) -> None:
        """Tell another node that the waits of these rows changed; this node itself is not told.

        Returns at once and never raises. What is said in one turn of the event loop goes to each node together.
        """
        ...

    @property
    def connected(self) -> bool:
        """Whether messages are expected to arrive now; false makes the nodes slower, never wrong."""
        ...


class BusFault(StrEnum):
    """Why there is no connection to the bus; the word for it in the log and the metrics."""

    UNREACHABLE = "unreachable"
    """Nobody listens there, or the name is not known."""
    REFUSED = "refused"
    """The server refuses the credentials, or they do not allow what a node does."""
    TLS = "tls"
    """The server offers no TLS where it must, or its certificate is not trusted."""
    SILENT = "silent"
    """No answer in time."""
    LOST = "lost"
    """The connection broke."""
    BROKEN = "broken"
    """The other side speaks another language."""


class BusJournal(Protocol):
    """Log and metrics of the bus. Methods must neither block nor raise."""

    def bus_connected(self) -> None:
        """Messages arrive from now on; what was said before may be lost."""
        ...

    def bus_lost(self, fault: BusFault) -> None:
        """There is no connection, or still none for another reason than before. It is tried again."""
        ...

    def bus_dropped(self, rows: int) -> None:
        """So many rows were not sent, because the bus did not take them fast enough."""
        ...

    def failed(self, where: str, error: BaseException) -> None:
        """An exception that nobody expected was caught in this part of the program."""
        ...


class BusUnusableError(Exception):
    """The bus of the settings cannot be used; the text is one line for the operator, without secrets."""
