"""An app that is connected is not abandoned, whatever the other nodes knew of it."""

from pathlib import Path

from cluster.nodes import cluster
from e2e.world import eventually

AWAY_S = 3


async def test_a_second_device_that_leaves_another_node_takes_nobody_along(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 2, abandon_after=str(AWAY_S), wait_limit="9") as nodes:
        customer = await nodes.customer(0, "880214")
        begun = (await customer.start()).json
        session, at = begun["sessionId"], {"after": begun["seq"], "epoch": begun["epoch"]}
        async with customer.follow(session, **at) as staying:
            await nodes.present(session)
            first = (await nodes.row("SELECT present FROM wait WHERE session_id = $1", session))["present"]

            async def moved() -> bool:
                row = await nodes.row("SELECT present FROM wait WHERE session_id = $1", session)
                return row["present"] not in {None, first}

            second = await nodes.moved(customer, 1)
            async with second.follow(session, **at):
                await eventually(moved, 10, "the second device is seen")
            event = await staying.event("wait.ended")
            assert event["data"]["reason"] == "time_limit"
