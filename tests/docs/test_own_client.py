"""A client written from the page alone keeps the page's promises on a bad network."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

from diyalog.domain.wait import Outcome, Reason
from diyalog.protocol.codec import decode
from diyalog.protocol.messages import Ack, Hello, Ping
from e2e.world import eventually
from kit.checker import Told, check_database
from kit.cutting import CuttingProxy, cutting
from kit.server import Company, Customer, Server, running

from .own_client import Kept, OwnClient, Pace
from .pages import DOCS, blocks, column

PAGE = DOCS / "writing_a_client.md"
UNTOLD = {Reason.QUEUE, Reason.QUEUE_REFUSED, Reason.QUEUE_TIMEOUT}
"""Reasons that say no more to a customer than their outcome does."""
LIMIT_S = 60.0
CUSTOMERS = 12
CUTS = 2 * CUSTOMERS + 1
PACE = Pace(ask=1.5, call=1.0, base=0.02, cap=0.3, silent=0.3, pong=0.5)


@dataclass
class Phone:
    """A customer's device: what is kept on it, and all that its screen ever showed."""

    customer_id: str
    kept: Kept = field(default_factory=Kept)
    screen: list[tuple[str, Any]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)

    def show(self, session_id: str, ended: dict[str, Any]) -> None:
        self.sessions.add(session_id)
        self.screen.append((ended["outcome"], ended.get("message")))

    def app(self, url: str) -> OwnClient:
        return OwnClient(url, self.customer_id, self.kept, self.show, PACE)


async def waiting(server: Server, customer_id: str) -> str:
    """The interaction in which the customer waits, once they do; asked on a good network."""
    async with Customer(server.url, customer_id) as looking:
        assert (await looking.activate()).status == 201

        async def found() -> bool:
            return (await looking.current()).status == 200

        await eventually(found, LIMIT_S, f"customer {customer_id} waits")
        interaction: str = (await looking.current()).json["interactionId"]
        return interaction


async def use(phone: Phone, proxy: CuttingProxy) -> None:
    """The app is closed and opened again at a chance moment, then left open until it is done."""
    url = f"http://127.0.0.1:{proxy.port}"
    first = asyncio.create_task(phone.app(url).get_help())
    await asyncio.wait([first], timeout=proxy.chance.uniform(0, 1))
    if not first.done():
        first.cancel()
        await asyncio.wait([first])
    if first.cancelled():  # and had not come to its end just before
        await phone.app(url).get_help()
    else:
        first.result()


async def keep_cutting(proxy: CuttingProxy) -> None:
    while True:
        await asyncio.sleep(proxy.chance.uniform(0, 0.04))
        proxy.cut_one()


async def give_up_on(phone: Phone, server: Server, company: Company, proxy: CuttingProxy, cuts: int) -> None:
    """Not before the network has failed so often."""
    interaction = await waiting(server, phone.customer_id)
    await proxy.has_cut(cuts)
    answer = await company.not_delivered(interactionId=interaction, message=f"Sorry, {phone.customer_id}.")
    assert answer.json["isSuccess"] is True


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_customer_is_told_once_however_often_the_network_fails(tmp_path: Path, seed: int) -> None:
    phones = [Phone(str(number)) for number in range(CUSTOMERS)]
    async with (
        running(tmp_path, limit_starts="0", limit_sockets_per_customer="0") as server,
        Company(server.url, await server.new_key()) as company,
        cutting(int(server.url.rpartition(":")[2]), Random(seed)) as proxy,
        asyncio.timeout(LIMIT_S),
    ):
        storm = asyncio.create_task(keep_cutting(proxy))
        apps = [asyncio.create_task(use(phone, proxy)) for phone in phones]
        await asyncio.gather(
            give_up_on(phones[0], server, company, proxy, CUTS),
            *(give_up_on(phone, server, company, proxy, proxy.chance.randint(0, CUTS)) for phone in phones[1:]),
        )
        storm.cancel()
        proxy.heal()
        await asyncio.gather(*apps)
    assert {phone.customer_id: phone.screen for phone in phones} == {
        phone.customer_id: [("NOT_DELIVERED", f"Sorry, {phone.customer_id}.")] for phone in phones
    }
    check_database(server.database, Told(received=set.union(*(phone.sessions for phone in phones))))
    assert count(server.database, "wait") == CUSTOMERS, "every customer asked once"


def count(database: Path, table: str) -> int:
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        [(rows,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    finally:
        connection.close()
    assert isinstance(rows, int)
    return rows


def test_the_client_messages_shown_are_legal() -> None:
    shown = [block.text for block in blocks(PAGE) if '"hello"' in block.text]
    shown += re.findall(r'`({"type": "(?:ack|ping)".*?})`', PAGE.read_text("utf-8"))
    assert [type(decode(text)) for text in shown] == [Hello, Ack, Ping]


def test_the_objects_shown_have_only_fields_that_are_sent() -> None:
    """The page on the event stream, whose examples are compared with a server's own messages, has them all."""
    known = set(re.findall(r'"(\w+)":', (DOCS / "stream_protocol.md").read_text("utf-8")))
    known |= {"customerId", "customerName", "deviceHash", "transactionHash", "clientToken", "expiresAt"}
    known |= {"attachedData", "topic"}
    shown = [block.text for block in blocks(PAGE) if block.kind == "json"]
    assert len(shown) > 6
    for text in shown:
        assert set(re.findall(r'"(\w+)":', text)) - known == set()
        assert isinstance(json.loads(text), dict)


def test_the_page_has_a_word_for_every_outcome_and_reason() -> None:
    rows = "\n".join(" ".join(row) for row in column(PAGE, "| outcome | the customer |"))
    assert set(re.findall(r"`([A-Z_]+)`", rows)) == set(Outcome)
    assert set(re.findall(r"`([a-z_]+)`", rows)) == set(Reason) - UNTOLD


def test_the_client_uses_nothing_of_ours() -> None:
    program = (Path(__file__).parent / "own_client.py").read_text("utf-8")
    assert "import diyalog" not in program
    assert "from diyalog" not in program
    assert "from kit" not in program
