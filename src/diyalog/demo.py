"""`./dev demo`: the two stories Diyalog is made for, told once with real requests, then pages to try them on.

A customer asks for help, the company's queue takes the request, nobody is free, the queue gives up with a signed
request, and the customer is told why. Another one asks, and an agent comes. The server is `diyalog serve` on the
embedded database in a folder that is thrown away afterwards; the company is the one of `diyalog simulate company`.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import aiohttp

from diyalog.demo_agent import AGENT, somebody_comes
from diyalog.demo_screen import DemoError, Key, company_calls, customer_calls, say, show_frame
from diyalog.simulator.company import Company
from diyalog.simulator.giving_up import GivingUp

GIVE_UP_S: Final = 120.0
READY_S: Final = 30.0
_STOP_S: Final = 20.0
MESSAGE: Final = "All of our agents are on other calls. Please try again on weekdays after 14:00."


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story; with `--once` end after it, otherwise stay up until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--once", action="store_true", help="end after the story")
    once: bool = parser.parse_args(arguments).once
    with tempfile.TemporaryDirectory(prefix="diyalog-demo-") as folder:
        try:
            asyncio.run(_demo(Path(folder), once=once))
        except DemoError as error:
            sys.stderr.write(f"demo: {error}\n")
            return 1
        except KeyboardInterrupt:
            return 0
    return 0


async def _demo(folder: Path, *, once: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    company = Company()
    queue_url = await company.start()
    environ = _environment(folder, queue_url)
    key = await _make_key(environ)
    command = [sys.executable, "-m", "diyalog", "serve"]
    with (folder / "server.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            *command, env=environ, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
        )
    try:
        url = await _ready(server, folder)
        company.giving_up = GivingUp(url, key.access_key_id, key.secret, after=GIVE_UP_S, message=MESSAGE)
        async with aiohttp.ClientSession(url) as http:
            await _nobody_comes(http, key)
            await somebody_comes(http)
        if not once:
            _show_pages(url)
            await stopping.wait()
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGTERM)
            await asyncio.wait_for(server.wait(), _STOP_S)
        await company.stop()


def _environment(folder: Path, queue_url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIYALOG_")}
    return {
        **kept,
        "DIYALOG_DATA_DIR": str(folder),
        "DIYALOG_PORT": os.environ.get("DIYALOG_PORT") or str(free_port(8080)),
        "DIYALOG_OPEN_ACCESS": "true",
        "DIYALOG_QUEUE": "http",
        "DIYALOG_QUEUE_URL": queue_url,
        "DIYALOG_QUEUE_REPEATABLE": "true",
    }


def free_port(wanted: int) -> int:
    """The wanted port when it is free, else 0 for any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


async def _make_key(environ: Mapping[str, str]) -> Key:
    command = [sys.executable, "-m", "diyalog", "keys", "create", "demo-queue", "--json"]
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise DemoError("the access key could not be made; see above")
    made = json.loads(output)
    return Key(made["accessKeyId"], made["accessKeySecret"])


async def _ready(server: asyncio.subprocess.Process, folder: Path) -> str:
    """The server's address, from the one line it prints when it is ready."""
    assert server.stdout is not None, "piped"
    try:
        line = (await asyncio.wait_for(server.stdout.readline(), READY_S)).decode()
    except TimeoutError:
        raise DemoError(f"the server was not ready after {READY_S:g} s") from None
    address = next((word for word in line.split() if word.startswith("http")), None)
    if address is None:
        raise DemoError("the server did not start:\n" + (folder / "server.log").read_text())
    return address


async def _nobody_comes(http: aiohttp.ClientSession, key: Key) -> None:
    say("1. A customer opens help in the company's app.")
    activation = {"customerId": "880214", "customerName": "Ayşe Yıldız"}
    token = (await customer_calls(http, "POST", "/v1/client/activations", activation))["clientToken"]
    ask = {"helpType": "chat", "attachedData": {"topic": "CardLimit"}}
    help_object = await customer_calls(http, "POST", "/v1/client/help", ask, token)
    session, interaction = help_object["sessionId"], help_object["interactionId"]
    say(
        f"2. Diyalog had the company's queue create interaction {interaction}. The customer is on the waiting screen,\n"
        "   connected to the event stream of the session."
    )
    async with http.ws_connect("/v1/client/events") as stream:
        hello = {"type": "hello", "sessionId": session, "after": help_object["seq"], "epoch": help_object["epoch"]}
        await stream.send_json({**hello, "token": token})
        show_frame("app <-", await stream.receive_json(timeout=READY_S))
        say("3. Nobody is free. The queue says so with a signed request, and Diyalog ends the wait.")
        body = {"interactionId": interaction, "message": MESSAGE}
        await company_calls(http, key, body)
        say("4. The customer's app learns why, at once, and confirms it.")
        ended = await stream.receive_json(timeout=READY_S)
        show_frame("app <-", ended)
        await stream.send_json({"type": "ack", "seq": ended["seq"]})
        closed = await stream.receive(timeout=READY_S)
        show_frame("app ->", {"type": "ack", "seq": ended["seq"]})
        if ended["data"]["message"] != MESSAGE or closed.data != aiohttp.WSCloseCode.OK:
            raise DemoError("the customer was not told")
    say("5. The queue repeats itself: nobody waits there any more (errorCode 402), and nothing changes.")
    await company_calls(http, key, body)
    say(f"The customer saw: “{MESSAGE}”\nEvery wait ends in exactly one outcome that the customer's app learns of.")


def _show_pages(url: str) -> None:
    customer = urlencode({"customerId": "880216", "customerName": "Ayşe Yıldız", "helpType": "chat", "lang": "en"})
    agent = urlencode({**AGENT, "lang": "en"})
    say(
        "Now you: open these side by side, ask for help as the customer, and take the wait as the agent.\n\n"
        f"     customer  {url}/app/help.html#/start?{customer}\n"
        f"     agent     {url}/app/agentchat.html#/auth?{agent}\n\n"
        f"Or let the customer wait: the simulated company gives up after {GIVE_UP_S:g} s and says why.\n"
        f"Documents for integrators: {url}/docs        Metrics: {url}/metrics\n"
        "Ctrl-C ends the demo."
    )


if __name__ == "__main__":
    sys.exit(main())
