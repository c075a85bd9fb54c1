"""PostgreSQL commits and the answer is lost on the way: the command is looked up and answered, nothing is doubled."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest

from diyalog.domain.commands import AcceptWait, Activate, EndConversation, EndWait, Idempotency, QueueFailed, QueueTook
from diyalog.domain.ids import InteractionId, NodeId, SessionId
from diyalog.domain.results import Delivery, EndResult, StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Party, Reason, State, Wait
from diyalog.storage.postgres import PostgresStore
from diyalog.storage.postgres_connection import open_postgres
from kit import stores
from kit.checker import Told
from kit.clock import SettableClock
from kit.cutting import CuttingProxy, obedient
from kit.postgres import PostgresServer
from kit.postgres_checker import check_postgres

CLOCK = SettableClock()
KEY = Idempotency(b"scope", b"body")
OTHER = NodeId("node-b")
LIMIT_S = 20


@dataclass
class Nodes:
    """`near` reaches the database through a network that loses answers; `other` does not."""

    near: PostgresStore
    other: PostgresStore
    proxy: CuttingProxy

    @contextmanager
    def losing(self, sent: Callable[[bytes], bool] | None = None) -> Iterator[None]:
        """Lose one answer: that to the next COMMIT, or to what makes `sent` true."""
        before = self.proxy.answers_lost
        left = [1]

        def once(data: bytes) -> bool:
            if left and (sent(data) if sent else b"COMMIT" in data):
                left.pop()
                return True
            return False

        self.proxy.lose_answers(once)
        yield
        self.proxy.lose_answers(None)
        assert self.proxy.answers_lost == before + 1, "the answer was lost"


@asynccontextmanager
async def losing_nodes(server: PostgresServer, url: str) -> AsyncIterator[Nodes]:
    async with stores.postgres_store(url, OTHER) as other, obedient(server.port) as proxy:
        near = url.replace(f":{server.port}/", f":{proxy.port}/")
        async with stores.postgres_store(near) as store:
            yield Nodes(store, other, proxy)


@pytest.fixture
async def nodes(postgres: PostgresServer, database_url: str) -> AsyncIterator[Nodes]:
    """What both nodes stored is checked at the end."""
    async with losing_nodes(postgres, database_url) as both:
        yield both
    check_postgres(postgres, database_url, Told())


async def requested(nodes: Nodes, number: str = "1") -> tuple[Wait, Delivery]:
    """A wait whose request the near node holds."""
    result = await stores.started(nodes.near, await stores.customer(nodes.near, number), CLOCK)
    assert result.wait is not None
    assert result.delivery is not None
    return result.wait, result.delivery


def took(delivery: Delivery, interaction: str = "7700418") -> QueueTook:
    return QueueTook(stores.command_id(), delivery.row, delivery.attempt, InteractionId(interaction))


async def queued(nodes: Nodes, number: str, interaction: str) -> Wait:
    wait, delivery = await requested(nodes, number)
    assert (await nodes.other.queue_took(took(delivery, interaction))).changed
    return wait


def naming(command: EndWait) -> Callable[[bytes], bool]:
    return lambda data: command.command.encode() in data


async def stored(nodes: Nodes, session: SessionId) -> Wait:
    wait = await nodes.other.wait(session)
    assert wait is not None
    return wait


@pytest.mark.parametrize("event", [Event.CANCEL, Event.NOT_DELIVERED])
async def test_an_end_of_which_the_answer_is_lost_has_won(nodes: Nodes, event: Event) -> None:
    wait = await queued(nodes, "1", "A")
    command = EndWait(stores.command_id(), event, row=wait.row, message="Nobody is free.", caller=stores.CALLER)
    with nodes.losing(naming(command)):
        result = await nodes.near.end_wait(command)
    assert (result.verdict, result.replayed) == (Verdict.WON, False)
    assert result.wait == await stored(nodes, wait.session_id)
    outbox = {"delete": 1} if event is Event.CANCEL else {}
    assert (await nodes.other.tally()).outbox == outbox


async def test_ends_that_were_committed_together_have_all_won_and_those_that_had_lost_have_lost(nodes: Nodes) -> None:
    waits = [await queued(nodes, str(n), f"I-{n}") for n in range(50)]
    for wait in waits[:10]:
        await stores.not_delivered(nodes.other, session=wait.session_id)
    commands = [EndWait(stores.command_id(), Event.CANCEL, row=wait.row) for wait in waits]
    with nodes.losing(naming(commands[-1])):
        results = await asyncio.gather(*[nodes.near.end_wait(command) for command in commands])
    assert [result.verdict for result in results] == [Verdict.LOST] * 10 + [Verdict.WON] * 40
    for result, wait in zip(results, waits, strict=True):
        assert result.wait == await stored(nodes, wait.session_id)


async def test_an_end_that_won_and_was_lost_tells_of_itself_when_it_is_read_under_its_key(nodes: Nodes) -> None:
    wait = await queued(nodes, "1", "A")
    command = EndWait(
        stores.command_id(), Event.NOT_DELIVERED, row=wait.row, message="No.", caller=stores.CALLER, idempotency=KEY
    )
    with nodes.losing():
        result = await nodes.near.end_wait(command)
    assert result == EndResult(Verdict.WON, await stored(nodes, wait.session_id))
    repeated = await nodes.other.end_wait(command._replace(command=stores.command_id()))
    assert (repeated.verdict, repeated.replayed) == (Verdict.WON, True)


@pytest.mark.parametrize("key", [None, KEY], ids=["without a key", "with a key"])
async def test_a_start_that_replaced_a_wait_says_so_and_is_sent_to_the_queue(
    nodes: Nodes, key: Idempotency | None
) -> None:
    older, _ = await requested(nodes)
    command = stores.start(older.customer, CLOCK, idempotency=key)
    with nodes.losing():
        result = await nodes.near.start_wait(command)
    wait = await stored(nodes, command.session_id)
    assert (result.verdict, result.wait, result.replayed) == (Verdict.WON, wait, False)
    assert wait.state is State.REQUESTED
    assert result.replaced == await stored(nodes, older.session_id)
    assert result.replaced is not None
    assert result.replaced.reason is Reason.REPLACED
    delivery = result.delivery
    assert delivery is not None
    assert (delivery.session_id, delivery.attempt, delivery.request) == (command.session_id, 1, command.request)
    assert (await nodes.other.queue_took(took(delivery))).changed, "its fence is the newest"
    assert (await nodes.other.tally()).created == 2


async def test_starts_that_were_committed_together_are_all_there(nodes: Nodes) -> None:
    customers = [await stores.customer(nodes.near, str(n)) for n in range(30)]
    with nodes.losing():
        results: Sequence[StartResult] = await asyncio.gather(
            *[nodes.near.start_wait(stores.start(who, CLOCK)) for who in customers]
        )
    assert all(result.verdict is Verdict.WON and result.delivery is not None for result in results)
    assert len({result.delivery.row for result in results if result.delivery}) == 30
    tally = await nodes.other.tally()
    assert (tally.created, tally.open, tally.outbox) == (30, {"REQUESTED": 30, "WAITING": 0}, {"create": 30})


async def test_what_the_queue_answered_counts_as_stored(nodes: Nodes) -> None:
    wait, delivery = await requested(nodes)
    with nodes.losing():
        result = await nodes.near.queue_took(took(delivery))
    assert (result.changed, result.stale, result.conflict) == (True, False, False)
    assert result.wait == await stored(nodes, wait.session_id)
    assert result.wait is not None
    assert (result.wait.state, result.wait.seq) == (State.WAITING, 1)
    assert (await nodes.other.tally()).outbox == {}


async def test_an_id_that_came_late_is_deleted_once(nodes: Nodes) -> None:
    wait, delivery = await requested(nodes)
    await stores.end(nodes.other, Event.CANCEL, wait.row)
    with nodes.losing():
        result = await nodes.near.queue_took(took(delivery))
    assert not result.changed
    assert (await stored(nodes, wait.session_id)).interaction_id == "7700418"
    assert (await nodes.other.tally()).outbox == {"delete": 1}


@pytest.mark.parametrize("how", ["settled", "unresolved", "later"])
async def test_a_refusal_counts_as_stored(nodes: Nodes, how: str) -> None:
    wait, delivery = await requested(nodes)
    retry_at = delivery.first_at + 60_000 if how == "later" else None
    command = QueueFailed(
        stores.command_id(), delivery.row, 1, Event.QUEUE_REFUSED, how == "settled", how == "unresolved", retry_at
    )
    with nodes.losing():
        result = await nodes.near.queue_failed(command)
    assert (result.changed, result.stale) == (True, False)
    assert result.wait == await stored(nodes, wait.session_id)
    assert result.wait is not None
    assert result.wait.reason is Reason.QUEUE_REFUSED
    tally = await nodes.other.tally()
    assert (tally.outbox, tally.unresolved) == ({"create": 1} if how == "later" else {}, int(how == "unresolved"))


async def test_what_was_claimed_is_in_hand_and_raised_once(nodes: Nodes) -> None:
    for number in range(3):
        await stores.end(nodes.other, Event.CANCEL, (await queued(nodes, str(number), f"I-{number}")).row)
    with nodes.losing():
        claimed = await nodes.near.claim(stores.NODE, 2, 60_000)
    assert [(one.interaction_id, one.attempt, one.maybe_sent) for one in claimed] == [
        ("I-0", 1, False),
        ("I-1", 1, False),
    ]
    assert [one.interaction_id for one in await nodes.other.claim(OTHER, 10, 60_000)] == ["I-2"], "they are leased"
    for one in claimed:
        await nodes.near.deleted(one.row, one.attempt)
    assert (await nodes.other.tally()).outbox == {"delete": 1}


async def test_nothing_that_the_node_holds_otherwise_is_claimed_again(nodes: Nodes) -> None:
    _, delivery = await requested(nodes)
    await stores.end(nodes.other, Event.CANCEL, (await queued(nodes, "2", "A")).row)
    with nodes.losing():
        [claimed] = await nodes.near.claim(stores.NODE, 10, 60_000)
    assert claimed.kind == "delete"
    assert (await nodes.near.queue_took(took(delivery, "B"))).changed, "the fence of the request in hand stands"


async def test_an_acknowledgement_is_stored(nodes: Nodes) -> None:
    wait = await queued(nodes, "1", "A")
    await stores.end(nodes.other, Event.CANCEL, wait.row)
    named = struct.pack(">q", wait.row)
    with nodes.losing(lambda data: named in data and b"B\x00" in data):
        await nodes.near.acknowledge(wait.row, 2)
    assert (await stored(nodes, wait.session_id)).acknowledged_at is not None


@pytest.mark.parametrize("barred", [False, True])
async def test_a_hash_is_used_once_and_its_customer_is_in(nodes: Nodes, *, barred: bool) -> None:
    assert await nodes.near.issue_hash("880214", "device", "hash", None, 60_000)
    if barred:
        await nodes.other.bar("880214", barred=True)
    command = Activate("880214", {"name": "Ayşe"}, b"t" * 32, "device", "hash")
    with nodes.losing():
        record = await nodes.near.activate(command)
    assert record is not None
    assert (record.customer_id, record.barred) == ("880214", barred)
    assert (await nodes.other.token(b"t" * 32) is None) is barred
    assert await nodes.other.activate(Activate("880214", {}, b"u" * 32, "device", "hash")) is None


async def test_a_desk_gets_the_token_that_was_stored(nodes: Nodes) -> None:
    known = await nodes.other.sign_in_staff("31007", "Selin", b"k" * 32)
    with nodes.losing():
        mert, selin = await asyncio.gather(
            nodes.near.sign_in_staff("31008", "Mert", b"t" * 32),
            nodes.near.sign_in_staff("31007", "Selin Aksoy", b"u" * 32),
        )
    assert await nodes.other.staff_token(b"t" * 32) == mert
    assert await nodes.other.staff_token(b"u" * 32) == selin
    assert (mert.user_id, selin.user_id) == ("31008", "31007")
    assert (selin.staff, selin.user_name) == (known.staff, "Selin Aksoy")


async def test_a_hash_that_was_issued_can_be_shown(nodes: Nodes) -> None:
    with nodes.losing():
        assert await nodes.near.issue_hash("880214", "device", "hash", None, 60_000)
    assert await nodes.other.activate(Activate("880214", {}, b"u" * 32, "device", "hash")) is not None


async def test_an_access_key_is_made_once_and_revoked_once(nodes: Nodes) -> None:
    with nodes.losing():
        await nodes.near.create_key("KEY", "crm", "secret")
    assert [(key.key_id, key.secret) for key in await nodes.other.keys()] == [("KEY", "secret")]
    with nodes.losing():
        assert await nodes.near.revoke_key("KEY"), "there was a live one"
    assert [key.secret for key in await nodes.other.keys()] == [None]
    assert not await nodes.near.revoke_key("KEY")


LOCKED_OUT = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_what_the_server_still_does_for_nobody_is_ended_first(
    nodes: Nodes, postgres: PostgresServer, database_url: str
) -> None:
    """The network resets the connection while its statement waits for a lock."""
    wait = await queued(nodes, "1", "A")
    command = EndWait(stores.command_id(), Event.CANCEL, row=wait.row)
    holder, watcher = await open_postgres(database_url), await open_postgres(database_url)
    try:
        async with asyncio.timeout(LIMIT_S), holder.transaction():
            await holder.execute("SELECT 1 FROM wait WHERE id = $1 FOR UPDATE", wait.row)
            ending = asyncio.ensure_future(nodes.near.end_wait(command))
            while not (before := await watcher.fetchval(LOCKED_OUT)):
                pass
            nodes.proxy.cut_all()
            while await watcher.fetchval(LOCKED_OUT) in {None, before}:
                pass
        async with asyncio.timeout(LIMIT_S):
            result = await ending
    finally:
        await holder.close()
        await watcher.close()
    assert (result.verdict, result.wait) == (Verdict.WON, await stored(nodes, wait.session_id))
    assert nodes.proxy.cuts > 0
    assert "terminating connection due to administrator command" in postgres.log


async def test_a_wait_that_was_taken_is_the_agents_although_the_talk_is_over_when_it_is_known(
    nodes: Nodes,
) -> None:
    """The same command at another node stands for its second run, once the answer to its COMMIT was lost."""
    wait = await queued(nodes, "1", "A")
    who = await stores.agent(nodes.other)
    command = AcceptWait(stores.command_id(), who, session_id=wait.session_id)
    over = EndConversation(stores.command_id(), wait.session_id, Party.CUSTOMER, customer=wait.customer)
    assert (await nodes.other.conversations.accept(command)).verdict is Verdict.WON
    assert (await nodes.other.conversations.end(over)).verdict is Verdict.WON
    found = await nodes.near.conversations.accept(command)
    assert (found.verdict, found.replayed) == (Verdict.WON, False)
    assert found.wait == await stored(nodes, wait.session_id)
