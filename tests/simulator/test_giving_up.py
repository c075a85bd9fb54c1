import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from client.checker import CUT, KEY_ID, KEY_SECRET, Checker, Reply, running_checker
from diyalog.simulator.behaviour import ScriptError
from diyalog.simulator.company import UnknownInteractionError
from diyalog.simulator.giving_up import GivingUp
from diyalog.simulator.ledger import Mark
from simulator.conftest import Start


@pytest.fixture
def checker() -> Iterator[Checker]:
    with running_checker() as running:
        yield running


def terms(checker: Checker) -> GivingUp:
    return GivingUp(checker.url, KEY_ID, KEY_SECRET, after=0.0)


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"message": "Şu an meşgul"}, {"interactionId": "7700418", "message": "Şu an meşgul"}),
        ({"by": "session"}, {"sessionId": "s1"}),
    ],
)
async def test_after_a_while_it_calls_signed(
    start: Start, checker: Checker, changes: dict[str, Any], body: dict[str, str]
) -> None:
    company = await start(giving_up=replace(terms(checker), **changes))
    await company.create("s1")
    await company.company.wait_for(lambda ledger: not ledger.left_behind)
    [exchange] = checker.exchanges
    assert exchange.target == "/v1/application/interactionisnotdelivered"
    assert json.loads(exchange.body) == body
    assert (exchange.caller.access_key, exchange.caller.requester) == (KEY_ID, "simulated-company")
    [call] = company.company.ledger.calls
    assert (call.status, call.is_success, call.error_code) == (200, True, None)
    assert company.company.ledger.interactions[0].mark is Mark.NOT_DELIVERED


async def test_a_repeat_of_the_same_session_is_given_up_once(start: Start, checker: Checker) -> None:
    company = await start(giving_up=terms(checker))
    await company.create("s1")
    await company.create("s1")
    await company.company.wait_for(lambda ledger: not ledger.left_behind)
    assert len(checker.exchanges) == 1


async def test_what_is_settled_is_not_given_up(start: Start, checker: Checker) -> None:
    company = await start(giving_up=replace(terms(checker), after=3600.0))
    deleted, kept = await company.id_of("s1"), await company.id_of("s2")
    await company.call("DELETE", f"/{deleted}")
    call = await company.company.give_up(kept)
    assert call.is_success
    assert len(checker.exchanges) == 1


async def test_the_wait_is_dropped_when_the_company_stops(start: Start, checker: Checker) -> None:
    company = await start(giving_up=replace(terms(checker), after=3600.0))
    await company.create("s1")
    await company.company.stop()
    assert len(company.company.ledger.left_behind) == 1
    assert not checker.exchanges


async def test_a_refusing_answer_ends_it_without_a_mark(start: Start, checker: Checker) -> None:
    checker.replies.append(Reply(content=b'{"isSuccess": false, "message": "none", "errorCode": 402}'))
    company = await start()
    interaction_id = await company.id_of("s1")
    company.company.giving_up = terms(checker)
    call = await company.company.give_up(interaction_id)
    assert (call.status, call.is_success, call.error_code) == (200, False, 402)
    assert len(company.company.ledger.left_behind) == 1


async def test_no_answer_is_tried_again_with_the_same_key(start: Start, checker: Checker) -> None:
    checker.replies.extend([CUT, Reply(503, b"later")])
    company = await start()
    interaction_id = await company.id_of("s1")
    company.company.giving_up = terms(checker)
    assert (await company.company.give_up(interaction_id)).is_success
    assert [call.status for call in company.company.ledger.calls] == [None, 503, 200]
    assert {exchange.headers["idempotency-key"] for exchange in checker.exchanges} == {f"give-up-{interaction_id}"}


async def test_a_wrong_secret_is_not_tried_again(start: Start, checker: Checker) -> None:
    lines: list[str] = []
    company = await start(log=lines.append)
    interaction_id = await company.id_of("s1")
    company.company.giving_up = replace(terms(checker), access_key_secret="wrong secret canary")
    call = await company.company.give_up(interaction_id)
    assert (call.status, call.is_success) == (401, None)
    assert lines[-1] == f"answer for {interaction_id}: 401 Authorization failed"
    assert "canary" not in "".join(lines) + repr(company.company.giving_up)


async def test_what_cannot_be_signed_is_told(start: Start, checker: Checker) -> None:
    told = asyncio.Event()
    lines: list[str] = []

    def log(line: str) -> None:
        lines.append(line)
        if "could not" in line:
            told.set()

    company = await start(giving_up=replace(terms(checker), access_key_id="a:b"), log=log)
    await company.create("s1")
    await asyncio.wait_for(told.wait(), 10)
    assert lines[-1].startswith("could not give up: ValueError: access_key_id")


async def test_by_http(start: Start, checker: Checker) -> None:
    company = await start()
    interaction_id = await company.id_of("s1")
    assert (await company.call("POST", "/give-up", {"interactionId": interaction_id}))[0] == 400
    company.company.giving_up = terms(checker)
    answer = await company.call("POST", "/give-up", {"interactionId": interaction_id})
    assert answer == (200, {"status": 200, "isSuccess": True, "errorCode": None})


async def test_only_what_exists_and_only_when_told_how(start: Start, checker: Checker) -> None:
    company = await start()
    with pytest.raises(ScriptError):
        await company.company.give_up("1")
    company.company.giving_up = terms(checker)
    with pytest.raises(UnknownInteractionError):
        await company.company.give_up("1")
