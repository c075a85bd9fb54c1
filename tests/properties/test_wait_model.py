"""Random histories of waits against a small model: what is legal, who wins, what everybody is told."""

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from diyalog.domain.commands import EndWait, Idempotency, QueueFailed, QueueTook
from diyalog.domain.ids import CustomerRef, InteractionId, NodeId, SessionId
from diyalog.domain.results import Delivery, EndResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import DATABASE_NAME, SqliteStore
from kit import stores
from kit.checker import Told, check_database
from kit.clock import SettableClock

CUSTOMERS = 3
EXAMPLES = int(os.environ.get("DIYALOG_TEST_EXAMPLES", "300"))
ENDED_BY = {
    Event.CANCEL: ("CANCELLED", "customer"),
    Event.NOT_DELIVERED: ("NOT_DELIVERED", "queue"),
    Event.EXPIRE: ("EXPIRED", "time_limit"),
    Event.ABANDON: ("EXPIRED", "abandoned"),
    Event.REPLACE: ("CANCELLED", "replaced"),
    Event.QUEUE_REFUSED: ("FAILED", "queue_refused"),
    Event.QUEUE_TIMEOUT: ("FAILED", "queue_timeout"),
}


@dataclass
class ModelWait:
    """What the model knows of one wait; its rules are written out here, not taken from the program's table."""

    session: SessionId
    row: int
    customer: int
    limit_at: int
    away_since: int | None
    state: str = "REQUESTED"
    outcome: tuple[str, str] | None = None
    interaction: str | None = None

    @property
    def due_at(self) -> int:
        if self.away_since is None:
            return self.limit_at
        return min(self.limit_at, self.away_since + stores.ABANDON_MS)


@dataclass
class Asked:
    """A CreateInteraction that is under way for a wait."""

    wait: ModelWait
    delivery: Delivery


