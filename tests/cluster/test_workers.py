"""`diyalog serve --workers N`: several processes on one port."""

import asyncio
import os
import re
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from cluster.nodes import cluster
from e2e.world import eventually
from kit.server import Customer, StreamClosedError

CUSTOMERS = 24


def children(parent: int) -> set[int]:
    return {int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()}


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_customers_of_all_processes_are_told_and_a_process_that_dies_is_replaced(
    tmp_path: Path, database_url: str
) -> None:
    async with cluster(tmp_path, database_url, 1, workers="2") as nodes:
        server, company = nodes.servers[0], nodes.companies[0]
        before = children(server.pid)
        assert len(before) == 2
        async with AsyncExitStack() as stack:
            streams = []
            for number in range(CUSTOMERS):
                customer = await stack.enter_async_context(Customer(server.url, f"customer-{number}"))
                begun = (await customer.start()).json
                follow = customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"])
                streams.append((begun, await stack.enter_async_context(follow)))
            for begun, _ in streams:
                assert (await company.not_delivered(sessionId=begun["sessionId"])).json["isSuccess"] is True
            for _, stream in streams:
                assert (await stream.event("wait.ended"))["data"]["outcome"] == "NOT_DELIVERED"
        os.kill(min(before), signal.SIGKILL)

        async def replaced() -> bool:
            return len(children(server.pid)) == 2 and children(server.pid) != before

        await eventually(replaced, 10, "another process runs instead")
        customer = await nodes.customer(0, "afterwards")
        assert (await customer.start()).status == 201
        assert await server.stop() == 0
        assert not [pid for pid in before if alive(pid)]


async def test_a_stop_drains_every_process(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 1, workers="3", drain_seconds="1") as nodes:
        server = nodes.servers[0]
        async with AsyncExitStack() as stack:
            streams = []
            for number in range(CUSTOMERS):
                customer = await stack.enter_async_context(Customer(server.url, f"customer-{number}"))
                begun = (await customer.start()).json
                follow = customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"])
                streams.append(await stack.enter_async_context(follow))
            server.signal(signal.SIGTERM)
            closed = await asyncio.gather(*(stream.next() for stream in streams), return_exceptions=True)
            assert await server.exited() == 0
        codes = {close.code for close in closed if isinstance(close, StreamClosedError)}
        assert codes == {1012}
        assert all(re.fullmatch(r"\d+\.\d\d", close.reason) for close in closed if isinstance(close, StreamClosedError))


async def test_more_processes_than_one_need_a_shared_database(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "diyalog", "serve", "--workers", "2", "--data-dir", str(tmp_path)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    line = "diyalog: DIYALOG_WORKERS (given as --workers): the embedded database serves one process; set DIYALOG_DATABA"
    assert errors.decode().startswith(line)
    assert errors.count(b"\n") == 1
