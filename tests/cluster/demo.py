"""`./dev cluster`: the demo's story on three nodes that share PostgreSQL and NATS, one of which dies in the middle.

The database and the bus are real servers out of the wheels that the tests use, which is why this stands among the
tests; the nodes are `diyalog serve`, each in a folder of its own that is thrown away afterwards.
"""

import argparse
import asyncio
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp

from diyalog.demo import MESSAGE, READY_S, free_port
from diyalog.demo_screen import DemoError, Key, company_calls, customer_calls, say, show_frame
from diyalog.simulator.company import Company
from diyalog.simulator.giving_up import GivingUp
from kit.leash import Leash
from kit.nats import PASSWORD, USER, WITH_PASSWORD, nats_server
from kit.postgres import PostgresServer
from kit.server import Server

NODES = 3
GIVE_UP_S = 20.0
FIRST_PORT = 8081
EVENTS = "/v1/client/events"


@dataclass
class Node:
    """One server, whose process ends with ours."""

    server: Server
    leash: Leash | None = None

    @property
    def url(self) -> str:
        return self.server.url

    async def start(self) -> None:
        await self.server.start()
        self.leash = Leash(self.server.folder, self.server.pid)

    async def kill(self) -> None:
        await self.server.kill()
        self._release()

    async def stop(self) -> None:
        if self.server.running:
            with suppress(ProcessLookupError):  # Ctrl-C reaches it, too
                self.server.signal(signal.SIGTERM)
            await self.server.exited()
        self._release()

    def _release(self) -> None:
        if self.leash is not None:
            self.leash.release()
            self.leash = None