class Waits(RuleBasedStateMachine):
    """One store, three customers, one queue system that names interactions when it answers."""

    asked = Bundle("asked")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.clock = SettableClock()
        self.store = self.opened()
        self.waits: list[ModelWait] = []
        self.told = Told()
        self.holders: dict[str, ModelWait] = {}
        self.customers: list[CustomerRef] = []
        self.asks: dict[int, Asked] = {}

    def opened(self) -> SqliteStore:
        store = SqliteStore(self.folder, Sealer(b"k" * 32), self.clock, stores.NODE)
        self.run(store.start())
        return store

    def run(self, work: Any) -> Any:  # noqa: ANN401  whatever the awaited call returns
        return self.runner.run(work)

    @initialize()
    def customers_exist(self) -> None:
        self.customers = [self.run(stores.customer(self.store, str(n))) for n in range(CUSTOMERS)]

    def teardown(self) -> None:
        self.run(self.store.stop())
        check_database(self.folder / DATABASE_NAME, self.told)
        self.runner.close()
        shutil.rmtree(self.folder)

    def open_wait(self, who: int) -> ModelWait | None:
        return next((wait for wait in self.waits if wait.customer == who and wait.outcome is None), None)

    def model_end(self, wait: ModelWait, event: Event) -> None:
        wait.state, wait.outcome = "ENDED", ENDED_BY[event]

    # Rules

    @rule(target=asked, who=st.integers(0, CUSTOMERS - 1))
    def start(self, who: int) -> Asked:
        before = self.open_wait(who)
        result = self.run(self.store.start_wait(stores.start(self.customers[who], self.clock)))
        assert result.verdict is Verdict.WON
        if before is None:
            assert result.replaced is None
        else:
            self.model_end(before, Event.REPLACE)
            assert result.replaced.session_id == before.session
        wait = ModelWait(
            result.wait.session_id, result.wait.row, who, self.clock.at + stores.LIMIT_MS, away_since=self.clock.at
        )
        self.waits.append(wait)
        self.asks[result.delivery.row] = Asked(wait, result.delivery)
        return self.asks[result.delivery.row]

    @rule(asked=consumes(asked), number=st.integers(1, 6))
    def the_queue_answers(self, asked: Asked, number: int) -> None:
        """The queue may name any number, also one that it gave out before."""
        name = f"Q{number}"
        holder = next((wait for wait in self.waits if wait.interaction == name and wait.outcome is None), None)
        took = QueueTook(stores.command_id(), asked.delivery.row, asked.delivery.attempt, InteractionId(name))
        result = self.run(self.store.queue_took(took))
        wait = asked.wait
        assert not result.stale
        if holder is not None and holder is not wait:
            assert result.conflict
            self.settle(asked, None)
            return
        assert result.changed == (wait.state == "REQUESTED")
        self.holders[name] = wait
        wait.interaction = name
        if wait.state == "REQUESTED":
            wait.state = "WAITING"

    def settle(self, asked: Asked, event: Event | None) -> None:
        failed = QueueFailed(
            stores.command_id(), asked.delivery.row, asked.delivery.attempt, event or Event.QUEUE_REFUSED, settled=True
        )
        result = self.run(self.store.queue_failed(failed))
        assert result.changed == (asked.wait.state == "REQUESTED")
        if asked.wait.state == "REQUESTED":
            self.model_end(asked.wait, event or Event.QUEUE_REFUSED)

    @rule(asked=consumes(asked), event=st.sampled_from([Event.QUEUE_REFUSED, Event.QUEUE_TIMEOUT]))
    def the_queue_fails(self, asked: Asked, event: Event) -> None:
        self.settle(asked, event)

    @rule(data=st.data(), by_stranger=st.booleans())
    def cancel(self, data: st.DataObject, *, by_stranger: bool) -> None:
        wait = self.any_wait(data)
        if wait is None:
            return
        who = (wait.customer + by_stranger) % CUSTOMERS
        command = EndWait(
            stores.command_id(), Event.CANCEL, session_id=wait.session, customer=self.customers[who], told=True
        )
        result = self.run(self.store.end_wait(command))
        if by_stranger:
            assert result.verdict is Verdict.UNKNOWN
        else:
            self.compare(wait, Event.CANCEL, result)

    @rule(data=st.data(), by_interaction=st.booleans())
    def not_delivered(self, data: st.DataObject, *, by_interaction: bool) -> None:
        wait = self.any_wait(data)
        if wait is None:
            return
        named = [other for other in self.waits if other.interaction == wait.interaction]
        if by_interaction and wait.interaction is not None:
            meant = next((other for other in named if other.outcome is None), named[-1])
            result = self.run(stores.not_delivered(self.store, interaction=wait.interaction))
        else:
            meant = wait
            result = self.run(stores.not_delivered(self.store, session=wait.session))
        other_open = self.open_wait(meant.customer)
        elsewhere = meant.outcome is not None and other_open is not None
        self.compare(meant, Event.NOT_DELIVERED, result)
        assert result.waits_elsewhere == elsewhere

    @rule(data=st.data(), key=st.sampled_from([b"k1", b"k2"]))
    def not_delivered_with_a_key(self, data: st.DataObject, key: bytes) -> None:
        """The body is part of what is remembered: a key belongs to the first session it was used for."""
        wait = self.any_wait(data)
        if wait is None:
            return
        first = not hasattr(self, f"used_{key.decode()}")
        idempotency = Idempotency(key, wait.session.encode())
        result = self.run(stores.not_delivered(self.store, session=wait.session, idempotency=idempotency))
        if first:
            setattr(self, f"used_{key.decode()}", (wait.session, result.verdict))
            self.compare(wait, Event.NOT_DELIVERED, result)
            return
        session, verdict = getattr(self, f"used_{key.decode()}")
        if session == wait.session:
            assert (result.verdict, result.replayed) == (verdict, True)
        else:
            assert result.verdict is Verdict.MISMATCH

    def any_wait(self, data: st.DataObject) -> ModelWait | None:
        return data.draw(st.sampled_from(self.waits)) if self.waits else None

    def compare(self, wait: ModelWait, event: Event, result: EndResult) -> None:
        """The model says who wins; the store's answer must be the same, and the loser must be told the outcome."""
        if wait.outcome is None:
            assert result.verdict is Verdict.WON
            self.model_end(wait, event)
        else:
            assert result.verdict is Verdict.LOST
        assert result.wait is not None
        assert (result.wait.outcome, result.wait.reason) == wait.outcome
        self.told.note(result.wait.session_id, result.wait.outcome)

    @rule(data=st.data(), connected=st.booleans())
    def the_app_comes_or_goes(self, data: st.DataObject, *, connected: bool) -> None:
        wait = self.any_wait(data)
        if wait is None:
            return
        self.run(self.store.present(wait.row, connected=connected))
        if connected:
            wait.away_since = None
        elif wait.away_since is None:
            wait.away_since = self.clock.at

    @rule(milliseconds=st.sampled_from([1, 1000, stores.ABANDON_MS - 1, stores.ABANDON_MS, stores.LIMIT_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.clock.advance(milliseconds)

    @rule()
    def what_is_due_ends(self) -> None:
        due = {row for row, _ in self.run(stores.due(self.store, 100))}
        assert due == {wait.row for wait in self.waits if wait.outcome is None and wait.due_at <= self.clock.at}
        for wait in self.waits:
            if wait.row in due:
                event = Event.EXPIRE if wait.limit_at <= self.clock.at else Event.ABANDON
                self.compare(wait, event, self.run(stores.end(self.store, event, wait.row)))

    @rule()
    def the_queue_is_told_what_to_drop(self) -> None:
        for delivery in self.run(self.store.claim(stores.NODE, 100, 0)):
            if delivery.kind == "create":  # its lease ran out: whoever asks goes on under the newer attempt
                self.asks[delivery.row].delivery = delivery
            else:
                outcome = self.holders[delivery.interaction_id].outcome
                assert outcome is not None, "never for an open wait"
                assert outcome[0] in {"CANCELLED", "EXPIRED", "FAILED"}
                self.run(self.store.deleted(delivery.row, delivery.attempt))

    @rule()
    def the_process_restarts(self) -> None:
        self.run(self.store.stop())
        self.store = self.opened()
        self.run(self.store.enter(NodeId("node-a")))

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        for wait in self.waits[-4:]:
            stored = self.run(self.store.wait(wait.session))
            assert stored is not None
            assert (stored.state, stored.interaction_id) == (wait.state, wait.interaction)
            outcome = None if stored.outcome is None else (stored.outcome, stored.reason)
            assert outcome == wait.outcome


class TestWaits(Waits.TestCase):  # type: ignore[misc, valid-type]  # Hypothesis makes this class at run time
    settings = settings(
        max_examples=EXAMPLES, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
    )
