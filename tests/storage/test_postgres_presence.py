"""On PostgreSQL the node that ends a wait learns to which node the customer's app is connected."""

from diyalog.domain.ids import NodeId
from diyalog.domain.results import Verdict
from diyalog.domain.transitions import Event
from kit import stores
from kit.clock import SettableClock

OTHER = NodeId("node-b")


async def test_an_end_tells_where_the_app_is_connected(database_url: str) -> None:
    clock = SettableClock()
    async with stores.postgres_store(database_url) as near, stores.postgres_store(database_url, OTHER) as other:
        here = await stores.waiting(near, await stores.customer(near, "1"), clock)
        nowhere = await stores.waiting(near, await stores.customer(near, "2"), clock)
        await near.present(here.row, connected=True)
        results = [await stores.end(other, Event.CANCEL, wait.row) for wait in (here, nowhere)]
    assert [result.verdict for result in results] == [Verdict.WON] * 2
    assert [result.wait and result.wait.present for result in results] == [stores.NODE, None]
