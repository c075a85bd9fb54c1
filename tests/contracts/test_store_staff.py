"""What every store must do for members of the staff and the tokens of their desks; run against each backend."""

import asyncio

from diyalog.domain.commands import Activate
from diyalog.domain.ids import NodeId
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

from .conftest import OpenStore

DAY_MS = 86_400_000


async def test_a_token_leads_to_its_member_of_the_staff(store: DatabaseStore, clock: SettableClock) -> None:
    made = await store.sign_in_staff("31007", "Selin Aksoy", stores.digest("desk"))
    assert (made.user_id, made.user_name, made.issued_at) == ("31007", "Selin Aksoy", clock.at)
    clock.advance(1000)
    assert await store.staff_token(stores.digest("desk")) == made
    assert await store.staff_token(stores.digest("another")) is None


async def test_nobody_else_is_found_by_it(store: DatabaseStore) -> None:
    selin = await store.sign_in_staff("31007", "Selin Aksoy", stores.digest("a"))
    mert = await store.sign_in_staff("31008", "Mert Kaya", stores.digest("b"))
    assert selin.staff != mert.staff
    assert await store.staff_token(stores.digest("a")) == selin
    assert await store.staff_token(stores.digest("b")) == mert
    await store.activate(Activate(customer_id="31007", profile={}, token_hash=stores.digest("customer")))
    assert await store.staff_token(stores.digest("customer")) is None
    assert await store.token(stores.digest("a")) is None


async def test_who_signs_in_again_is_the_same_under_the_newer_name(store: DatabaseStore, clock: SettableClock) -> None:
    first = await store.sign_in_staff("31007", "Selin Aksoy", stores.digest("a"))
    clock.advance(DAY_MS)
    second = await store.sign_in_staff("31007", "Selin Aksoy-Kaya", stores.digest("b"))
    assert second.staff == first.staff
    assert second.issued_at == first.issued_at + DAY_MS
    older = await store.staff_token(stores.digest("a"))
    assert older is not None
    assert (older.user_name, older.issued_at) == ("Selin Aksoy-Kaya", first.issued_at), "an older desk goes on"
    assert await stores.agent(store) == first.staff, "conversations name the same row"


async def test_many_at_once_from_two_nodes(open_store: OpenStore, backend: str) -> None:
    async with open_store(stores.NODE) as store:
        if backend == "sqlite":
            await self_and(store, store)
            return
        async with open_store(NodeId("node-b")) as other:
            await self_and(store, other)


async def self_and(store: DatabaseStore, other: DatabaseStore) -> None:
    """Each of ten people signs in at two desks of two nodes, in either order; half of them are known."""
    people = [f"{number}" for number in range(10)]
    for user_id in people[::2]:
        await store.sign_in_staff(user_id, "known", stores.digest(f"old {user_id}"))
    here = [store.sign_in_staff(user_id, "here", stores.digest(f"here {user_id}")) for user_id in people]
    there = [other.sign_in_staff(user_id, "there", stores.digest(f"there {user_id}")) for user_id in reversed(people)]
    async with asyncio.timeout(20):
        records = await asyncio.gather(*here, *there)
    assert len({record.staff for record in records}) == 10
    rows = {record.user_id: record.staff for record in records}
    for user_id in people:
        for desk in ("here", "there"):
            found = await store.staff_token(stores.digest(f"{desk} {user_id}"))
            assert found is not None
            assert (found.user_id, found.staff) == (user_id, rows[user_id])


async def test_old_tokens_are_forgotten_and_people_stay(store: DatabaseStore, clock: SettableClock) -> None:
    old = await store.sign_in_staff("31007", "Selin Aksoy", stores.digest("old"))
    clock.advance(1)
    await store.sign_in_staff("31007", "Selin Aksoy", stores.digest("young"))
    clock.advance(DAY_MS - 1)
    assert await store.forget(DAY_MS, DAY_MS, 100) == 1
    assert await store.staff_token(stores.digest("old")) is None
    assert await store.staff_token(stores.digest("young")) is not None
    clock.advance(DAY_MS)
    assert await store.forget(DAY_MS, DAY_MS, 100) == 1
    assert await stores.agent(store) == old.staff


async def test_no_more_than_asked_for_is_forgotten_at_once(store: DatabaseStore, clock: SettableClock) -> None:
    for number in range(5):
        await store.sign_in_staff("31007", "Selin Aksoy", stores.digest(str(number)))
    clock.advance(DAY_MS)
    assert [await store.forget(DAY_MS, DAY_MS, 2) for _ in range(4)] == [2, 2, 1, 0]
