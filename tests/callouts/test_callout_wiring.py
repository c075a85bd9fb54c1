"""The calls as the settings put them together: a service that hangs takes no turn of another's."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from diyalog.callout_wiring import company_callouts
from diyalog.domain.commands import Request
from diyalog.domain.ids import InteractionId, SessionId
from diyalog.ports_callouts import Done, NotSent, Took
from diyalog.settings import Settings
from workers.jumping import Notes

from .raw_company import RawCompany, http, listening, read_request

SLOTS = 4
SESSION = SessionId("0197e7f2-7d6c-7cc5-a1c5-0c2e8a3f9b11")
REQUEST = Request("880214", "10000000146", ())
ANSWERS = {
    "CreateInteraction": http(200, b'{"success":true,"errorMessage":null,"result":{"interactionId":"7700418"}}'),
    "checkauthtoken": http(200, b"Validated"),
    "CheckToken": http(200, b'{"success":true,"errorMessage":null,"result":""}'),
    "DELETE": http(200, b""),
}
RIGHT = {
    "CreateInteraction": Took(InteractionId("7700418")),
    "DELETE": Done(),
    "checkauthtoken": "",
    "CheckToken": "",
}


@pytest.mark.parametrize("hangs", list(ANSWERS))
async def test_a_service_that_hangs_with_all_its_turns_taken_delays_no_other(hangs: str) -> None:
    company = RawCompany()
    all_taken = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader, company)
            head = company.requests[-1][0]
            if hangs in head:
                if len(company.requests) == SLOTS:
                    all_taken.set()
                await reader.read()  # no answer while the other side waits for it
                return
            writer.write(next(answer for found, answer in ANSWERS.items() if found in head))
            await writer.drain()

    async with listening(company, talk):
        settings = Settings(
            queue="http",
            queue_url=company.base,
            customer_auth_url=company.base,
            staff_auth_url=company.base,
            queue_timeout=60.0,
        )
        callouts = company_callouts(settings, Notes(), slots=SLOTS)
        queue, customers, staff = callouts.queue, callouts.customers, callouts.staff
        assert queue is not None
        assert customers is not None
        assert staff is not None
        calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "CreateInteraction": lambda: queue.create(SESSION, REQUEST, 60.0),
            "DELETE": lambda: queue.delete(InteractionId("7700418")),
            "checkauthtoken": lambda: customers.check_customer("a1f0-77", "Zk3v", "880214", None),
            "CheckToken": lambda: staff.check_staff("s", "t", "31007"),
        }
        await callouts.start()
        hanging = [asyncio.ensure_future(calls[hangs]()) for _ in range(SLOTS)]
        try:
            async with asyncio.timeout(5):
                await all_taken.wait()
                answers = {service: await call() for service, call in calls.items() if service != hangs}
            assert answers == {service: right for service, right in RIGHT.items() if service != hangs}
            if hangs == "CreateInteraction":
                assert await queue.create(SESSION, REQUEST, 0.05) == NotSent(), "there are no more turns"
            assert not any(call.done() for call in hanging)
        finally:
            for call in hanging:
                call.cancel()
            await asyncio.wait(hanging)
            await callouts.stop()


async def test_nothing_is_called_that_the_settings_do_not_name() -> None:
    callouts = company_callouts(Settings(), Notes())
    assert (callouts.queue, callouts.customers, callouts.staff) == (None, None, None)
    await callouts.start()
    await callouts.stop()
