"""Playing the company for one request: the script says what is done with it, the service how."""

import asyncio
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import web

from diyalog.clock import Clock
from diyalog.simulator.behaviour import Action, Behaviour, Endpoint, Script
from diyalog.simulator.ledger import Ledger, Received, Token
from diyalog.simulator.services import TEXT_TYPE, CreateInteraction, Reply, Service, json_reply

ELSEWHERE: Final = "/redirected"
"""Where REDIRECT sends to by default; whoever follows is answered as if all were well, and stands in the ledger."""

_OVER_256_KIB: Final = 300_000


class Player:
    """Serves the scripted endpoints: writes each request down, plays the behaviour that comes next, logs one line."""

    def __init__(
        self, ledger: Ledger, script: Script, clock: Clock, log: Callable[[str], None], auth_token: str | None
    ) -> None:
        self._ledger = ledger
        self._script = script
        self._clock = clock
        self._log = log
        self._auth_token = auth_token
        self.closing = asyncio.Event()
        """Set when the company stops: ends what is slow or never answers."""

    async def serve(self, request: web.Request, service: Service) -> web.StreamResponse:
        """Answer one request of one service, or cut its connection."""
        received = await self._receive(request, service.endpoint)
        if received.token in {Token.WRONG, Token.ABSENT} and self._auth_token is not None:
            received.problem = "Auth-Token is not the right one"
            return self._answer(received, json_reply({"success": False, "errorMessage": received.problem}, 401))
        received.problem = received.problem or service.problem(received)
        if received.problem is not None:
            return self._answer(received, service.malformed(received.problem))
        behaviour = self._script.take(service.endpoint)
        received.action = behaviour.action
        reply = await self._play(behaviour, service, received)
        if reply is not None:
            return self._answer(received, reply)
        self._say(received, "no answer")
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def serve_elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Answer whoever followed a redirect."""
        received = await self._receive(request, None)
        return self._answer(received, json_reply({"success": True, "result": {"interactionId": "followed"}}))

    async def serve_unknown(self, request: web.Request) -> web.StreamResponse:
        """Answer 404, written down like all else."""
        received = await self._receive(request, None)
        return self._answer(received, Reply(404, b"not found", TEXT_TYPE))

    async def _play(self, behaviour: Behaviour, service: Service, received: Received) -> Reply | None:
        """Carry out what is to be carried out; return the answer, None to cut the connection."""
        match behaviour.action:
            case Action.REFUSE if isinstance(service, CreateInteraction) and service.repeats(received):
                received.action = Action.ANSWER
            case Action.REFUSE:
                return service.refuse(behaviour.value)
            case Action.STATUS:
                return Reply(int(behaviour.value), b"", TEXT_TYPE)
            case Action.CUT_BEFORE:
                return None
            case Action.REDIRECT:
                return Reply(307, b"", TEXT_TYPE, location=behaviour.value or ELSEWHERE + received.path)
            case Action.DUPLICATE_ID if isinstance(service, CreateInteraction):
                duplicate = service.duplicate_id(received)
                if duplicate is not None:
                    return duplicate
                received.action = Action.ANSWER
        reply = service.carry_out(received)
        self._ledger.changed()
        return await self._spoil(behaviour, service, reply)

    async def _spoil(self, behaviour: Behaviour, service: Service, reply: Reply) -> Reply | None:
        """Turn the right answer of what was carried out into the scripted one."""
        match behaviour.action:
            case Action.CUT_AFTER:
                return None
            case Action.NEVER:
                await self.closing.wait()
                return None
            case Action.SLOW:
                with suppress(TimeoutError):
                    async with asyncio.timeout(float(behaviour.value)):
                        await self.closing.wait()
            case Action.ANSWER if behaviour.value:
                reply = Reply(200, behaviour.value.encode(), TEXT_TYPE)
            case Action.STATUS_AFTER:
                reply = Reply(int(behaviour.value), b"", TEXT_TYPE)
            case Action.GARBAGE:
                reply = Reply(200, b'\xff{"success": tru')
            case Action.HUGE:
                reply = Reply(reply.status, reply.content + b" " * _OVER_256_KIB, reply.content_type)
            case Action.WRONG_TYPES:
                reply = service.wrong_types()
            case Action.MISSING_ID if isinstance(service, CreateInteraction):
                reply = service.missing_id()
        return reply

    async def _receive(self, request: web.Request, endpoint: Endpoint | None) -> Received:
        received = Received(
            self._clock.now_ms(),
            endpoint,
            request.method,
            request.rel_url.raw_path,
            self._token_of(request),
            Action.ANSWER,
            request.headers.get("Idempotency-Key"),
            interaction_id=request.match_info.get("interaction_id"),
        )
        self._ledger.requests.append(received)
        self._ledger.changed()
        content = await request.read()
        if request.method == "POST":
            try:
                received.body = json.loads(content)
            except (ValueError, RecursionError):
                received.problem = "the body is not JSON"
        else:
            received.body = dict(request.query)
        return received

    def _token_of(self, request: web.Request) -> Token:
        sent = request.headers.get("Auth-Token")
        if sent is None:
            return Token.ABSENT
        if self._auth_token is None:
            return Token.PRESENT
        return Token.RIGHT if hmac.compare_digest(sent.encode(), self._auth_token.encode()) else Token.WRONG

    def _answer(self, received: Received, reply: Reply) -> web.Response:
        received.status = reply.status
        self._say(received, f"HTTP {reply.status}")
        headers = {"Location": reply.location} if reply.location is not None else None
        return web.Response(status=reply.status, body=reply.content, content_type=reply.content_type, headers=headers)

    def _say(self, received: Received, answered: str) -> None:
        self._ledger.changed()
        about = [f"{received.method} {received.path}"]
        about += [f"session {received.session_id}"] if received.session_id else []
        about += [f"interaction {received.interaction_id}"] if received.interaction_id else []
        about += [f"({received.action})"] if received.action is not Action.ANSWER else []
        about += [f"({received.problem})"] if received.problem else []
        self._log(f"{' '.join(about)}: {answered}")
