"""Two thousand people in conversation: the generator of the chat measurement, a program of its own.

Customers and agents are connected and talk at a steady pace, each message sent by HTTP and timed from the moment at
which it was due until it is on the other side's socket. Needs aiohttp, which Diyalog's environment has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

_AT_ONCE: Final = 32
_LATE_S: Final = 10.0
_HERTZ: Final = os.sysconf("SC_CLK_TCK")
_TEXT: Final = "I have moved, and my card is still sent to the old address. What is to be done?"


@dataclass
class Talk:
    """One conversation: who talks, and what each side has heard, by number."""

    session: str
    customer: str
    agent: str
    heard: dict[str, list[tuple[int, str, str]]] = field(default_factory=lambda: {"customer": [], "agent": []})


class Load:
    """Connects everybody, lets them talk, and looks at what came."""

    def __init__(self, http: aiohttp.ClientSession, url: str, chats: int, chats_each: int) -> None:
        self._http = http
        self._url = url
        self._chats = chats
        self._chats_each = chats_each
        self._readers: list[asyncio.Task[None]] = []
        self._due: dict[str, float] = {}
        self.talks: dict[str, Talk] = {}
        self.times: list[float] = []
        self.faults: Counter[str] = Counter()
        self._sent: dict[str, str] = {}
        self._heard = 0
        self._new = asyncio.Event()

    async def _post(self, path: str, token: str | None, body: dict[str, Any], *, expected: int = 201) -> dict[str, Any]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self._http.post(self._url + path, json=body, headers=headers) as answer:
            found: dict[str, Any] = await answer.json()
            if answer.status != expected:
                raise RuntimeError(f"{path}: {answer.status} {found}")
            return found

    async def connect(self) -> None:
        """Everybody comes, and every customer is taken by an agent."""
        agents = -(-self._chats // self._chats_each)
        turn = asyncio.Semaphore(_AT_ONCE)

        async def agent(number: int) -> None:
            async with turn:
                signed = await self._post(
                    "/v1/staff/sessions", None, {"userId": f"a{number}", "userName": f"Agent {number}"}
                )
                await self._follow("/v1/staff/events", {"token": signed["staffToken"]}, "agent")
            first = number * self._chats_each
            for customer in range(first, min(first + self._chats_each, self._chats)):
                async with turn:
                    await self._begin(customer, signed["staffToken"])

        await asyncio.gather(*(agent(number) for number in range(agents)))

    async def _begin(self, number: int, agent: str) -> None:
        active = await self._post("/v1/client/activations", None, {"customerId": f"c{number}"})
        token = active["clientToken"]
        session = (await self._post("/v1/client/help", token, {"helpType": "chat"}))["sessionId"]
        self.talks[session] = Talk(session, token, agent)
        await self._follow("/v1/client/events", {"token": token, "sessionId": session}, "customer")
        await self._post("/v1/staff/conversations", agent, {"sessionId": session})

    async def _follow(self, path: str, hello: dict[str, str], side: str) -> None:
        socket = await self._http.ws_connect(self._url + path, compress=0, autoping=True)
        await socket.send_json({"type": "hello", "after": 0, **hello})
        welcome = await socket.receive_json(timeout=_LATE_S)
        assert welcome["type"] == "welcome", welcome
        self._readers.append(asyncio.create_task(self._read(socket, side, hello.get("sessionId"))))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, side: str, session: str | None) -> None:
        async for received in socket:
            now = time.perf_counter()
            message = json.loads(received.data)
            if message["type"] != "event" or message["event"] != "chat.message":
                continue
            data = message["data"]
            of, seq = (session, message["seq"]) if session is not None else (data["conversationId"], data["seq"])
            self.talks[of].heard[side].append((seq, data["id"], data["text"]))
            if data["author"] != side:
                self.times.append(now - self._due[data["id"]])
            self._heard += 1
            self._new.set()
            if session is not None:
                await socket.send_str(f'{{"type":"ack","seq":{seq}}}')
            elif data["author"] != side:
                await socket.send_str(f'{{"type":"read","conversationId":"{of}","seq":{seq}}}')
        self.faults["closed"] += not socket.closed

    async def talk(self, pace: float, seconds: float) -> float:
        """Let them talk at this many messages a second; the longest time that one was sent late."""
        talks, chance = list(self.talks.values()), random.Random(1)
        count, began, lag = int(pace * seconds), time.perf_counter() + 0.1, 0.0
        wanted = len(self.times) + count
        sending: set[asyncio.Task[None]] = set()
        for number in range(count):
            due = began + number / pace
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            lag = max(lag, time.perf_counter() - due)
            task = asyncio.create_task(self._say(chance.choice(talks), chance.choice(("customer", "agent")), due))
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.gather(*sending)
        async with asyncio.timeout(_LATE_S):
            while len(self.times) < wanted:
                self._new.clear()
                await self._new.wait()
        return lag

    async def _say(self, talk: Talk, side: str, due: float) -> None:
        name = f"m-{len(self._sent)}"
        self._due[name], self._sent[name] = due, f"{name}: {_TEXT}"
        path = f"/v1/client/help/{talk.session}" if side == "customer" else f"/v1/staff/conversations/{talk.session}"
        token = talk.customer if side == "customer" else talk.agent
        await self._post(f"{path}/messages", token, {"id": name, "text": self._sent[name]})

    async def settle(self) -> None:
        """Wait until both sides have heard everything, and look at it."""
        async with asyncio.timeout(_LATE_S):
            while self._heard < 2 * len(self._sent):
                self._new.clear()
                await self._new.wait()
        for talk in self.talks.values():
            customer, agent = talk.heard["customer"], talk.heard["agent"]
            numbers = [seq for seq, _, _ in customer]
            self.faults["order differs"] += customer != agent
            self.faults["repeated or out of order"] += numbers != sorted(set(numbers))
            self.faults["text differs"] += sum(self._sent[name] != text for _, name, text in customer)
        heard = [name for talk in self.talks.values() for _, name, _ in talk.heard["customer"]]
        self.faults["lost or repeated"] += sorted(heard) != sorted(self._sent)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _HERTZ


def _busy_seconds(core: int) -> float:
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _, _, irq, softirq, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq) / _HERTZ


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """One run against a server."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as http:
        load = Load(http, f"http://127.0.0.1:{options.port}", options.chats, options.chats_each)
        await load.connect()
        await load.talk(options.pace, options.warmup)
        await load.settle()
        load.times.clear()
        wall, own, server = time.perf_counter(), time.process_time(), _cpu_seconds(options.pid)
        core = _busy_seconds(options.core)
        lag = await load.talk(options.pace, options.seconds)
        wall = time.perf_counter() - wall
        own, server, core = (
            time.process_time() - own,
            _cpu_seconds(options.pid) - server,
            _busy_seconds(options.core) - core,
        )
        await load.settle()
        times = sorted(load.times)
        return {
            "at": "done",
            "messages": len(times),
            "p50_ms": times[len(times) // 2] * 1e3,
            "p99_ms": times[len(times) * 99 // 100] * 1e3,
            "longest_ms": times[-1] * 1e3,
            "send_lag_ms": lag * 1e3,
            "generator_cpu": own / wall,
            "server_cpu": server / wall,
            "others_cpu": max(0.0, core - server) / wall,
            "faults": {name: count for name, count in load.faults.items() if count},
        }


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("--port", "--pid", "--core", "--chats", "--chats-each"):
        parser.add_argument(name, type=int, required=True)
    for name in ("--pace", "--seconds", "--warmup"):
        parser.add_argument(name, type=float, required=True)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
