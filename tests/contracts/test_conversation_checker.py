"""The checker of conversations: silent over what the store writes, and not over rows that somebody damaged."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import apsw
import asyncpg
import pytest

from diyalog.domain.commands import EndConversation, Say
from diyalog.domain.wait import Party
from diyalog.storage.sqlite import DATABASE_NAME
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.checker import CONVERSATIONS_WRONG
from kit.clock import SettableClock

DAMAGE: Final = {
    "no damage": ("SELECT 1", "nothing"),
    "lost": ("DELETE FROM conversation WHERE ended_at IS NULL", "nobody took"),
    "forgotten": ("DELETE FROM wait WHERE state = 'ENDED'", "of no wait"),
    "half ended": ("UPDATE wait SET state = 'ENDED'", "the other way round"),
    "ended by another": ("UPDATE conversation SET ended_by = 'company' WHERE ended_by IS NOT NULL", "one end"),
    "no beginning": ("DELETE FROM conversation_event WHERE kind = 'began'", "one beginning"),
    "no end": ("DELETE FROM conversation_event WHERE kind = 'ended'", "one end"),
    "gap": ("DELETE FROM conversation_event WHERE kind = 'message'", "one beginning"),
    "empty": ("DELETE FROM conversation_event", "without events"),
    "not told": ("DELETE FROM staff_event WHERE seq = 2", "with a gap"),
    "told of another": ("UPDATE staff_event SET event_seq = 1 WHERE seq = 2", "does not tell each event"),
    "told backwards": ("UPDATE staff_event SET event_seq = 7 - event_seq WHERE event_seq IN (3, 4)", "another order"),
    "unrecorded": ("DELETE FROM audit WHERE event = 'conversation_ended'", "audit rows"),
    "deleted": (
        "INSERT INTO outbox (kind, wait, attempt, first_at, due_at) SELECT 'delete', id, 0, 1, 1 FROM wait",
        "to delete",
    ),
}

Look = Callable[[str], Awaitable[set[str]]]


@pytest.fixture
def look(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Look:
    """Damages the database, tells what the checker then finds wrong, and takes the damage back."""

    async def embedded(damage: str) -> set[str]:
        connection = apsw.Connection(str(tmp_path / DATABASE_NAME))
        try:
            connection.execute("BEGIN")
            connection.execute(damage)
            return {what for what, query in CONVERSATIONS_WRONG.items() if connection.execute(query).fetchall()}
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    async def of_a_server(damage: str) -> set[str]:
        connection = await asyncpg.connect(request.getfixturevalue("database_url"))
        try:
            await connection.execute("BEGIN")
            await connection.execute(damage)
            return {what for what, query in CONVERSATIONS_WRONG.items() if await connection.fetch(query)}
        finally:
            await connection.close()

    return embedded if backend == "sqlite" else of_a_server


async def test_damaged_conversations_are_found(store: DatabaseStore, clock: SettableClock, look: Look) -> None:
    who = await stores.agent(store)
    for customer, over in (("1", True), ("2", False)):
        wait = await stores.waiting(store, await stores.customer(store, customer), clock)
        await stores.accepted(store, wait, who)
        await store.conversations.say(Say(wait.session_id, "m1", "Merhaba", customer=wait.customer))
        if over:
            end = EndConversation(stores.command_id(), wait.session_id, Party.AGENT, staff=who)
            await store.conversations.end(end)
    found = {name: await look(damage) for name, (damage, _) in DAMAGE.items()}
    assert found.pop("no damage") == set()
    for name, wrong in found.items():
        assert any(DAMAGE[name][1] in what for what in wrong), f"{name}: {wrong}"
