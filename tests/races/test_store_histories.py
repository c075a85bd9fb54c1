"""Several parties ask several stores on one database about a few waits at once; what each was told must fit together.

Every wait's history must be linearisable: there is an order of its calls, one after the other, in which a plain model
of one wait gives the same answers. So must be the history of all waits of a customer, where a start that replaces a
wait is one step. Planted bugs show that the check can fail.
"""

import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from diyalog.domain.ids import NodeId
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock
from kit.cutting import obedient
from kit.histories import ENDS, NO_WAITS, NOTHING, Recorder, WaitCall, one_wait, several_waits
from kit.linearizability import NotLinearizableError, check
from kit.postgres import PostgresServer
from races.mistaken_stores import (
    AnswersBeforeItWrites,
    ForgetsWhoseCommandWon,
    ReadsThenWrites,
    RemembersWhatItRead,
    StartsInTwoSteps,
    TakesWhatItFindsOpen,
    Through,
)
from races.parties import SESSIONS, Customer, play_round

SEED = int(os.environ.get("DIYALOG_TEST_SEED", "1"))
ROUNDS = int(os.environ.get("DIYALOG_TEST_ROUNDS", "6"))
PLANTED_ROUNDS = 40
LOST = 0.05
"""How often the answer to what is sent to the database is lost."""
NODES = [NodeId(f"node-{letter}") for letter in "abcde"]
OpenStores: TypeAlias = Callable[[], AbstractAsyncContextManager[Sequence[DatabaseStore]]]


@pytest.fixture(params=["sqlite", "postgres"])
def open_stores(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStores:
    """Opens the stores of several nodes on one database."""
    if request.param == "sqlite":
        clock = SettableClock()
        opening: Sequence[AbstractAsyncContextManager[DatabaseStore]] = [
            stores.sqlite_store(tmp_path, clock, node) for node in NODES[:2]
        ]
    else:
        url = request.getfixturevalue("database_url")
        opening = [stores.postgres_store(url, node) for node in NODES]

    @asynccontextmanager
    async def opened() -> AsyncIterator[Sequence[DatabaseStore]]:
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(one) for one in opening]

    return opened


def check_waits(recorder: Recorder, crowd: Sequence[Customer]) -> None:
    del crowd
    for history in recorder.of_waits().values():
        check(history, one_wait, NOTHING)


def check_customers(recorder: Recorder, crowd: Sequence[Customer]) -> None:
    for customer in crowd:
        check(recorder.of_customer(customer.sessions), several_waits, NO_WAITS)


def contended(history: Sequence[WaitCall]) -> bool:
    """Whether somebody lost against a winner whose call was under way at the same time."""
    ends = [call for call in history if call.operation.event in ENDS and call.returned is not None]
    won = [call for call in ends if call.result is not None and call.result.verdict == "won"]
    lost = [call for call in ends if call.result is not None and call.result.verdict == "lost"]
    return any(
        one.invoked < (other.returned or 0) and other.invoked < (one.returned or 0) for one in won for other in lost
    )


async def test_what_parties_see_of_each_wait_is_what_they_could_see_one_after_the_other(
    open_stores: OpenStores,
) -> None:
    seen: list[WaitCall] = []
    races = 0
    async with open_stores() as opened:
        for number in range(ROUNDS):
            recorder = Recorder()
            crowd = await play_round(SEED * 1000 + number, opened[0], opened, recorder)
            check_waits(recorder, crowd)
            check_customers(recorder, crowd)
            for history in recorder.of_waits().values():
                seen += history
                races += contended(history)
    answers = [call.result for call in seen if call.result is not None]
    views = [answer.view for answer in answers if answer.view is not None]
    assert {view.outcome for view in views} == {None, "CANCELLED", "NOT_DELIVERED", "EXPIRED", "FAILED", "CONNECTED"}
    assert {view.state for view in views} == {"REQUESTED", "WAITING", "CONNECTED", "ENDED"}
    every_verdict = {"won", "lost", "unknown", "nothing", "changed", "unchanged", "stale", "read"}
    assert {answer.verdict for answer in answers} == every_verdict
    assert sum(call.returned is None for call in seen) > 10 * ROUNDS, "parties went away before their answers"
    assert races > 3 * ROUNDS, "parties ended waits at the same time"


async def test_it_fits_together_when_answers_of_the_database_are_lost(
    postgres: PostgresServer, database_url: str
) -> None:
    luck = random.Random(SEED)
    async with obedient(postgres.port) as network, AsyncExitStack() as stack:
        url = database_url.replace(f":{postgres.port}/", f":{network.port}/")
        opened = [await stack.enter_async_context(stores.postgres_store(url, node)) for node in NODES]
        for number in range(ROUNDS // 2):
            recorder = Recorder(asks_again=True)
            network.lose_answers(lambda data: luck.random() < LOST)
            crowd = await play_round(SEED * 1000 + number, opened[0], opened, recorder)
            network.lose_answers(None)
            check_waits(recorder, crowd)
            check_customers(recorder, crowd)
        assert network.answers_lost > 2 * ROUNDS


# Planted bugs


async def first_found(
    opened: Sequence[DatabaseStore], bug: type[Through], judge: Callable[[Recorder, Sequence[Customer]], None]
) -> NotLinearizableError:
    """Play rounds with the bug until the judge finds it."""
    asked = [bug(store) for store in opened]
    for number in range(PLANTED_ROUNDS):
        recorder = Recorder()
        crowd = await play_round(SEED * 1000 + number, opened[0], asked, recorder)
        try:
            judge(recorder, crowd)
        except NotLinearizableError as found:
            return found
    pytest.fail(f"not found in {PLANTED_ROUNDS} rounds")


@pytest.mark.parametrize(
    "bug",
    [ReadsThenWrites, TakesWhatItFindsOpen, AnswersBeforeItWrites, RemembersWhatItRead, ForgetsWhoseCommandWon],
)
async def test_a_planted_bug_is_found_in_the_history_of_a_wait(open_stores: OpenStores, bug: type[Through]) -> None:
    async with open_stores() as opened:
        found = await first_found(opened, bug, check_waits)
    assert len(found.prefix) > 1


async def test_a_replacement_in_two_steps_is_found_in_the_history_of_a_customer(
    open_stores: OpenStores,
) -> None:
    def only_together(recorder: Recorder, crowd: Sequence[Customer]) -> None:
        check_waits(recorder, crowd)  # each wait for itself is as it should be
        check_customers(recorder, crowd)

    async with open_stores() as opened:
        found = await first_found(opened, StartsInTwoSteps, only_together)
    touched = {session for call in found.prefix for session, _ in call.operation}
    assert len(touched) == SESSIONS
