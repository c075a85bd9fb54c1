from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import aiohttp
import pytest

from diyalog.simulator.company import Company
from diyalog.simulator.create_request import AttachedForm
from diyalog.simulator.giving_up import GivingUp


class Running:
    """A company that answers, and a caller."""

    def __init__(self, company: Company, url: str, session: aiohttp.ClientSession) -> None:
        self.company = company
        self.url = url
        self._session = session

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and decoded answer; headers by keyword, `_` for `-`. Redirects are not followed."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(
            method, self.url + path, json=body, headers=named, allow_redirects=False
        ) as response:
            content = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json and response.status != 307 else content.decode()

    async def create(self, session_id: str, **headers: str) -> tuple[int, Any]:
        body = {"sessionId": session_id, "customerId": "880214", "identityNumber": "", "attachedData": {"topic": "x"}}
        return await self.call("POST", "/CreateInteraction", body, **headers)

    async def id_of(self, session_id: str) -> str:
        _, answer = await self.create(session_id)
        return str(answer["result"]["interactionId"])


class Start(Protocol):
    """Starts a company whose first interaction is 7700418."""

    async def __call__(
        self,
        *,
        auth_token: str | None = None,
        repeatable: bool = True,
        attached: AttachedForm = "any",
        giving_up: GivingUp | None = None,
        first_id: int | None = 7700418,
        log: Callable[[str], None] = ...,
    ) -> Running: ...


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    companies: list[Company] = []
    # A connection for each request: one that is kept alive may turn out to be closed only when it is used again.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=10)) as session:

        async def begin(
            *,
            auth_token: str | None = None,
            repeatable: bool = True,
            attached: AttachedForm = "any",
            giving_up: GivingUp | None = None,
            first_id: int | None = 7700418,
            log: Callable[[str], None] = lambda line: None,
        ) -> Running:
            company = Company(
                auth_token=auth_token,
                repeatable=repeatable,
                attached=attached,
                giving_up=giving_up,
                first_id=first_id,
                log=log,
            )
            companies.append(company)
            return Running(company, await company.start(), session)

        yield begin
        for company in companies:
            await company.stop()
