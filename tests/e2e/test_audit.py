"""The record of a real server: linked as it serves and when it stops, verified beside it, missed where it is cut."""

import asyncio
import json
import sys
from pathlib import Path

import apsw

from kit.server import Company, Customer, Server, running


async def status_of(server: Server, *words: str) -> int:
    """The exit status of a command on the server's data."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "diyalog", *words, env=server.environ, stdout=asyncio.subprocess.DEVNULL
    )
    return await asyncio.wait_for(process.wait(), 30)


async def one_wait(server: Server, company: Company, name: str) -> None:
    async with Customer(server.url, name) as customer:
        begun = (await customer.start()).json
        assert (await company.not_delivered(sessionId=begun["sessionId"])).status == 200


async def test_the_record_of_a_server(tmp_path: Path) -> None:
    async with running(tmp_path, drain_seconds="0") as server, Company(server.url, await server.new_key()) as company:
        await one_wait(server, company, "1")
        beside = json.loads(await server.command("audit", "verify", "--json"))
        assert beside["intact"]
        assert beside["linkedRows"] + beside["unlinkedRows"] == 2
        metrics = (await company.send("GET", "/metrics", headers={})).text
        assert "diyalog_audit_unlinked_rows " in metrics
        assert await server.stop() == 0
        head = (await server.command("audit", "head")).strip()
        assert head.startswith("2:"), "all rows are linked when it has stopped"
        await server.start()
        await one_wait(server, company, "2")
        await server.kill()
        await server.start()  # the rows that the killed one left are linked now
        assert await status_of(server, "audit", "verify", "--head", head) == 0
        assert await server.stop() == 0
        assert (await server.command("audit", "head")).startswith("4:")
        assert "alarm" not in server.log
        stranger = apsw.Connection(str(server.database))
        stranger.execute("DELETE FROM audit WHERE id > 2")
        stranger.execute("DELETE FROM audit_link WHERE last_id > 2")
        stranger.close()
        assert await status_of(server, "audit", "verify") == 1
        await server.start()
        assert await server.stop() == 0
        alarms = [line for line in map(json.loads, server.log.splitlines()) if line["event"] == "alarm"]
        assert [alarm["alarm"] for alarm in alarms] == ["audit_broken"]
