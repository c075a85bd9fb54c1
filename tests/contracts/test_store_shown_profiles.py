"""Looking at a customer's numbers, which is written down. On both databases."""

from diyalog.domain.commands import Caller, EndConversation, ShowProfile
from diyalog.domain.ids import AccessKeyId, SessionId
from diyalog.domain.wait import Party
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock


async def test_who_may_look_at_a_customers_numbers(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "880214"), clock)
    who, other = await stores.agent(store), await stores.agent(store, "31008")
    caller = Caller(AccessKeyId("staff"), "31007")
    assert not await store.conversations.show_profile(ShowProfile(wait.session_id, who, caller)), "nobody has taken it"
    await stores.accepted(store, wait, who)
    assert await store.conversations.show_profile(ShowProfile(wait.session_id, who, caller))
    assert not await store.conversations.show_profile(ShowProfile(wait.session_id, other, caller))
    end = EndConversation(stores.command_id(), wait.session_id, Party.CUSTOMER, customer=wait.customer)
    await store.conversations.end(end)
    assert await store.conversations.show_profile(ShowProfile(wait.session_id, None, caller)), (
        "a supervisor, afterwards"
    )
    assert not await store.conversations.show_profile(ShowProfile(SessionId("nobody's"), None, caller))
