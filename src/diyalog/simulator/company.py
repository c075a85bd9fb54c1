"""The simulated company as one HTTP server: its services, and what a demo or a test does with it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from diyalog.clock import Clock, SystemClock
from diyalog.simulator.behaviour import Behaviour, Endpoint, Script, ScriptError
from diyalog.simulator.create_request import AttachedForm
from diyalog.simulator.giving_up import Giver, GivingUp
from diyalog.simulator.ledger import GaveUp, Interaction, Ledger, Mark
from diyalog.simulator.playing import ELSEWHERE, Player
from diyalog.simulator.services import (
    CheckCustomerToken,
    CheckStaffToken,
    CreateInteraction,
    DeleteInteraction,
    Service,
)


class UnknownInteractionError(LookupError):
    """The company never gave out this interactionId."""


class Company:
    """A company to serve. `start` and `stop` may follow each other; the address, the ledger and the script stay.

    `port` 0 takes any. `auth_token`: what must come as Auth-Token. `repeatable`: the same sessionId gets the same
    interactionId. `attached`: the form of attachedData that is accepted. `giving_up`: when to give up on new
    interactions; may be set at any time. `first_id`: the first interactionId. `log` is given one text per event.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        auth_token: str | None = None,
        repeatable: bool = True,
        attached: AttachedForm = "any",
        giving_up: GivingUp | None = None,
        first_id: int | None = None,
        log: Callable[[str], None] = lambda line: None,
        clock: Clock | None = None,
    ) -> None:
        clock = SystemClock() if clock is None else clock
        self.giving_up = giving_up
        self.ledger = Ledger(self._changed)
        self._script = Script()
        self._host, self._port = host, port
        self._giver = Giver(self.ledger, clock, log)
        self._player = Player(self.ledger, self._script, clock, log, auth_token)
        self._services: tuple[Service, ...] = (
            CreateInteraction(
                self.ledger, clock, self._created, repeatable=repeatable, attached=attached, first_id=first_id
            ),
            DeleteInteraction(self.ledger, clock),
            CheckCustomerToken(),
            CheckStaffToken(),
        )
        self._runner: web.AppRunner | None = None
        self._change = asyncio.Event()

    async def start(self) -> str:
        """Begin to answer; return the address, without a slash at its end. Raises OSError when it cannot listen."""
        self._player.closing.clear()
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    async def stop(self) -> None:
        """Answer no more; what is slow or never answered is cut, what was to be given up is dropped."""
        self._player.closing.set()
        await self._giver.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def script(self, endpoint: Endpoint | str, *behaviours: Behaviour | str) -> None:
        """Replace what is to come at an endpoint: `script("create", "slow=2", "status=503*forever")`.

        Raises ScriptError.
        """
        self._script.put_all({endpoint: []})
        self._script.put(Endpoint(endpoint), behaviours)

    def mark(self, interaction_id: str, mark: Mark) -> None:
        """Write down that an agent accepted an interaction, or that it was reported as not delivered by other means.

        Raises UnknownInteractionError.
        """
        self._find(interaction_id).mark = mark
        self.ledger.changed()

    async def give_up(self, interaction_id: str) -> GaveUp:
        """Give up on an interaction now; return the last call. `giving_up` must be set.

        Raises UnknownInteractionError.
        """
        if self.giving_up is None:
            raise ScriptError("the company has not been told how to give up")
        return await self._giver.give_up(self._find(interaction_id), self.giving_up)

    async def wait_for(self, predicate: Callable[[Ledger], bool], timeout: float = 10.0) -> None:  # noqa: ASYNC109 - a test's limit reads best as a number
        """Wait until the ledger is as `predicate` says. Raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while not predicate(self.ledger):
                await self._change.wait()

    def _changed(self) -> None:
        # Whoever waits is woken once and then waits for the next change.
        self._change.set()
        self._change = asyncio.Event()

    def _created(self, interaction: Interaction) -> None:
        if self.giving_up is not None:
            self._giver.schedule(interaction, self.giving_up)

    def _find(self, interaction_id: str) -> Interaction:
        interaction = self.ledger.interaction(interaction_id)
        if interaction is None:
            raise UnknownInteractionError(f"no interaction {interaction_id}")
        return interaction

    def _application(self) -> web.Application:
        create, delete, customer_token, staff_token = self._services
        serve = self._player.serve
        application = web.Application()
        application.router.add_post("/CreateInteraction", partial(serve, service=create))
        application.router.add_post("/checkauthtoken", partial(serve, service=customer_token))
        application.router.add_get("/CheckToken", partial(serve, service=staff_token), allow_head=False)
        application.router.add_get("/ledger", self._get_ledger)
        application.router.add_post("/script", partial(self._control, do=self._post_script))
        application.router.add_post("/marks", partial(self._control, do=self._post_mark))
        application.router.add_post("/give-up", partial(self._control, do=self._post_give_up))
        application.router.add_delete("/{interaction_id}", partial(serve, service=delete))
        application.router.add_route("*", ELSEWHERE + "/{path:.*}", self._player.serve_elsewhere)
        application.router.add_route("*", "/{path:.*}", self._player.serve_unknown)
        return application

    async def _get_ledger(self, request: web.Request) -> web.Response:
        return web.json_response(self.ledger.to_json())

    async def _control(self, request: web.Request, do: Callable[[object], Awaitable[object]]) -> web.Response:
        try:
            return web.json_response(await do(json.loads(await request.read())))
        except UnknownInteractionError as error:
            return web.json_response({"error": str(error)}, status=404)
        except (ScriptError, ValueError, KeyError, TypeError) as error:
            return web.json_response({"error": f"not understood: {error}"}, status=400)

    async def _post_script(self, document: object) -> object:
        self._script.put_all(document)
        return {"scripted": True}

    async def _post_mark(self, document: object) -> object:
        fields = dict(document) if isinstance(document, dict) else {}
        self.mark(fields["interactionId"], Mark(fields["mark"]))
        return {"marked": True}

    async def _post_give_up(self, document: object) -> object:
        fields = dict(document) if isinstance(document, dict) else {}
        call = await self.give_up(fields["interactionId"])
        return {"status": call.status, "isSuccess": call.is_success, "errorCode": call.error_code}
