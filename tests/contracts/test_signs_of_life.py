"""Whatever a customer's app that is not connected asks for in conversation is a sign of life. On both databases."""

import pytest

from diyalog.bootstrap import NoQueueSystem
from diyalog.bus.memory import MemoryBus
from diyalog.domain.commands import Say
from diyalog.domain.wait import State
from diyalog.storage.store import DatabaseStore
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.conversing import Conversing
from diyalog.usecases.waiting import Waiting, WaitingPolicy
from kit import stores
from kit.clock import SettableClock

AGENT_MS = 10 * stores.ABANDON_MS


@pytest.mark.parametrize("what", ["read", "current", "say", "messages"])
async def test_a_customer_who_asks_is_not_lost(store: DatabaseStore, clock: SettableClock, what: str) -> None:
    policy = WaitingPolicy(stores.LIMIT_MS, stores.ABANDON_MS, stores.QUEUE_TIMEOUT_MS, builtin=True)
    commands = CommandIds(stores.NODE)
    waiting = Waiting(store, NoQueueSystem(), changes=Changes(), clock=clock, commands=commands, policy=policy)
    conversing = Conversing(
        store.conversations,
        store,
        changes=Changes(),
        bus=MemoryBus(stores.NODE, lambda _: None),
        commands=commands,
        agent_lost_ms=AGENT_MS,
        on_unreadable=stores.nothing_is_damaged,
    )
    wait = await stores.waiting(store, await stores.customer(store, "880214"), clock)
    await stores.accepted(store, wait, await stores.agent(store))
    for turn in range(3):
        clock.at += stores.ABANDON_MS - 1
        if what == "read":
            await waiting.read(wait.session_id, wait.customer)
        elif what == "current":
            await waiting.current(wait.customer)
        elif what == "messages":
            await conversing.messages(wait.session_id, 0, customer=wait.customer)
        else:
            await store.conversations.say(Say(wait.session_id, f"m{turn}", "Merhaba", customer=wait.customer))
        assert await store.conversations.end_lost(stores.command_id(), AGENT_MS, 10) == []
    clock.at += stores.ABANDON_MS
    [lost] = await store.conversations.end_lost(stores.command_id(), AGENT_MS, 10)
    assert lost.wait is not None
    assert lost.wait.state is State.ENDED
