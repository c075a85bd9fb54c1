"""The database loses answers and goes away under load: requests are refused for a while, nothing is lost or doubled."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from cluster.party import Party, party
from e2e.world import eventually
from kit.cutting import CuttingProxy, obedient
from kit.postgres import PostgresServer
from kit.server import Caller, Server

CRASHES = int(os.environ.get("CRASHES", "1"))
LONGEST_ANSWER_S = 15.0
REFUSALS = 20
LOST_ANSWERS = 8
LOSE = 0.04
"""The chance that the answer to one piece of what a node sends to the database is lost."""


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


async def lose_answers(here: Party, proxy: CuttingProxy) -> None:
    """Commits and statements of one node are carried out, and it is not told."""
    chance, goal = Random(here.dice.random()), proxy.answers_lost + LOST_ANSWERS
    await here.load.progress(20)
    proxy.lose_answers(lambda _: chance.random() < LOSE)

    async def lost() -> bool:
        return proxy.answers_lost >= goal

    await eventually(lost, 60, "answers are lost")
    proxy.lose_answers(None)
    await here.load.progress(20)


async def crash(here: Party, postgres: PostgresServer) -> None:
    """The server stops as if its power were cut, and stays away until everybody has felt it."""
    await asyncio.to_thread(postgres.stop, "immediate")
    goal = here.seen.refused + REFUSALS

    async def refused() -> bool:
        return here.seen.refused >= goal

    await eventually(refused, 30, "requests are refused")
    for number, server in enumerate(here.nodes.servers):
        ready = await here.nodes.ready(number)
        assert (ready.status, ready.json["store"]) == (503, "unavailable")
        async with Caller(server.url) as caller:
            assert (await caller.send("GET", "/livez", headers={})).status == 200
    await asyncio.to_thread(postgres.start)
    for number in range(len(here.nodes.servers)):
        await here.nodes.says(number, "store", "ok", 10)
        await here.nodes.says(number, "bus", "ok", 10)
    await here.load.progress(20)


async def test_a_database_that_loses_answers_and_crashes(tmp_path: Path, own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database()
    async with obedient(own_postgres.port) as proxy:

        def make(number: int, folder: Path, settings: dict[str, str]) -> Server:
            through = url.replace(f":{own_postgres.port}/", f":{proxy.port}/")
            return Server(folder, **{**settings, "database_url": through if number == 0 else url})

        async with party(tmp_path, own_postgres, url, make=make) as here:

            async def faults() -> None:
                for _ in range(CRASHES):
                    here.play_faults()
                    await lose_answers(here, proxy)
                    await crash(here, own_postgres)

            await here.under_load(faults, 60 + 60 * CRASHES)
            assert here.seen.longest_s < LONGEST_ANSWER_S
            assert here.seen.cuts == [], "a database that is away cuts no request"
            assert here.seen.codes.keys() <= {1013}, "streams stay, or are asked to try again"
            await here.settle()
            assert all(server.running for server in here.nodes.servers)
