"""Every order of the five ends of one conversation, with the server killed at every commit in three ways.

The ends: the agent says goodbye, the customer does, the company finishes it, the agent's desk is gone for too long, the
customer's app is. After a kill whoever got no answer asks again. The first one ends it, once, and everybody is told so.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from diyalog.domain.commands import EndConversation, Say
from diyalog.domain.results import ConversationResult, Verdict
from diyalog.domain.wait import Party
from kit.checker import check
from kit.clock import SettableClock
from world.database import Database
from world.faults import Fault
from world.test_every_order import CALLER, FIRST, KILLS, LIMIT_MS, Story

ENDS: Final = ("agent", "customer", "company", "agent_lost", "customer_lost")
ABANDON_MS: Final = 600_000
NEVER_MS: Final = 10**9


class Parting(Story):
    """One order of the ends, one kill (or none)."""

    async def play(self) -> None:
        await self._arrive()
        await self._queue_answer()
        await self._accept(self._agent)
        said = await self._store.conversations.say(Say(FIRST, "m1", "Merhaba", customer=self._customer))
        assert said.event is not None
        self.told.note_message(FIRST, "customer", "m1", said.event.seq, "Merhaba")
        await self._happen(
            {
                "agent": lambda: self._end(Party.AGENT),
                "customer": lambda: self._end(Party.CUSTOMER),
                "company": lambda: self._end(Party.COMPANY),
                "agent_lost": lambda: self._lose(LIMIT_MS, LIMIT_MS),
                "customer_lost": lambda: self._lose(ABANDON_MS, NEVER_MS),
            }
        )
        await self._settle()

    def check(self) -> None:
        connection = self._database.looking
        check(connection, self.told, self.queue, settled=True, open_text=self._sealer.open)
        [(ended_by,)] = connection.execute("SELECT ended_by FROM conversation").fetchall()
        assert ended_by == self._order[0], "the first one ended it"
        assert self.told.ends[FIRST] == {self._order[0]}, "and nobody was told otherwise"
        audited = connection.execute("SELECT count(*) FROM audit WHERE event = 'conversation_ended'").fetchall()
        assert audited == [(1,)]
        assert connection.execute("SELECT count(*) FROM outbox").fetchall() == [(0,)]
        assert self._kill is None or self.faults.fired[self._kill] <= 1

    async def _end(self, by: Party) -> None:
        command = EndConversation(
            self._id(),
            FIRST,
            by,
            customer=self._customer if by is Party.CUSTOMER else None,
            staff=self._agent if by is Party.AGENT else None,
            caller=CALLER if by is Party.COMPANY else None,
        )
        self._note([await self._store.conversations.end(command)])

    async def _lose(self, away_ms: int, agent_ms: int) -> None:
        """Nobody gave a sign of life for `away_ms`, and then whoever is lost is looked for."""
        self._clock.at = max(self._clock.at, SettableClock().at + away_ms)
        self._note(await self._store.conversations.end_lost(self._id(), agent_ms, 10))

    def _note(self, results: Sequence[ConversationResult]) -> None:
        for result in results:
            assert result.verdict is Verdict.WON
            assert result.wait is not None
            assert result.wait.conversation is not None
            assert result.wait.conversation.ended_by is not None
            self.told.ends.setdefault(FIRST, set()).add(result.wait.conversation.ended_by)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with Database() as made:
        yield made


def tell(database: Database, order: tuple[str, ...], killed_at: int, kill: Fault | None) -> Parting:
    database.clear()
    parting = Parting(database, order, killed_at, kill)
    parting.loop.run(parting.play(), 60)
    assert parting.loop.failures == []
    parting.check()
    return parting


@pytest.mark.parametrize("first", ENDS)
def test_every_order_of_the_five_ends_and_every_kill(database: Database, first: str) -> None:
    struck = told = 0
    for order in itertools.permutations(ENDS):
        if order[0] == first:
            tell(database, order, -1, None)
            for killed_at, kill in itertools.product(range(len(ENDS)), KILLS):
                parting = tell(database, order, killed_at, kill)
                struck += parting.faults.fired[kill]
                told += 1
    assert told == 24 * 5 * 3
    # To look for who is lost writes nothing where nobody is.
    assert struck >= told * 3 // 5
