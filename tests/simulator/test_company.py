import asyncio
import json
from typing import Any

import aiohttp
import pytest

from diyalog.simulator.behaviour import Action, Endpoint, ScriptError
from diyalog.simulator.company import UnknownInteractionError
from diyalog.simulator.create_request import AttachedForm
from diyalog.simulator.ledger import Mark, Token
from simulator.conftest import Start


def took(interaction_id: str) -> dict[str, object]:
    return {"success": True, "errorMessage": None, "result": {"interactionId": interaction_id}}


class TestCreateInteraction:
    async def test_every_session_gets_an_interaction_of_its_own(self, start: Start) -> None:
        company = await start()
        assert await company.create("s1") == (200, took("7700418"))
        assert await company.create("s2") == (200, took("7700419"))
        [first, second] = company.company.ledger.interactions
        assert (first.session_id, first.customer_id, first.attached_form) == ("s1", "880214", "object")
        assert (second.interaction_id, second.settled) == ("7700419", False)

    async def test_repeatable_gives_the_same_session_the_same_interaction(self, start: Start) -> None:
        company = await start(repeatable=True)
        assert await company.create("s1", Idempotency_Key="s1") == (200, took("7700418"))
        assert await company.create("s1", Idempotency_Key="s1") == (200, took("7700418"))
        assert await company.create("s1") == (200, took("7700418"))
        assert len(company.company.ledger.interactions) == 1

    async def test_repeatable_refuses_a_key_with_another_body(self, start: Start) -> None:
        company = await start(repeatable=True)
        await company.create("s1", Idempotency_Key="k")
        status, answer = await company.create("s2", Idempotency_Key="k")
        assert (status, answer["success"]) == (422, False)
        assert [entry.session_id for entry in company.company.ledger.interactions] == ["s1"]

    async def test_not_repeatable_creates_another_one(self, start: Start) -> None:
        company = await start(repeatable=False)
        assert await company.create("s1", Idempotency_Key="s1") == (200, took("7700418"))
        assert await company.create("s1", Idempotency_Key="s1") == (200, took("7700419"))
        assert len(company.company.ledger.of_session("s1")) == 2

    @pytest.mark.parametrize(
        ("change", "form", "status"),
        [
            ({}, "any", 200),
            ({}, "object", 200),
            ({}, "array", 400),
            ({"attachedData": {}}, "object", 200),
            ({"attachedData": [{"a": "1"}, {"a": "2"}]}, "any", 200),
            ({"attachedData": [{"a": "1"}], "identityNumber": None}, "any", 400),
            ({"attachedData": []}, "array", 200),
            ({"attachedData": [{"a": "1"}]}, "object", 400),
            ({"attachedData": [{"a": "1", "b": "2"}]}, "any", 400),
            ({"attachedData": [{}]}, "any", 400),
            ({"attachedData": {"a": 1}}, "any", 400),
            ({"attachedData": None}, "any", 400),
            ({"identityNumber": 10000000146}, "any", 400),
            ({"identityNumber": None}, "any", 400),
            ({"customerId": ""}, "any", 400),
            ({"sessionId": 5}, "any", 400),
            ({"sessionId": None}, "any", 400),
        ],
    )
    async def test_the_request_is_checked(
        self, start: Start, change: dict[str, object], form: AttachedForm, status: int
    ) -> None:
        company = await start(attached=form)
        body = {"sessionId": "s", "customerId": "8", "identityNumber": "", "attachedData": {"a": "1"}} | change
        answered, _ = await company.call("POST", "/CreateInteraction", body)
        assert answered == status
        [received] = company.company.ledger.requests
        assert (received.problem is None) is (status == 200)
        assert received.body == body

    async def test_the_array_form_comes_without_an_identity_number(self, start: Start) -> None:
        company = await start(attached="array")
        body = {"sessionId": "s", "customerId": "8", "attachedData": [{"a": "1"}]}
        assert (await company.call("POST", "/CreateInteraction", body))[0] == 200
        assert company.company.ledger.interactions[0].attached_form == "array"


