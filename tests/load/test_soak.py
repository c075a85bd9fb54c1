"""A soak: a steady mix against a real server and the simulated company, after which nothing is left or has grown."""

import asyncio
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from e2e.world import eventually, metric
from kit.checker import check_database
from kit.server import Caller, Company, Key, Server
from load.crowd import http_client
from load.mix import WAYS, Mix
from load.test_storm import nothing_logged_as_an_error

SECONDS = float(os.environ.get("DIYALOG_TEST_SOAK", "1"))
CUSTOMERS = 24
GROWTH_BYTES = 8 * 1024 * 1024
STORED_SHARE = 0.5
"""Resident memory may grow by so much after the warm-up, and by this share of what the database grew, whose pages are
kept in caches of 64 MB. A leak of 1 KB a wait is more than that within ten minutes."""
SAMPLES = 16
WARM_UP = 0.25
"""The part of the time after which memory is looked at first."""
GIVE_UP_S = 1.5
ABANDON_S = 1
SETTLED_S = 30.0
SCRIPT = {
    "create": ["answer", "slow=0.1", "refuse=Closed", "answer", "slow=0.4", "answer"] * 20,
    "delete": ["slow=0.2"] * 20,
}
"""What the company's queue does with the next requests, given to it again and again."""
REFILL_S = 2.0


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@asynccontextmanager
async def simulated_company(key: Key, diyalog_url: str) -> AsyncIterator[str]:
    """`diyalog simulate company`, which gives up on customers after a while; its address."""
    command = ["simulate", "company", "--give-up-after", str(GIVE_UP_S), "--diyalog-url", diyalog_url]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "diyalog", *command, "--access-key-id", key.access_key_id),
        env={**os.environ, "DIYALOG_ACCESS_KEY_SECRET": key.secret},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    reading = process.stdout
    try:
        first = (await asyncio.wait_for(reading.readline(), 30)).decode()
        assert first.startswith("The simulated company answers at "), first
        rest = asyncio.create_task(drain(reading))
        yield first.split()[-1]
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
        await rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def drain(reading: asyncio.StreamReader) -> None:
    while await reading.read(65_536):
        pass


async def keep_failing(queue_url: str, calls: aiohttp.ClientSession) -> None:
    while True:
        async with calls.post(f"{queue_url}/script", data=json.dumps(SCRIPT)) as answer:
            assert answer.status == 200, await answer.text()
        await asyncio.sleep(REFILL_S)


async def waits_of(url: str) -> Mapping[str, float]:
    """The counts of /metrics that must add up, all read at the same moment."""
    async with Caller(url) as caller:
        text = (await caller.send("GET", "/metrics", headers={})).text
    counts: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            match sample.name:
                case "diyalog_waits_created_total":
                    counts["created"] += int(sample.value)
                case "diyalog_waits_ended_total":
                    counts[sample.labels["outcome"]] += int(sample.value)
                case "diyalog_waits_open":
                    counts["open"] += int(sample.value)
    return counts


def adds_up(counts: Mapping[str, float]) -> None:
    outcomes = ("CONNECTED", "CANCELLED", "NOT_DELIVERED", "EXPIRED", "FAILED", "open")
    assert counts["created"] == sum(counts[name] for name in outcomes), counts


async def descriptors_are(url: str, number: float) -> None:
    async def back() -> bool:
        return await metric(url, "process_open_fds") <= number

    await eventually(back, SETTLED_S, f"at most {number} descriptors are open")


async def is_at_rest(url: str) -> None:
    async def rest() -> bool:
        left = [await metric(url, name) for name in ("diyalog_waits_open", "diyalog_outbox_rows", "diyalog_streams")]
        return left == [0, 0, 0]

    await eventually(rest, SETTLED_S, "no wait is open, no call is due, no stream is there")


async def watch_memory(url: str, samples: list[float]) -> None:
    while True:
        await asyncio.sleep(max(1.0, SECONDS / SAMPLES))
        samples.append(await metric(url, "process_resident_memory_bytes") / 1_000_000)


async def soak(server: Server, mix: Mix, queue_url: str) -> dict[str, Any]:
    """The mix, twice looked at while it runs; the figures."""
    url = server.url
    await mix.run(0.1, 2)  # opens what stays open: connections to the queue, the database's files
    await is_at_rest(url)
    descriptors = await metric(url, "process_open_fds")
    samples: list[float] = []
    aside = [asyncio.create_task(one) for one in (keep_failing(queue_url, mix.calls), watch_memory(url, samples))]
    await mix.run(SECONDS * WARM_UP, CUSTOMERS)
    adds_up(await waits_of(url))
    warm, stored = await metric(url, "process_resident_memory_bytes"), server.database.stat().st_size
    await mix.run(SECONDS * (1 - WARM_UP), CUSTOMERS)
    adds_up(await waits_of(url))
    assert not any(one.done() for one in aside)
    for one in aside:
        one.cancel()
    await is_at_rest(url)
    grown = await metric(url, "process_resident_memory_bytes") - warm
    stored = server.database.stat().st_size - stored
    return {
        "descriptors": descriptors,
        "grown": grown,
        "stored": stored,
        "resident": [round(one, 1) for one in samples],
    }


async def test_nothing_is_left_and_nothing_grows(tmp_path: Path) -> None:
    server = Server(tmp_path, open_access="true", port=free_port(), queue="builtin")
    key = await server.new_key()
    async with AsyncExitStack() as stack:
        queue_url = await stack.enter_async_context(
            simulated_company(key, f"http://127.0.0.1:{server.settings['port']}")
        )
        server.settings.update(
            queue="http",
            queue_url=queue_url,
            queue_repeatable="true",
            abandon_after=str(ABANDON_S),
            limit_starts="0",
            limit_auth_failures="0",
        )
        await server.start()
        try:
            async with Company(server.url, key) as company, http_client(0) as calls, http_client(0) as streams:
                mix = Mix(server.url, company, calls, streams, seed=int(os.environ.get("DIYALOG_TEST_SEED", "1")))
                figures = await soak(server, mix, queue_url)
                async with calls.get(f"{queue_url}/ledger") as answer:
                    interactions = (await answer.json())["interactions"]
            counts = await waits_of(server.url)
            adds_up(counts)
            await descriptors_are(server.url, figures["descriptors"])
            assert await metric(server.url, "diyalog_unhandled_errors_total") == 0
            assert await metric(server.url, "diyalog_requests_total", status="500") == 0
        finally:
            assert await server.stop() == 0
    sys.stdout.write(f"{SECONDS:g} s: {dict(counts)}, {dict(mix.done)}, {figures}\n")
    nothing_logged_as_an_error(server.log)
    ledger = {one["interaction_id"]: "deleted" if one["deleted_at"] else "open" for one in interactions}
    check_database(server.database, mix.told, ledger, settled=True)
    assert ledger, "the company's queue was used"
    assert counts["created"] == mix.started
    assert min(counts[outcome] for outcome in ("CANCELLED", "NOT_DELIVERED", "EXPIRED", "FAILED")) > 0, counts
    assert mix.done.keys() >= {*WAYS, "left", "refused", "reconnect", "bad"}, "all of the mix was played"
    assert figures["grown"] < GROWTH_BYTES + STORED_SHARE * figures["stored"], "resident memory grew"
