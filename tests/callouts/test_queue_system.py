"""What is sent to the company's queue, and what its answers are worth."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diyalog.callouts.http import HttpClient
from diyalog.callouts.queue_system import HttpQueueSystem
from diyalog.domain.commands import Request
from diyalog.domain.ids import InteractionId, SessionId
from diyalog.ports_callouts import Again, CreateAnswer, Done, NotSent, Refused, Took, Unknown
from diyalog.simulator.behaviour import Endpoint
from diyalog.simulator.company import Company
from workers.jumping import Notes

from .raw_company import RawCompany, http, listening, saying

SESSION = SessionId("0197e7f2-7d6c-7cc5-a1c5-0c2e8a3f9b11")
REQUEST = Request("880214", "10000000146", (("topic", "CardLimit"), ("language", "tr")))
TOOK = b'{"success":true,"errorMessage":null,"result":{"interactionId":"7700418"}}'
Form = Literal["object", "array"]


@asynccontextmanager
async def queue_at(base: str, form: Form = "object") -> AsyncIterator[tuple[HttpQueueSystem, Notes]]:
    client, notes = HttpClient([base]), Notes()
    await client.start()
    try:
        yield HttpQueueSystem(base, creates=client, deletes=client, form=form, slot_s=1.0, journal=notes), notes
    finally:
        await client.stop()


async def answer_to(answer: bytes) -> tuple[CreateAnswer, Notes]:
    company = RawCompany()
    async with listening(company, saying(company, answer)), queue_at(company.base) as (queue, notes):
        created = await queue.create(SESSION, REQUEST, 5.0)
    assert len(company.requests) == 1
    return created, notes


async def sent(request: Request, form: Form) -> tuple[str, object]:
    """Head and decoded body of the CreateInteraction for a request; names in order, as pairs."""
    company = RawCompany()
    async with listening(company, saying(company, http(200, TOOK))), queue_at(company.base + "/base/", form) as (q, _):
        assert await q.create(SESSION, request, 5.0) == Took(InteractionId("7700418"))
    [(head, body)] = company.requests
    return head, json.loads(body, object_pairs_hook=list)


async def test_the_object_form() -> None:
    head, body = await sent(REQUEST, "object")
    assert head.startswith("POST /base/CreateInteraction HTTP/1.1\r\n")
    assert f"Idempotency-Key: {SESSION}\r\n" in head
    assert "Content-Type: application/json\r\n" in head
    assert body == [
        ("identityNumber", "10000000146"),
        ("customerId", "880214"),
        ("attachedData", [("topic", "CardLimit"), ("language", "tr")]),
        ("sessionId", SESSION),
    ]


async def test_in_the_object_form_the_last_value_of_a_name_stands() -> None:
    _, body = await sent(Request("1", "", (("a", "first"), ("b", "ü\u0000\U0001f600"), ("a", "last"))), "object")
    assert body == [
        ("identityNumber", ""),
        ("customerId", "1"),
        ("attachedData", [("a", "last"), ("b", "ü\u0000\U0001f600")]),
        ("sessionId", SESSION),
    ]


async def test_the_array_form_keeps_order_and_repeats_and_has_no_identity_number() -> None:
    _, body = await sent(Request("1", "10000000146", (("b", "2"), ("a", "1"), ("b", "3"))), "array")
    assert body == [
        ("customerId", "1"),
        ("attachedData", [[("b", "2")], [("a", "1")], [("b", "3")]]),
        ("sessionId", SESSION),
    ]


@pytest.mark.parametrize("form", ["object", "array"])
async def test_without_attached_data_the_container_is_empty(form: Form) -> None:
    company = RawCompany()
    async with listening(company, saying(company, http(200, TOOK))), queue_at(company.base, form) as (queue, _):
        await queue.create(SESSION, Request("1", "", ()), 5.0)
    assert json.loads(company.requests[0][1])["attachedData"] == ({} if form == "object" else [])


@pytest.mark.parametrize(
    ("body", "interaction_id"),
    [
        (TOOK, "7700418"),
        (b'{"success":true,"result":{"interactionId":7700418}}', "7700418"),
        (b'{"success":true,"result":{"interactionId":-1}}', "-1"),
        (
            b'{"success":true,"result":{"interactionId":123456789012345678901234567890}}',
            "123456789012345678901234567890",
        ),
        ('{"success":true,"result":{"interactionId":"çağrı/№ 1?#"}}'.encode(), "çağrı/№ 1?#"),
        (b'{"success":true,"result":{"interactionId":"' + b"a" * 255 + b'"}}', "a" * 255),
        (b' \r\n{"new":[1,{}],"success":true,"result":{"interactionId":"1","queue":"x"}}\n', "1"),
        (b'{"success":false,"success":true,"result":{"interactionId":"1"}}', "1"),
    ],
)
async def test_an_answer_with_a_usable_id_is_taken(body: bytes, interaction_id: str) -> None:
    answer, notes = await answer_to(http(200, body))
    assert answer == Took(InteractionId(interaction_id))
    assert notes.calls == [("create_interaction", "ok", 200)]


@pytest.mark.parametrize("status", [200, 201, 299, 400, 403, 404, 409, 499])
async def test_the_queues_own_refusal(status: int) -> None:
    answer, _ = await answer_to(http(status, b'{"success":false,"errorMessage":"closed","result":null}'))
    assert answer == Refused(by_queue=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 499])
@pytest.mark.parametrize("body", [b"", b"<html>", TOOK, b'{"success":"false"}'])
async def test_any_other_4xx_is_a_refusal_of_this_request(status: int, body: bytes) -> None:
    answer, notes = await answer_to(http(status, body))
    assert answer == Refused(by_queue=False)
    assert notes.calls == [("create_interaction", "refused", status)]


@pytest.mark.parametrize("status", [301, 307, 399, 408, 425, 429, 500, 501, 502, 503, 504, 599, 600, 999])
@pytest.mark.parametrize("body", [b"", TOOK, b'{"success":false}'])
async def test_these_statuses_say_nothing_whatever_the_body(status: int, body: bytes) -> None:
    answer, _ = await answer_to(http(status, body))
    assert answer == Unknown()


HOSTILE = (
    b"",
    b"null",
    b"[]",
    b'"Validated"',
    b"7700418",
    b"{",
    b"{}",
    b"<html>",
    TOOK + b"x",
    b"\xef\xbb\xbf" + TOOK,
    TOOK.decode().encode("utf-16"),
    b'{"success":true}',
    b'{"success":true,"result":null}',
    b'{"success":true,"result":{}}',
    b'{"success":true,"result":{"interactionId":null}}',
    b'{"success":true,"result":{"interactionId":""}}',
    b'{"success":true,"result":{"interactionId":true}}',
    b'{"success":true,"result":{"interactionId":1.5}}',
    b'{"success":true,"result":{"interactionId":1e3}}',
    b'{"success":true,"result":{"interactionId":["7700418"]}}',
    b'{"success":true,"result":{"interactionId":{"a":"7700418"}}}',
    b'{"success":true,"result":{"interactionId":' + b"9" * 256 + b"}}",
    b'{"success":true,"result":{"interactionId":' + b"9" * 200_000 + b"}}",
    b'{"success":true,"result":{"interactionId":"' + b"a" * 256 + b'"}}',
    b'{"success":true,"result":{"interactionId":"a\\u0000b"}}',
    b'{"success":true,"result":{"interactionId":"a\\r\\nX: y"}}',
    b'{"success":true,"result":{"interactionId":"\\u007f"}}',
    b'{"success":true,"result":{"interactionId":"\\u0085"}}',
    b'{"success":true,"result":{"interactionId":"\\ud800"}}',
    b'{"success":true,"result":{"interactionId":"\\ud800 "}}',
    b'{"success":true,"result":{"interactionId":"\xff"}}',
    b'{"success":true,"result":{"interactionId":"."}}',
    b'{"success":true,"result":{"interactionId":".."}}',
    b'{"success":true,"result":"7700418"}',
    b'{"success":true,"result":[{"interactionId":"7700418"}]}',
    b'{"success":true,"interactionId":"7700418"}',
    b'{"Success":true,"Result":{"InteractionId":"7700418"}}',
    b'{"success":1,"result":{"interactionId":"7700418"}}',
    b'{"success":"true","result":{"interactionId":"7700418"}}',
    b'{"success":null,"result":{"interactionId":"7700418"}}',
    b'{"success":true,"errorMessage":{},"result":{"interactionId":"7700418"}}',
    b'{"success":false,"errorMessage":5}',
    b'{"success":true,"result":{"interactionId" = "7700418"}}',
    b'{"success":true,"result":{"interactionId":NaN}}',
    b'{"x":' * 50_000,
    b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
)


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_an_answer_that_does_not_fit_is_never_used(body: bytes) -> None:
    answer, notes = await answer_to(http(200, body))
    assert answer == Unknown()
    assert notes.calls == [("create_interaction", "unusable", 200)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(st.binary(max_size=200), st.text(max_size=50).map(str.encode), st.sampled_from(HOSTILE)))
async def test_no_bytes_make_it_raise(body: bytes) -> None:
    answer, _ = await answer_to(body)
    assert answer == Unknown()


async def test_a_request_that_was_not_sent_is_told_apart() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with queue_at(f"http://127.0.0.1:{taken.getsockname()[1]}") as (queue, notes):
            assert await queue.create(SESSION, REQUEST, 5.0) == NotSent()
            assert await queue.create(SESSION, Request("\ud800", "", ()), 5.0) == NotSent()
            assert await queue.delete(InteractionId("1")) == Again()
    assert notes.calls == [("create_interaction", "connect", None), ("delete_interaction", "connect", None)]


@pytest.mark.parametrize(
    ("interaction_id", "path"),
    [
        ("7700418", "/base/7700418"),
        ("a/b", "/base/a%2Fb"),
        ("../../admin?x=1#y", "/base/..%2F..%2Fadmin%3Fx%3D1%23y"),
        ("%2e%2e", "/base/%252e%252e"),
        (".", "/base/%2E"),
        ("..", "/base/%2E%2E"),
        ("ç \r\n", "/base/%C3%A7%20%0D%0A"),
        ("a:b@c", "/base/a%3Ab%40c"),
    ],
)
async def test_an_id_is_one_encoded_segment_of_the_path(interaction_id: str, path: str) -> None:
    company = RawCompany()
    async with listening(company, saying(company, http(200, b""))), queue_at(company.base + "/base") as (queue, _):
        assert await queue.delete(InteractionId(interaction_id)) == Done()
    [(head, body)] = company.requests
    assert head.startswith(f"DELETE {path} HTTP/1.1\r\n")
    assert body == b""


@pytest.mark.parametrize(
    ("status", "answer"),
    [(status, Done()) for status in (200, 202, 204, 299, 404, 410)]
    + [(status, Again(denied=True)) for status in (401, 403)]
    + [(status, Again()) for status in (301, 307, 400, 405, 408, 409, 422, 429, 500, 503)],
)
async def test_what_a_deletes_status_means(status: int, answer: object) -> None:
    company = RawCompany()
    async with listening(company, saying(company, http(status, b""))), queue_at(company.base) as (queue, _):
        assert await queue.delete(InteractionId("7700418")) == answer


@pytest.mark.parametrize("form", ["object", "array"])
async def test_the_simulated_company_understands_both_forms(form: Form) -> None:
    company = Company(attached=form, auth_token="right")
    base = await company.start()
    client = HttpClient([base], auth_token="right")
    await client.start()
    try:
        queue = HttpQueueSystem(base, creates=client, deletes=client, form=form, slot_s=1.0, journal=Notes())
        answer = await queue.create(SESSION, REQUEST, 5.0)
        assert isinstance(answer, Took)
        assert await queue.create(SESSION, REQUEST, 5.0) == answer
        assert await queue.delete(answer.interaction_id) == Done()
        assert company.ledger.left_behind == []
        assert [request.problem for request in company.ledger.received(Endpoint.CREATE)] == [None, None]
    finally:
        await client.stop()
        await company.stop()