@dataclass
class Waiting:
    """A customer's app on the waiting screen. `seq`: the last event of its stream that it has seen."""

    token: str
    session: str
    interaction: str
    epoch: str
    seq: int

    @asynccontextmanager
    async def connected(self, http: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """The event stream at one node, from where the app has got to."""
        hello = {"type": "hello", "sessionId": self.session, "after": self.seq, "epoch": self.epoch}
        async with http.ws_connect(EVENTS) as stream:
            await stream.send_json({**hello, "token": self.token})
            show_frame("app ->", hello)
            welcome = await stream.receive_json(timeout=READY_S)
            show_frame("app <-", welcome)
            if not welcome["recovered"]:
                raise DemoError("the node does not know the stream")
            yield stream

    async def told(self, stream: aiohttp.ClientWebSocketResponse) -> None:
        """The app learns why nobody comes, confirms it, and the stream is closed."""
        ended: dict[str, Any] = await stream.receive_json(timeout=READY_S)
        show_frame("app <-", ended)
        await stream.send_json({"type": "ack", "seq": ended["seq"]})
        show_frame("app ->", {"type": "ack", "seq": ended["seq"]})
        closed = await stream.receive(timeout=READY_S)
        if ended["seq"] != self.seq + 1 or ended["data"]["message"] != MESSAGE or closed.data != aiohttp.WSCloseCode.OK:
            raise DemoError("the customer was not told")


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story; with `--once` end after it, otherwise stay up until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="./dev cluster", description="Play the story on three nodes.")
    parser.add_argument("--once", action="store_true", help="end after the story")
    once: bool = parser.parse_args(arguments).once
    postgres = PostgresServer(durable=True)
    try:
        with tempfile.TemporaryDirectory(prefix="diyalog-cluster-") as folder, nats_server(WITH_PASSWORD) as nats:
            postgres.start()
            bus_url = f"nats://{USER}:{PASSWORD}@{nats.address}"
            asyncio.run(_play(Path(folder), postgres.create_database(), bus_url, once=once))
    except DemoError as error:
        sys.stderr.write(f"cluster: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        postgres.remove()
    return 0


async def _play(folder: Path, database_url: str, bus_url: str, *, once: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    company = Company()
    queue_url = await company.start()
    nodes = _nodes(folder, database_url=database_url, bus_url=bus_url, queue_url=queue_url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(company.stop)
        for node in nodes:
            stack.push_async_callback(node.stop)
            await node.start()
        made = await nodes[0].server.new_key("demo-queue")
        key = Key(made.access_key_id, made.secret)
        say(f"PostgreSQL and a NATS server are up; three nodes share them: {', '.join(node.url for node in nodes)}")
        telling = asyncio.create_task(_story(nodes, key))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({telling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            telling.cancel()
            return
        await telling
        if not once:
            await nodes[0].start()
            terms = GivingUp(nodes[1].url, key.access_key_id, key.secret, after=GIVE_UP_S, message=MESSAGE)
            company.giving_up = terms
            _show_addresses(nodes)
        else:
            stopping.set()
        await stopped


def _nodes(folder: Path, **settings: str) -> list[Node]:
    """Nodes that are not started yet, with one secret key."""
    key_file = folder / "secret.key"
    key_file.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    key_file.chmod(0o600)
    shared = {
        "secret_key_file": str(key_file),
        "open_access": "true",
        "queue": "http",
        "queue_repeatable": "true",
        "drain_seconds": "1",
        **settings,
    }
    nodes = []
    for number in range(NODES):
        own = folder / f"node-{number + 1}"
        own.mkdir()
        nodes.append(Node(Server(own, port=str(free_port(FIRST_PORT + number)), **shared)))
    return nodes


async def _story(nodes: Sequence[Node], key: Key) -> None:
    one, two, three = [aiohttp.ClientSession(node.url) for node in nodes]
    async with one, two, three:
        await _told_by_another_node(one, two, key)
        await _goes_on_elsewhere(nodes[0], (one, two, three), key)
    say(
        f"Both customers saw: “{MESSAGE}”\n"
        "Any node ends a wait whose customer is connected to any other, and a node that dies takes nobody with it."
    )


async def _told_by_another_node(one: aiohttp.ClientSession, two: aiohttp.ClientSession, key: Key) -> None:
    say("1. A customer asks node 1 for help and waits there.")
    waiting = await _asks(one, "880214", "Ayşe Yıldız")
    async with waiting.connected(one) as stream:
        say("2. Nobody is free. The company's queue says so to node 2, with a signed request.")
        began = time.perf_counter()
        await company_calls(two, key, {"interactionId": waiting.interaction, "message": MESSAGE})
        say("3. Node 2 wakes node 1 over NATS, and the customer's app learns why.")
        await waiting.told(stream)
        say(f"   From the queue's request to the closed stream: {(time.perf_counter() - began) * 1000:.0f} ms.")


async def _goes_on_elsewhere(node: Node, sessions: Sequence[aiohttp.ClientSession], key: Key) -> None:
    one, two, three = sessions
    say("4. The next customer waits at node 1, too.")
    waiting = await _asks(one, "880215", "Deniz Kaya")
    async with waiting.connected(one) as stream:
        say("5. Node 1 is killed (kill -9). The customer's connection breaks.")
        await node.kill()
        lost = await stream.receive(timeout=READY_S)
        if lost.type not in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR}:
            raise DemoError("the customer's connection did not break")
    say(f"6. The app goes on at node 3, after the event it saw last ({waiting.seq}): no gap, no repeat.")
    async with waiting.connected(three) as stream:
        say("7. The queue gives up on this customer at node 2, and they are told at node 3.")
        await company_calls(two, key, {"interactionId": waiting.interaction, "message": MESSAGE})
        await waiting.told(stream)


async def _asks(http: aiohttp.ClientSession, customer_id: str, name: str) -> Waiting:
    """The customer opens help in the app."""
    activation = {"customerId": customer_id, "customerName": name}
    token = (await customer_calls(http, "POST", "/v1/client/activations", activation))["clientToken"]
    ask = {"helpType": "chat", "attachedData": {"topic": "CardLimit"}}
    begun = await customer_calls(http, "POST", "/v1/client/help", ask, token)
    return Waiting(token, begun["sessionId"], begun["interactionId"], begun["epoch"], begun["seq"])


def _show_addresses(nodes: Sequence[Node]) -> None:
    start = urlencode({"customerId": "880216", "customerName": "Deniz", "helpType": "chat", "lang": "en"})
    pages = "\n".join(
        f"     node {number} (process {node.server.pid}): {node.url}/app/help.html#/start?{start}"
        for number, node in enumerate(nodes, start=1)
    )
    say(
        f"Node 1 is back. Now you: wait at any node; the queue gives up on you at node 2 after {GIVE_UP_S:g} s.\n"
        f"Kill a node's process and see what /readyz and /metrics of the others say.\n\n{pages}\n\n"
        f"This is process {os.getpid()}. Ctrl-C ends everything."
    )


if __name__ == "__main__":
    sys.exit(main())