class TestFaults:
    @pytest.mark.parametrize(
        ("behaviour", "status", "answer", "created"),
        [
            ("refuse=Closed", 200, {"success": False, "errorMessage": "Closed", "result": None}, 0),
            ("status=503", 503, "", 0),
            ("status-after=500", 500, "", 1),
            ("slow=0.01", 200, took("7700418"), 1),
            ("missing-id", 200, {"success": True, "errorMessage": None, "result": {}}, 1),
            ("wrong-types", 200, {"success": "true", "errorMessage": 0, "result": {"interactionId": ["7700418"]}}, 1),
            ("duplicate-id", 200, took("7700418"), 1),
        ],
    )
    async def test_answers(self, start: Start, behaviour: str, status: int, answer: object, created: int) -> None:
        company = await start()
        company.company.script("create", behaviour)
        assert await company.create("s1") == (status, answer)
        assert len(company.company.ledger.interactions) == created
        assert await company.create("s1") == (200, took("7700418"))

    @pytest.mark.parametrize(("behaviour", "created"), [("cut-after", 1), ("cut-before", 0)])
    async def test_cuts(self, start: Start, behaviour: str, created: int) -> None:
        company = await start()
        company.company.script("create", behaviour)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await company.create("s1")
        assert len(company.company.ledger.interactions) == created
        [received] = company.company.ledger.received(Endpoint.CREATE, Action(behaviour))
        assert received.status is None
        assert await company.create("s1") == (200, took("7700418"))

    @pytest.mark.parametrize(("key", "other_session"), [(None, "s1"), ("k", "s1"), ("k", "s2")])
    async def test_what_a_repeatable_queue_took_it_does_not_refuse(
        self, start: Start, key: str | None, other_session: str
    ) -> None:
        """Whoever is refused concludes that the queue holds nothing, whatever became of the requests before."""
        company = await start()
        company.company.script("create", "cut-after", "refuse*2")
        headers = {} if key is None else {"Idempotency_Key": key}
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await company.create("s1", **headers)
        status, answer = await company.create(other_session, **headers)
        if other_session == "s1":
            assert (status, answer) == (200, took("7700418"))
        else:
            assert (status, answer["success"]) == (422, False), "a key that came before with another body"
        assert (await company.create("s3"))[1]["success"] is False
        assert [entry.session_id for entry in company.company.ledger.interactions] == ["s1"]
        assert [received.action for received in company.company.ledger.requests] == [
            Action.CUT_AFTER,
            Action.ANSWER,
            Action.REFUSE,
        ]

    async def test_a_queue_that_is_not_repeatable_refuses_whatever_it_took_before(self, start: Start) -> None:
        company = await start(repeatable=False)
        await company.create("s1", Idempotency_Key="s1")
        company.company.script("create", "refuse")
        assert (await company.create("s1", Idempotency_Key="s1"))[1]["success"] is False
        assert len(company.company.ledger.interactions) == 1

    async def test_garbage_is_not_json(self, start: Start) -> None:
        company = await start()
        company.company.script("create", "garbage")
        with pytest.raises(ValueError, match="codec can't decode"):
            await company.create("s1")
        assert len(company.company.ledger.interactions) == 1

    async def test_huge_is_the_right_answer_over_256_kib(self, start: Start) -> None:
        company = await start()
        company.company.script("create", "huge")
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                company.url + "/CreateInteraction",
                json={"sessionId": "s", "customerId": "8", "identityNumber": "", "attachedData": {}},
            ) as response,
        ):
            content = await response.read()
        assert len(content) > 256 * 1024
        assert json.loads(content) == took("7700418")

    async def test_never_lasts_until_the_company_stops(self, start: Start) -> None:
        company = await start()
        company.company.script("create", "never")
        asking = asyncio.create_task(company.create("s1"))
        await company.company.wait_for(lambda ledger: len(ledger.interactions) == 1)
        assert not asking.done()
        await company.company.stop()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await asking

    async def test_duplicate_id_is_that_of_another_session(self, start: Start) -> None:
        company = await start()
        await company.create("s1")
        company.company.script("create", "duplicate-id")
        assert await company.create("s2") == (200, took("7700418"))
        assert [entry.session_id for entry in company.company.ledger.interactions] == ["s1"]
        assert len(company.company.ledger.received(Endpoint.CREATE, Action.DUPLICATE_ID)) == 1

    async def test_a_followed_redirect_shows(self, start: Start) -> None:
        company = await start()
        company.company.script("create", "redirect")
        assert await company.create("s1") == (307, "")
        assert not company.company.ledger.interactions
        assert (await company.call("POST", "/redirected/CreateInteraction", {}))[0] == 200
        assert company.company.ledger.requests[-1].path == "/redirected/CreateInteraction"


