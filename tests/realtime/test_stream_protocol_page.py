"""The page on the event stream: its names are the program's, and its client works against a real server."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from diyalog.domain.wait import Outcome, Place, Reason
from diyalog.protocol.codec import decode
from diyalog.protocol.codes import CloseCode, is_final
from diyalog.protocol.messages import Ack, Hello, Ping, Read, Typing
from diyalog.server.options import ServerOptions
from diyalog.server.server import Server

from .world import LIMIT_S, World

PAGE = (Path(__file__).parents[2] / "docs" / "stream_protocol.md").read_text()

_Scope = MutableMapping[str, Any]
_Client = Callable[[str, str, str], Awaitable[dict[str, object]]]


def test_every_close_code_stands_in_the_table() -> None:
    rows = re.findall(r"^\| (\d{4}) \| .+ \| (.+) \|$", PAGE, re.MULTILINE)
    assert {int(code) for code, _ in rows} == {int(code) for code in CloseCode}
    assert {int(code) for code, then in rows if then.startswith("final")} == {
        int(code) for code in CloseCode if is_final(code)
    }


def test_every_outcome_and_reason_is_named() -> None:
    for word in (*Outcome, *Reason):
        assert f"`{word}`" in PAGE


def test_the_client_messages_shown_are_legal() -> None:
    said = ("hello", "ack", "ping", "typing", "read")
    shown = [text for text in re.findall(r"```json\n(.+)\n```", PAGE) if json.loads(text)["type"] in said]
    assert [decode(text) for text in shown] == [
        Hello("nq3cXk2w...", "019a0000-0000-7000-8000-000000000001", 0, None),
        Ack(2),
        Ping(),
        Typing(),
        Read(5),
    ]


async def test_the_server_messages_shown_have_the_fields_that_are_sent(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    [stream] = world.hub.followers()
    stream.placed(Place(7, 45_000))
    await world.not_delivered(wait.session_id)
    socket.say(type="ping")
    sent = {message.get("event", message["type"]): message for message in socket.messages}
    for text in re.findall(r"```json\n(.+)\n```", PAGE):
        shown = json.loads(text)
        if shown["type"] in ("welcome", "event", "pong"):
            like = sent[shown.get("event", shown["type"])]
            assert list(shown) == list(like)
            for inner in ("snapshot", "data"):
                assert list(shown.get(inner, ())) == list(like.get(inner, ()))


# -- the page's client


def _client() -> _Client:
    program = re.search(r"```python\n(.+?)```", PAGE, re.DOTALL)
    assert program is not None
    names: dict[str, object] = {}
    exec(compile(program.group(1), "stream_protocol.md", "exec"), names)
    return cast("_Client", names["outcome"])


@asynccontextmanager
async def _serving(world: World) -> AsyncIterator[str]:
    """A real server with this world's streams; its stream address."""

    async def application(
        scope: _Scope,
        receive: Callable[[], Awaitable[_Scope]],
        send: Callable[[_Scope], Awaitable[None]],
    ) -> None:
        assert scope["type"] == "lifespan"
        scope["state"]["sockets"] = world.streams
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    failures: list[BaseException] = []
    options = ServerOptions(port=0, drain_seconds=0.0, handle_signals=False)
    server = Server(application, options, on_ready=ready.set_result, on_error=failures.append)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(LIMIT_S):
        address = await ready
    yield address.replace("http://", "ws://") + "/v1/client/events"
    server.stop()
    async with asyncio.timeout(LIMIT_S):
        await serving
    assert failures == []


_EXPECTED = {
    "outcome": "NOT_DELIVERED",
    "reason": "queue",
    "message": "Nobody is free.",
    "interactionId": "D100001",
}


async def test_the_client_learns_the_outcome_and_acknowledges_it(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    async with _serving(world) as url, asyncio.timeout(LIMIT_S):
        here = world.store.hold("present.before")
        client = asyncio.ensure_future(_client()(url, "token of 1", wait.session_id))
        await here.arrived()
        here.release()
        await world.not_delivered(wait.session_id)
        assert await client == _EXPECTED
    assert [argument for name, argument in world.store.calls if name == "acknowledge"] == [(wait.row, 2)]
    assert [code for _, code, _ in world.notes.closed] == [1000]


async def test_the_client_comes_back_and_misses_nothing(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    async with _serving(world) as url, asyncio.timeout(LIMIT_S):
        here = world.store.hold("present.before")
        client = asyncio.ensure_future(_client()(url, "token of 1", wait.session_id))
        await here.arrived()
        here.release()
        await world.settle()
        world.hub.followers()[0].close(CloseCode.GOING_AWAY, "0.010")
        await world.not_delivered(wait.session_id)
        assert await client == _EXPECTED
    assert [code for _, code, _ in world.notes.closed] == [1012, 1000]


async def test_the_client_gives_up_when_the_code_is_final(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    async with _serving(world) as url, asyncio.timeout(LIMIT_S):
        results = await asyncio.gather(_client()(url, "guessed", wait.session_id), return_exceptions=True)
    assert [str(result) for result in results] == ["the stream was closed with 4401: token unknown or revoked"]
