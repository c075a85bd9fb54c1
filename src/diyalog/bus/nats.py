"""The bus over NATS (core): every node listens on a subject of its own."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import cycle
from random import random, sample
from typing import Final

from diyalog.bus.nats_address import NatsAddress
from diyalog.bus.nats_connection import NatsConnection
from diyalog.bus.payload import payloads, rows_in
from diyalog.bus.standing import SessionEndedError, Standing
from diyalog.domain.ids import NodeId
from diyalog.ports_bus import BusFault, BusJournal

MOST_PENDING: Final = 20_000
"""Most rows that wait for the server to take them. Further ones are dropped, the newest first."""
_PROBE_EVERY_S: Final = 3.0
"""Together with the longest wait for an answer: a connection that died in silence is noticed after 8 s or so."""


class NatsBus:
    """Tells and listens over one connection to any server of a cluster.

    While there is none, nothing is kept: whoever connects reads the heads of its streams.
    """

    def __init__(
        self,
        node: NodeId,
        woken: Callable[[Sequence[int]], None],
        address: NatsAddress,
        journal: BusJournal,
        random: Callable[[], float] = random,
    ) -> None:
        self._node = node
        self._woken = woken
        self._address = address
        self._journal = journal
        self._servers = cycle(sample(address.servers, len(address.servers)))
        self._standing = Standing(self._session, journal, random)
        self._pending: dict[NodeId, set[int]] = {}
        self._count = 0
        self._said = asyncio.Event()
        self._ended: asyncio.Future[BusFault] | None = None
        """Why the session that runs now is over."""

    async def start(self) -> None:
        """Begin to connect."""
        self._standing.start()

    async def stop(self) -> None:
        """Close the connection."""
        self._end(BusFault.LOST)  # beside being cancelled, which nats-py may swallow
        await self._standing.stop()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._standing.connected

    def wake(self, node: NodeId, rows: Sequence[int]) -> None:
        """Send the rows in the next turn of the event loop, with all that is said until then."""
        if node == self._node or not self._standing.connected:
            return
        if self._count + len(rows) > MOST_PENDING:
            self._journal.bus_dropped(len(rows))
            return
        pending = self._pending.setdefault(node, set())
        before = len(pending)
        pending.update(rows)
        self._count += len(pending) - before
        self._said.set()

    async def _session(self, up: Callable[[], None]) -> None:
        ended = self._ended = asyncio.get_running_loop().create_future()
        connection = NatsConnection(self._address, self._end)
        try:
            await connection.open(next(self._servers))
            await connection.listen(subject(self._node), self._heard)
            self._forget()
            if not ended.done():
                up()
            await self._serve(connection, ended)
        finally:
            await connection.close()

    def _end(self, fault: BusFault) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(fault)

    async def _serve(self, connection: NatsConnection, ended: asyncio.Future[BusFault]) -> None:
        """Send what is said until the session ends; how it ended is raised."""

        async def send() -> None:
            try:
                while not ended.done():
                    await self._said.wait()
                    await self._send(connection)
            except SessionEndedError as error:
                self._end(error.fault)

        sending = asyncio.get_running_loop().create_task(send())
        try:
            while not ended.done():
                await connection.probe()
                await asyncio.wait({ended}, timeout=_PROBE_EVERY_S)
        except SessionEndedError as error:
            self._end(error.fault)
        finally:
            self._end(BusFault.LOST)
            connection.abort()  # so that nothing below can still wait for the server
            sending.cancel()
            self._forget()
            self._said.set()
            await asyncio.wait({sending})
        raise SessionEndedError(ended.result())

    async def _send(self, connection: NatsConnection) -> None:
        pending = self._pending
        self._forget()
        for node, rows in pending.items():
            for payload in payloads(rows):
                await connection.publish(subject(node), payload.encode())

    def _forget(self) -> None:
        self._pending = {}
        self._count = 0
        self._said.clear()

    def _heard(self, payload: bytes) -> None:
        try:
            if rows := rows_in(payload.decode("ascii", "replace")):
                self._woken(rows)
        except Exception as error:  # noqa: BLE001  the listener's fault must not end the session
            self._journal.failed("bus", error)


def subject(node: NodeId) -> str:
    """The subject on which a node listens."""
    return f"diyalog.node.{node}"
