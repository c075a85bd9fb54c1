"""A running server against its own description: whatever is asked, the answer is one that /openapi.json announces."""

import asyncio
import base64
import hashlib
import hmac
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from diyalog.simulator.company import Company
from kit.checker import Told, check_database
from kit.server import Customer, Key, Server, running

EXAMPLES = int(os.environ.get("DIYALOG_TEST_EXAMPLES", "15"))
SEED = int(os.environ.get("DIYALOG_TEST_SEED", "1"))
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


class Signed(requests.auth.AuthBase):
    """Signs a company request as the HMAC Authentication page says, over what is about to be sent."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        body = request.body or b""
        assert isinstance(body, str | bytes), "nothing is streamed here"
        raw = body.encode() if isinstance(body, str) else body
        content_type = request.headers.get("Content-Type") or b""
        kind = content_type.encode("latin-1") if isinstance(content_type, str) else content_type
        target = request.path_url.encode("latin-1")
        text = b"\n".join((str(request.method).encode(), kind, date.encode(), raw, target))
        proof = base64.b64encode(hmac.new(self._key.secret.encode(), text, hashlib.sha256).digest()).decode()
        request.headers["x-dlg-date"] = date
        request.headers["x-dlg-requester-userid"] = "31007"
        request.headers["x-dlg-authorization"] = f"DLGA {self._key.access_key_id}:{proof}"
        return request


class Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path, limit_starts="0", limit_auth_failures="0") as started:
        yield started
    check_database(started.database, Told())


def ask(server: Server, path: str, auth: requests.auth.AuthBase, statuses: Counter[tuple[str, int]]) -> None:
    """Ask every operation of a path, half of the times something legal; each answer is checked."""
    document = requests.get(f"{server.url}/openapi.json", timeout=10).json()
    schema = schemathesis.openapi.from_dict(document)
    for found in schema.include(path_regex=path).get_all_operations():
        assert isinstance(found, Ok), "the description itself is sound"
        operation = found.ok()
        # What takes neither parameters nor a body has nothing to get wrong.
        takes = bool(operation.body) or any(operation.iter_parameters())
        for mode in schemathesis.GenerationMode if takes else (schemathesis.GenerationMode.POSITIVE,):

            @seed(SEED)
            @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def answers_as_described(case: Any) -> None:  # noqa: ANN401  schemathesis has no public type for it
                response = case.call(base_url=server.url, auth=auth, timeout=20)
                statuses[case.operation.label, response.status_code] += 1
                assert response.status_code != 500  # 502 and 503 are described: somebody else is away
                case.validate_response(response, checks=CHECKS)

            answers_as_described()


async def test_company_api(server: Server) -> None:
    statuses: Counter[tuple[str, int]] = Counter()
    await asyncio.to_thread(ask, server, "^/v1/application/", Signed(await server.new_key()), statuses)
    met = {status for _, status in statuses}
    assert {200, 400} <= met, statuses
    assert statuses.total() >= 2 * EXAMPLES


async def test_customer_api(server: Server) -> None:
    statuses: Counter[tuple[str, int]] = Counter()
    async with Customer(server.url, "880214") as customer:
        assert (await customer.start()).status == 201
        await asyncio.to_thread(ask, server, "^/v1/client/", Bearer(customer.token), statuses)
    met = {status for _, status in statuses}
    assert {200, 201, 400, 404} <= met, statuses


async def test_staff_api(tmp_path: Path) -> None:
    statuses: Counter[tuple[str, int]] = Counter()
    company = Company()
    try:
        async with running(tmp_path, limit_auth_failures="0", staff_auth_url=await company.start()) as server:
            await asyncio.to_thread(ask, server, "^/v1/staff/", Bearer("none"), statuses)
    finally:
        await company.stop()
    assert {201, 400} <= {status for _, status in statuses}, statuses


async def test_operations(server: Server) -> None:
    statuses: Counter[tuple[str, int]] = Counter()
    await asyncio.to_thread(ask, server, "^/[^v]", Bearer("none"), statuses)
    assert {200} <= {status for _, status in statuses}, statuses
