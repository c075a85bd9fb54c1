"""What must hold of the built-in queue after every commit: who is asked, by what right, and that nobody is forgotten.

It looks at the stored rows and at what desks were answered, and decides anew: nothing of the program's routing is used.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import apsw

from diyalog.domain.routing_rules import RoutingRules

_AT_WORK_S: Final = 2.5
"""While everything works somebody who is free is asked in less: a turn a second, and what its transactions take."""
_IN_TROUBLE_S: Final = 4.0
"""The same while transactions and reads fail: some turns are lost, and each is tried again soon."""
_SOON_MS: Final = 4_000
_LEASE_MS: Final = 30_000 + _SOON_MS
"""A desk that is gone for 30 s is away, soon after that."""
_PASS_MS: Final = 60_000
_SELDOM_MS: Final = 2_000
"""So often the agents are looked at while nobody waits."""
_READ_MS: Final = 1_000
"""So old may be what a stream begins with: all desks are shown the same read."""


class _Agent(NamedTuple):
    number: int
    available: int
    since: int
    reason: str | None
    present: str | None
    seen_at: int
    skills: str
    capacity: int
    talks: int
    older_talks: int


class _Wait(NamedTuple):
    number: int
    session_id: str
    line_at: int
    started_at: int
    needs: str | None
    asked: int | None
    offered_at: int
    expires_at: int


_AGENTS: Final = """
    SELECT s.id, s.available, s.availability_at, s.away_reason, s.present, s.seen_at, s.skills, s.capacity,
           (SELECT count(*) FROM conversation AS c WHERE c.staff = s.id AND c.ended_at IS NULL),
           (SELECT count(*) FROM conversation AS c WHERE c.staff = s.id AND c.ended_at IS NULL AND c.started_at < :now)
    FROM staff AS s"""
_WAITS: Final = """
    SELECT w.id, w.session_id, coalesce(w.line_at, w.started_at), w.started_at, w.needs, o.staff,
           coalesce(o.offered_at, 0), coalesce(o.expires_at, 0)
    FROM wait AS w LEFT JOIN offer AS o ON o.wait = w.id WHERE w.outcome IS NULL"""


class LineWatch:
    """Told of every commit by `committed`, of answers to desks by `passed`, of what desks see by `shown`.

    Broken promises go to `failures`. `serves`: whether a server is at work; `over`: whether everything works again.
    `happened`: how often what a queue is to bear was seen.
    """

    def __init__(
        self,
        looking: apsw.Connection,
        rules: RoutingRules,
        now_ms: Callable[[], int],
        failures: list[dict[str, Any]],
        *,
        serves: Callable[[], bool],
        over: Callable[[], bool],
    ) -> None:
        self._looking = looking
        self._rules = rules
        self._now_ms = now_ms
        self._failures = failures
        self._serves = serves
        self._over = over
        self._agents: dict[int, _Agent] = {}
        self._offers: dict[int, _Wait] = {}
        self.happened: Counter[str] = Counter()
        self._passed: dict[tuple[str, int], int] = {}
        self._lasting: dict[tuple[str, str], int] = {}
        self._look_again_at = self._served_since = 0

    def passed(self, session_id: str, staff: int) -> None:
        """A desk let a wait pass, and that was committed."""
        self._passed[(session_id, staff)] = self._now_ms()
        self.happened["passed"] += 1

    def shown(self, desk: str, offered: list[str], opened_ms: int) -> None:
        """A desk was sent what it is offered, on a stream that was opened so long ago: nothing over by then."""
        opened_at = self._now_ms() - opened_ms
        for session_id in offered:
            [(ended_at,)] = self._looking.execute(
                "SELECT ended_at FROM wait WHERE session_id = ?", (session_id,)
            ).fetchall()
            if ended_at is not None and int(str(ended_at)) < opened_at - _READ_MS:
                self._fail(f"{session_id} is over for long and still offered to {desk}")

    def committed(self) -> None:
        """Something was committed: compare with what was there before."""
        now = self._now_ms()
        waits = [_Wait(*row) for row in self._rows(_WAITS)]
        if not waits and not self._offers and now < self._look_again_at:
            self._lasting.clear()
            return
        self._look_again_at = now + _SELDOM_MS
        agents = {row[0]: _Agent(*row) for row in self._rows(_AGENTS, {"now": now})}
        passes: set[tuple[int, int]] = set(self._rows("SELECT wait, staff FROM pass WHERE until > :now", {"now": now}))
        offers = {wait.number: wait for wait in waits if wait.asked is not None}
        for wait in waits:
            self._look_at_hands(wait, agents, passes, now)
        moved = any(agent.since == now for agent in agents.values())
        for offer in offers.values():
            was = self._offers.get(offer.number)
            if was is None or (was.asked, was.offered_at) != (offer.asked, offer.offered_at):
                self._look_at_new(offer, agents, offers)
                if not moved:
                    self._look_at_order(offer, agents, waits, passes)
        self._look_at_lasting(agents, waits, offers, passes, now)
        for number, agent in agents.items():
            before = self._agents.get(number)
            if before is not None and agent.reason is not None and agent.since != before.since:
                self.happened[agent.reason] += 1
        self._agents, self._offers = agents, offers

    def _look_at_hands(self, wait: _Wait, agents: dict[int, _Agent], passes: set[tuple[int, int]], now: int) -> None:
        """An offer of an open wait stands until its time is up, its agent passes, or goes away.

        Who does not answer in time is away, unless their desk was gone.
        """
        before = self._offers.get(wait.number)
        if before is None or (before.asked, before.offered_at) == (wait.asked, wait.offered_at):
            return
        assert before.asked is not None, "an offer"
        agent = agents[before.asked]
        gone = not agent.available or agent.since != self._agents[before.asked].since
        if before.expires_at <= now:
            there = agent.present is not None and self._agents[before.asked].present is not None
            if there and not gone:
                self._fail(f"agent {before.asked} let the offer of {wait.session_id} run out and is asked on")
        elif not gone and (wait.number, before.asked) not in passes:
            self._fail(f"{wait.session_id} was taken out of the hands of agent {before.asked}, to whom it was offered")

    def _look_at_new(self, offer: _Wait, agents: dict[int, _Agent], offers: dict[int, _Wait]) -> None:
        assert offer.asked is not None, "an offer"
        self.happened["offered"] += 1
        agent = agents[offer.asked]
        if not agent.available:
            self._fail(f"{offer.session_id} was offered to agent {agent.number}, who is away")
        busy = agent.older_talks + sum(
            other.asked == agent.number and other.expires_at > offer.offered_at for other in offers.values()
        )
        if busy > agent.capacity:
            self._fail(f"agent {agent.number} was offered {offer.session_id} beyond the capacity, {busy}")
        if not self._can(agent, offer, offer.offered_at):
            self._fail(f"{offer.session_id} was offered to agent {agent.number}, who lacks the skill")
        passed_at = self._passed.get((offer.session_id, agent.number))
        if passed_at is not None and offer.offered_at < passed_at + _PASS_MS:
            self._fail(f"{offer.session_id} was offered to agent {agent.number}, who has let it pass")
        if offer.expires_at - offer.offered_at != self._rules.offer_ms:
            self._fail(f"{offer.session_id} was offered for {offer.expires_at - offer.offered_at} ms")

    def _look_at_order(
        self, offer: _Wait, agents: dict[int, _Agent], waits: list[_Wait], passes: set[tuple[int, int]]
    ) -> None:
        """Nobody who may be asked the same and waits longer is passed over."""
        assert offer.asked is not None, "an offer"
        for wait in waits:
            older = (wait.line_at, wait.number) < (offer.line_at, offer.number) and wait.started_at < offer.offered_at
            free = wait.asked is None and wait.number not in self._offers
            asked = (wait.number, offer.asked) not in passes and self._can(agents[offer.asked], wait, offer.offered_at)
            if older and free and asked:
                self._fail(f"{offer.session_id} was offered before {wait.session_id}, who waits longer")

    def _look_at_lasting(
        self,
        agents: dict[int, _Agent],
        waits: list[_Wait],
        offers: dict[int, _Wait],
        passes: set[tuple[int, int]],
        now: int,
    ) -> None:
        """What a turn of the queue puts right must not last, as far as a server is at work."""
        if not self._serves():
            self._lasting.clear()
            self._served_since = now
            return
        wrong = {
            (offer.session_id, "is held by an offer whose time is up")
            for offer in offers.values()
            if offer.expires_at <= now
        }
        for agent in agents.values():
            lapsed = agent.present is None and max(agent.seen_at + _LEASE_MS, self._served_since + _SOON_MS) <= now
            if agent.available and lapsed:
                self._fail(f"agent {agent.number} is gone and counts as there")
            standing = sum(offer.asked == agent.number and offer.expires_at > now for offer in offers.values())
            if agent.available and agent.present is not None and agent.talks + standing < agent.capacity:
                what = f"is not offered to agent {agent.number}, who is free"
                wrong |= {(wait.session_id, what) for wait in self._left(agent, waits, passes, now)}
        self._lasting = {name: self._lasting.get(name, now) for name in wrong}
        limit_s = _AT_WORK_S if self._over() else _IN_TROUBLE_S
        for (who, what), since in self._lasting.items():
            if now - since > limit_s * 1000:
                self._fail(f"{who} {what}, for {now - since} ms")

    def _left(self, agent: _Agent, waits: list[_Wait], passes: set[tuple[int, int]], now: int) -> list[_Wait]:
        """Those who wait, are offered to nobody, and may be offered to this agent."""
        return [
            wait
            for wait in waits
            if (wait.asked is None or wait.expires_at <= now)
            and (wait.number, agent.number) not in passes
            and self._can(agent, wait, now)
        ]

    def _can(self, agent: _Agent, wait: _Wait, now: int) -> bool:
        """Whether an agent has the skills that a wait asks for, or has waited too long for them to matter."""
        widen_ms = self._rules.widen_after_ms
        if wait.needs is None or (widen_ms is not None and now - wait.started_at >= widen_ms):
            return True
        return set(json.loads(wait.needs)) <= set(json.loads(agent.skills))

    def _rows(self, statement: str, values: dict[str, int] | None = None) -> list[Any]:
        return self._looking.execute(statement, values or {}).fetchall()

    def _fail(self, what: str) -> None:
        self._failures.append({"message": what})
