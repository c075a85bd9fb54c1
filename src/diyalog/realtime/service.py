"""All event streams of a node, put together: customers' and desks', and what looks after them."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.results import Marked
from diyalog.protocol.help import HelpLimits
from diyalog.realtime.admission import Streams
from diyalog.realtime.connection import StreamContext
from diyalog.realtime.desk import DeskContext
from diyalog.realtime.desks import Desks
from diyalog.realtime.hub import Hub
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.line import LOOK_SECONDS, LineSources, LineView
from diyalog.realtime.marking import Marking, Store
from diyalog.realtime.presence import Presence
from diyalog.realtime.queueing import TELL_SECONDS, PlaceTelling
from diyalog.realtime.upkeep import POLL_SECONDS, SWEEP_SECONDS, Upkeep
from diyalog.usecases.changes import Changes
from diyalog.usecases.following import Following
from diyalog.usecases.staff_following import StaffFollowing

Turn = tuple[str, float, Callable[[], Awaitable[bool]]]
"""What is to be done periodically: its name, every how many seconds, and the turn, which tells if there is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPolicy:
    """What the settings say of streams; limits with 0 are off. `help_limits` are told to customers' apps."""

    help_limits: HelpLimits
    allowed_origins: Collection[str]
    sockets_per_customer: int
    messages_per_minute: int


class EventStreams:
    """The streams of customers and of desks.

    `admission` is the server's SocketApplication; `line` is what desks see of who waits; `mark` stores how
    far the sides of conversations are. `now` is the event loop's clock in seconds.
    """

    def __init__(
        self,
        following: Following,
        staff_following: StaffFollowing,
        line: LineSources,
        mark: Store,
        *,
        journal: StreamJournal,
        staff_journal: StreamJournal,
        clock: Clock,
        now: Callable[[], float],
        draining: Callable[[], bool],
        policy: StreamPolicy,
    ) -> None:
        messages = policy.messages_per_minute
        hub = self._hub = Hub(journal, now, policy.sockets_per_customer)
        desks = self._desks = Desks(staff_journal, now)
        view = self.line = LineView(desks, line, journal=staff_journal, clock=clock, now=now)
        marking = self._marking = Marking(mark, self._marked, journal, hub.start)
        telling = self._telling = PlaceTelling(hub, line.standing, journal, clock)
        presence = self._presence = Presence(following, journal, hub.start)
        staff_presence = self._staff_presence = Presence(staff_following, staff_journal, desks.start)
        self.admission: Final = Streams(
            StreamContext(hub, following, presence, journal, clock, now, policy.help_limits, messages, marking),
            policy.allowed_origins,
            draining,
            desks=DeskContext(
                desks, staff_following, staff_presence, staff_journal, clock, now, messages, view.look_again, marking
            ),
        )
        upkeep = Upkeep(hub, following, presence, journal)
        staff_upkeep = Upkeep(desks, staff_following, staff_presence, staff_journal)
        self.turns: Final[tuple[Turn, ...]] = (
            ("stream_sweep", SWEEP_SECONDS, upkeep.sweep),
            ("stream_poll", POLL_SECONDS, upkeep.poll),
            ("staff_stream_sweep", SWEEP_SECONDS, staff_upkeep.sweep),
            ("staff_stream_poll", POLL_SECONDS, staff_upkeep.poll),
            ("staff_line", LOOK_SECONDS, view.turn),
            *((("places", TELL_SECONDS, telling.turn),) if line.routing else ()),
        )

    def hear(self, changes: Changes) -> None:
        """Be told of changes from now on."""
        changes.subscribe(self._hub)
        changes.subscribe(self._desks)
        changes.subscribe(self._telling)
        changes.subscribe_messages(self._hub)
        changes.subscribe_messages(self._desks)
        changes.subscribe_own(self.line)

    def _marked(self, marked: Marked) -> None:
        self._hub.marked(marked)
        self._desks.marked(marked)

    def tell_again(self) -> None:
        """Store anew who is connected here: the store was told that all of them were gone."""
        self._presence.tell_again(stream.row for stream in self._hub.followers() if not stream.over)
        self._staff_presence.tell_again(desk.row for desk in self._desks.followers())

    async def finish(self, seconds: float) -> None:
        """Wait for the work that was begun (acknowledgements, presence), at most so long for each kind of stream."""
        await self._marking.finish()
        await self._hub.finish(seconds)
        await self._desks.finish(seconds)
