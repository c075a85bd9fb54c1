"""Several real servers on one PostgreSQL database, and clients that may be connected to any of them."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from e2e.world import eventually
from kit.server import Company, Customer, Server

STOPPED_S = 45.0


@dataclass
class Cluster:
    """The database, its servers, and the company before each of them; `stack` closes what tests open."""

    url: str
    servers: list[Server]
    companies: list[Company]
    stack: AsyncExitStack

    async def customer(self, node: int, customer_id: str) -> Customer:
        """A customer's app that speaks to one node."""
        return await self.stack.enter_async_context(Customer(self.servers[node].url, customer_id))

    async def moved(self, customer: Customer, node: int) -> Customer:
        """The same app, speaking to another node."""
        other = await self.customer(node, customer.customer_id)
        other.token = customer.token
        return other

    async def present(self, session_id: str) -> None:
        """Wait until the database knows to which node the session's app is connected."""
        connection = await asyncpg.connect(self.url)

        async def stored() -> bool:
            return await connection.fetchval("SELECT present FROM wait WHERE session_id = $1", session_id) is not None

        try:
            await eventually(stored, 10, "the customer's app is present")
        finally:
            await connection.close()

    async def metric(self, node: int, name: str) -> float:
        """The value of a metric without labels."""
        reply = await self.companies[node].send("GET", "/metrics", headers={})
        lines = dict(line.rpartition(" ")[::2] for line in reply.text.splitlines() if not line.startswith("#"))
        return float(lines[name])


@asynccontextmanager
async def cluster(folder: Path, url: str, nodes: int, **settings: str) -> AsyncIterator[Cluster]:
    """Nodes on the database `url`, in open access and with the built-in queue unless told otherwise."""
    key_file = folder / "secret.key"
    key_file.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    servers = []
    for number in range(nodes):
        own = folder / f"node-{number}"
        own.mkdir()
        shared = {"database_url": url, "secret_key_file": str(key_file), "open_access": "true"}
        servers.append(Server(own, **shared, **settings))
    async with AsyncExitStack() as stack:
        for server in servers:
            await server.start()
            stack.push_async_callback(_stop, server)
        key = await servers[0].new_key()
        companies = [await stack.enter_async_context(Company(server.url, key)) for server in servers]
        yield Cluster(url, servers, companies, stack)


async def _stop(server: Server) -> None:
    if server.running:
        try:
            async with asyncio.timeout(STOPPED_S):
                await server.stop()
        except TimeoutError:
            await server.kill()
            raise
