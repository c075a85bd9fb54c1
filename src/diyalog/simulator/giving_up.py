"""The company's side of giving up: after a while it calls interactionisnotdelivered, signed."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import random
from typing import Final, Literal

import aiohttp

from diyalog.client import sign
from diyalog.clock import Clock
from diyalog.domain.retry import delay
from diyalog.simulator.ledger import GaveUp, Interaction, Ledger, Mark

TARGET: Final = "/v1/application/interactionisnotdelivered"
_ATTEMPTS: Final = 20
_RETRY_BASE, _RETRY_CAP = 0.5, 30.0
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class GivingUp:
    """When and how the company gives up: `after` seconds, at the server `url`, by interactionId or by sessionId."""

    url: str
    access_key_id: str
    access_key_secret: str = field(repr=False)
    after: float = 20.0
    message: str | None = None
    by: Literal["interaction", "session"] = "interaction"
    requester: str = "simulated-company"

    def sign(self, body: bytes) -> dict[str, str]:
        """Return the headers of one call. Raises ValueError for a key or requester that no header can carry."""
        return sign(
            "POST",
            TARGET,
            body,
            access_key_id=self.access_key_id,
            access_key_secret=self.access_key_secret,
            requester_user_id=self.requester,
        )


class Giver:
    """Gives up on interactions, each in a task of its own until `stop`."""

    def __init__(self, ledger: Ledger, clock: Clock, log: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def schedule(self, interaction: Interaction, terms: GivingUp) -> None:
        """Give up on an interaction after `terms.after` seconds, unless it is settled by then."""
        task = asyncio.create_task(self._later(interaction, terms))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def stop(self) -> None:
        """Drop what has not been given up yet."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log(f"could not give up: {type(error).__name__}: {error}")

    async def _later(self, interaction: Interaction, terms: GivingUp) -> None:
        await asyncio.sleep(terms.after)
        if not interaction.settled:
            await self.give_up(interaction, terms)

    async def give_up(self, interaction: Interaction, terms: GivingUp) -> GaveUp:
        """Call interactionisnotdelivered now, again while no answer comes; return the last call."""
        name, value = (
            ("interactionId", interaction.interaction_id)
            if terms.by == "interaction"
            else ("sessionId", interaction.session_id)
        )
        fields = {name: value} if terms.message is None else {name: value, "message": terms.message}
        body = json.dumps(fields, ensure_ascii=False).encode()
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for attempt in range(_ATTEMPTS):
                call = GaveUp(self._clock.now_ms(), interaction.interaction_id, interaction.session_id, attempt)
                self._ledger.calls.append(call)
                await self._call(session, terms, call, body)
                if call.is_success:
                    interaction.mark = interaction.mark or Mark.NOT_DELIVERED
                self._ledger.changed()
                if call.status is not None and call.status < 500 and call.status != 429:
                    break
                await asyncio.sleep(delay(attempt, random(), base=_RETRY_BASE, cap=_RETRY_CAP))  # noqa: S311 - jitter
        return call

    async def _call(self, session: aiohttp.ClientSession, terms: GivingUp, call: GaveUp, body: bytes) -> None:
        headers = terms.sign(body) | {"Idempotency-Key": f"give-up-{call.interaction_id}"}
        shown = "".join(f"\n    {name}: {value}" for name, value in headers.items())
        self._log(f"gives up on {call.interaction_id}: POST {TARGET}{shown}\n    {body.decode()}")
        try:
            async with session.post(
                terms.url.rstrip("/") + TARGET, data=body, headers=headers, allow_redirects=False
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._log(f"no answer for {call.interaction_id}: {type(error).__name__}")
            return
        call.status = response.status
        self._log(f"answer for {call.interaction_id}: {response.status} {content.decode('utf-8', 'replace')}")
        try:
            answer = json.loads(content)
        except ValueError:
            return
        if isinstance(answer, dict):
            call.is_success = answer.get("isSuccess") is True
            code = answer.get("errorCode")
            call.error_code = code if isinstance(code, int) else None