class TestDeleteInteraction:
    async def test_takes_it_out_of_the_queue_once(self, start: Start) -> None:
        company = await start()
        interaction_id = await company.id_of("s1")
        assert [entry.interaction_id for entry in company.company.ledger.left_behind] == [interaction_id]
        assert await company.call("DELETE", f"/{interaction_id}") == (200, {"success": True})
        assert (await company.call("DELETE", f"/{interaction_id}"))[0] == 410
        assert company.company.ledger.left_behind == []

    async def test_an_id_never_given_is_404(self, start: Start) -> None:
        company = await start()
        assert (await company.call("DELETE", "/a%2Fb%20c"))[0] == 404
        assert company.company.ledger.requests[0].interaction_id == "a/b c"

    async def test_one_that_an_agent_has_is_409(self, start: Start) -> None:
        company = await start()
        interaction_id = await company.id_of("s1")
        company.company.mark(interaction_id, Mark.ACCEPTED)
        assert (await company.call("DELETE", f"/{interaction_id}"))[0] == 409
        [interaction] = company.company.ledger.interactions
        assert (interaction.deleted_at, interaction.settled) == (None, True)

    async def test_a_lost_answer_has_deleted_it(self, start: Start) -> None:
        company = await start()
        interaction_id = await company.id_of("s1")
        # For ever, because the HTTP client by itself repeats a DELETE whose connection was cut.
        company.company.script("delete", "cut-after*forever")
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await company.call("DELETE", f"/{interaction_id}")
        assert company.company.ledger.left_behind == []
        company.company.script("delete", "refuse", "wrong-types")
        assert (await company.call("DELETE", f"/{interaction_id}"))[0] == 409
        assert await company.call("DELETE", f"/{interaction_id}") == (200, [False])


CUSTOMER = {"deviceId": "a1f0-77", "dlgToken": "Zk3v", "customerNo": "880214", "deviceHash": "q83v"}
STAFF = "/CheckToken?sessionId=s&token=t&userNo=31007"


class TestTokens:
    async def test_customers(self, start: Start) -> None:
        company = await start()
        company.company.script("checkauthtoken", "answer", "answer=ExpiredToken", 'answer="Validated"', "refuse")
        answers = [await company.call("POST", "/checkauthtoken", CUSTOMER) for _ in range(5)]
        texts = ["Validated", "ExpiredToken", '"Validated"', "InvalidToken", "Validated"]
        assert answers == [(200, text) for text in texts]

    async def test_a_customer_request_without_a_field(self, start: Start) -> None:
        company = await start()
        assert await company.call("POST", "/checkauthtoken", {"deviceId": "a"}) == (400, "BadRequest")
        assert company.company.ledger.requests[0].problem == "dlgToken and customerNo must be texts"

    async def test_staff(self, start: Start) -> None:
        company = await start()
        company.company.script("checktoken", "answer", "refuse=ExpiredToken", "wrong-types")
        answers = [(await company.call("GET", STAFF))[1] for _ in range(3)]
        assert [answer["success"] for answer in answers] == [True, False, "true"]
        assert answers[1]["errorMessage"] == "ExpiredToken"
        assert (await company.call("GET", "/CheckToken?sessionId=s"))[0] == 400

    async def test_a_token_in_the_address_is_not_in_the_log(self, start: Start) -> None:
        lines: list[str] = []
        company = await start(log=lines.append)
        await company.call("GET", "/CheckToken?sessionId=s&token=canary&userNo=31007")
        assert lines == ["GET /CheckToken: HTTP 200"]

    @pytest.mark.parametrize(
        ("sent", "token", "status"),
        [({}, Token.ABSENT, 401), ({"Auth_Token": "öther"}, Token.WRONG, 401), ({"Auth_Token": "t"}, Token.RIGHT, 200)],
    )
    async def test_the_required_header(self, start: Start, sent: dict[str, str], token: Token, status: int) -> None:
        company = await start(auth_token="t")
        assert (await company.create("s1", **sent))[0] == status
        assert company.company.ledger.requests[0].token is token
        assert len(company.company.ledger.interactions) == (status == 200)

    async def test_without_a_required_header_its_presence_shows(self, start: Start) -> None:
        company = await start()
        await company.create("s1", Auth_Token="anything")
        await company.create("s1")
        assert [entry.token for entry in company.company.ledger.requests] == [Token.PRESENT, Token.ABSENT]


