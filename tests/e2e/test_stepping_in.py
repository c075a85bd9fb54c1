"""Commands of an operator beside a running server: what they change reaches the server and the customer by itself."""

import json
from pathlib import Path

from diyalog.simulator.company import Company as QueueSystem
from kit.server import Customer, running


async def test_an_administrator_closes_a_request_and_the_customer_is_told(tmp_path: Path) -> None:
    queue = QueueSystem()
    settings = {"queue": "http", "queue_url": await queue.start(), "queue_repeatable": "true"}
    try:
        async with running(tmp_path, **settings) as server, Customer(server.url, "880214") as customer:
            wait = (await customer.start()).json
            async with customer.follow(wait["sessionId"], after=1, epoch=wait["epoch"]) as stream:
                assert await server.command("waits", "cancel", wait["sessionId"]) == "CANCELLED\n"
                ended = await stream.event("wait.ended")
                assert (ended["data"]["outcome"], ended["data"]["reason"]) == ("CANCELLED", "administrator")
            await queue.wait_for(lambda ledger: ledger.interactions[0].deleted_at is not None)
    finally:
        await queue.stop()


async def test_a_barred_customer_is_refused_until_let_in_again(tmp_path: Path) -> None:
    async with running(tmp_path) as server, Customer(server.url, "880214") as customer:
        wait = (await customer.start()).json
        await server.command("customers", "bar", "880214")
        refused = await customer.activate()
        assert (refused.status, refused.json["code"]) == (403, "DLGEXCPSRV_FRBDNCST")
        again = await customer.start()
        assert (again.status, again.json["code"]) == (403, "DLGEXCPSRV_FRBDNCST")
        assert (await customer.read(wait["sessionId"])).json["state"] == "WAITING", "what was begun goes on"
        await server.command("customers", "unbar", "880214")
        assert (await customer.activate()).status == 201


async def test_keys_are_listed_without_secrets(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        key = await server.new_key("queue")
        listed = await server.command("keys", "list", "--json")
        assert [(one["accessKeyId"], one["name"]) for one in json.loads(listed)] == [(key.access_key_id, "queue")]
        assert key.secret not in listed
        assert await server.command("interactions", "unresolved") == "None.\n"


async def test_a_renewed_epoch_makes_apps_take_the_snapshot(tmp_path: Path) -> None:
    async with running(tmp_path) as server, Customer(server.url, "880214") as customer:
        wait = (await customer.start()).json
        renewed = (await server.command("epoch", "renew")).split()[-1]
        assert renewed != wait["epoch"]
        async with customer.follow(wait["sessionId"], after=1, epoch=wait["epoch"]) as stream:
            assert (stream.welcome["recovered"], stream.welcome["epoch"]) == (False, renewed)
            assert stream.welcome["snapshot"]["state"] == "WAITING"