class TestControl:
    async def test_a_script_by_http(self, start: Start) -> None:
        company = await start()
        assert (await company.call("POST", "/script", {"create": ["status=503*2"]}))[0] == 200
        assert [(await company.create("s1"))[0] for _ in range(3)] == [503, 503, 200]

    @pytest.mark.parametrize("body", [{"create": ["explode"]}, [], None])
    async def test_a_wrong_script_by_http(self, start: Start, body: object) -> None:
        company = await start()
        status, answer = await company.call("POST", "/script", body)
        assert status == 400
        assert "not understood" in answer["error"]

    async def test_the_ledger_by_http(self, start: Start) -> None:
        company = await start()
        interaction_id = await company.id_of("s1")
        assert (await company.call("POST", "/marks", {"interactionId": interaction_id, "mark": "accepted"}))[0] == 200
        _, ledger = await company.call("GET", "/ledger")
        [interaction] = ledger["interactions"]
        assert (interaction["interaction_id"], interaction["session_id"]) == (interaction_id, "s1")
        assert (interaction["mark"], interaction["settled"], interaction["deleted_at"]) == ("accepted", True, None)
        [request] = ledger["requests"]
        assert (request["endpoint"], request["token"], request["status"]) == ("create", "absent", 200)

    @pytest.mark.parametrize(
        ("body", "status"),
        [({"interactionId": "1", "mark": "accepted"}, 404), ({"mark": "accepted"}, 400), ({}, 400), (None, 400)],
    )
    async def test_a_wrong_mark_by_http(self, start: Start, body: object, status: int) -> None:
        company = await start()
        assert (await company.call("POST", "/marks", body))[0] == status

    async def test_unknown_things(self, start: Start) -> None:
        company = await start()
        with pytest.raises(UnknownInteractionError):
            company.company.mark("1", Mark.ACCEPTED)
        with pytest.raises(ScriptError):
            company.company.script("creation", "refuse")
        assert await company.call("GET", "/elsewhere") == (404, "not found")

    async def test_a_body_that_is_not_json(self, start: Start) -> None:
        company = await start()
        async with (
            aiohttp.ClientSession() as session,
            session.post(company.url + "/CreateInteraction", data=b"{") as response,
        ):
            assert response.status == 400
        assert company.company.ledger.requests[0].problem == "the body is not JSON"

    async def test_stopping_keeps_address_ledger_and_script(self, start: Start) -> None:
        company = await start()
        await company.create("s1")
        company.company.script("create", "status=503")
        await company.company.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await company.create("s1")
        assert await company.company.start() == company.url
        assert (await company.create("s1"))[0] == 503
        assert await company.create("s1") == (200, took("7700418"))

    async def test_waiting_has_a_limit(self, start: Start) -> None:
        company = await start()
        with pytest.raises(TimeoutError):
            await company.company.wait_for(lambda ledger: bool(ledger.interactions), 0.01)

    async def test_ids_of_a_new_company_are_new(self, start: Start) -> None:
        company = await start(first_id=None)
        assert int(await company.id_of("s1")) > 1_700_000_000_000


async def test_each_request_is_one_line_without_customers_data(start: Start) -> None:
    lines: list[str] = []
    company = await start(log=lines.append)
    company.company.script("create", "answer", "cut-after")
    await company.create("s1")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await company.create("s2")
    await company.call("DELETE", "/7700418")
    expected: list[Any] = [
        "POST /CreateInteraction session s1 interaction 7700418: HTTP 200",
        "POST /CreateInteraction session s2 interaction 7700419 (cut-after): no answer",
        "DELETE /7700418 session s1 interaction 7700418: HTTP 200",
    ]
    assert lines == expected
