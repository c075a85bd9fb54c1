"""CheckToken: confirmed by `success` true and a good status only; a refusal is named by its words, else the status."""

import json
import socket
from urllib.parse import unquote

import pytest

from diyalog.callouts.http import ANSWER_LIMIT, HttpClient
from diyalog.callouts.staff_verifier import HttpStaffVerifier
from workers.jumping import Notes

from .raw_company import RawCompany, http, listening, saying

NOT_VALIDATED = "DLGEXCPSRV_TKNNOTVLD"
SERVICE_ERROR = "DLGEXCPSRV_AUTHSRVERR"
BAD_REQUEST = "DLGEXCPSRV_BADREQ"
INACCESSIBLE = "DLGEXCPSRV_AUTHSRVINACC"
WORDS = {
    "InvalidToken": "DLGEXCPSRV_TKNINVLD",
    "ExpiredToken": "DLGEXCPSRV_TKNEXP",
    "InvalidSessionId": "DLGEXCPSRV_SIDINVLD",
    "InternalError": SERVICE_ERROR,
    "BadRequest": BAD_REQUEST,
}
BY_STATUS = [
    (200, NOT_VALIDATED),
    (302, NOT_VALIDATED),
    (400, BAD_REQUEST),
    (401, NOT_VALIDATED),
    (404, NOT_VALIDATED),
    (500, SERVICE_ERROR),
    (503, SERVICE_ERROR),
]
CONFIRMED = b'{"success": true, "result": "token 7f of user 31007 accepted"}'


async def check(answer: bytes, *trio: str) -> tuple[str, RawCompany, Notes]:
    company, notes = RawCompany(), Notes()
    async with listening(company, saying(company, answer)):
        client = HttpClient([company.base], auth_token="t-1")
        await client.start()
        try:
            verifier = HttpStaffVerifier(client, f"{company.base}/base/", journal=notes)
            code = await verifier.check_staff(*(trio or ("s-9", "Zk3v", "31007")))
        finally:
            await client.stop()
    return code, company, notes


async def test_the_request_is_the_documented_one() -> None:
    code, company, notes = await check(http(200, CONFIRMED))
    assert code == ""
    [(head, body)] = company.requests
    assert head.startswith("GET /base/CheckToken?sessionId=s-9&token=Zk3v&userNo=31007 HTTP/1.1\r\n")
    assert "Auth-Token: t-1\r\n" in head
    assert body == b""
    assert notes.calls == [("checktoken", "ok", 200)]


async def test_every_character_arrives_as_itself() -> None:
    trio = ("a&token=x#?", "+/= %20\r\nHost: evil", "Ğü~\U0001f600;../")
    _, company, _ = await check(http(200, CONFIRMED), *trio)
    [(head, _)] = company.requests
    target = head.split(" ")[1]
    path, _, query = target.partition("?")
    names, values = zip(*(pair.split("=") for pair in query.split("&")), strict=True)
    assert (path, names) == ("/base/CheckToken", ("sessionId", "token", "userNo"))
    assert tuple(map(unquote, values)) == trio
    assert head.lower().count("\r\nhost: ") == 1


@pytest.mark.parametrize("answer", [CONFIRMED, b'{"success":true}', b' {"success":true,"errorMessage":null,"x":[1]}\n'])
@pytest.mark.parametrize(("status", "code"), [(200, ""), (201, ""), *BY_STATUS[1:]])
async def test_a_confirmation_counts_with_a_good_status_only(answer: bytes, status: int, code: str) -> None:
    assert (await check(http(status, answer)))[0] == code


@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize("field", ["errorMessage", "result"])
@pytest.mark.parametrize("word", list(WORDS))
async def test_a_refusal_is_named_by_its_words_whatever_the_status(word: str, field: str, status: int) -> None:
    answer = json.dumps({"success": False, "result": "user 31007", field: word}).encode()
    assert (await check(http(status, answer)))[0] == WORDS[word]


@pytest.mark.parametrize("text", ["", "invalidtoken", "InvalidToken.", " InvalidToken", "InvalidDeviceId", "Validated"])
@pytest.mark.parametrize(("status", "code"), BY_STATUS)
async def test_other_words_leave_it_to_the_status(text: str, status: int, code: str) -> None:
    answer = json.dumps({"success": False, "errorMessage": text, "result": text}).encode()
    answered, _, notes = await check(http(status, answer))
    assert answered == code
    assert notes.calls == [("checktoken", code, status)], "the company's words are not passed on"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Validated",
        b"true",
        b'"true"',
        b"[true]",
        b'[{"success": true}]',
        b"{}",
        b'{"success": "true"}',
        b'{"success": 1}',
        b'{"success": null}',
        b'{"Success": true}',
        b'{"success": true, "result": {}}',
        b'{"success": true, "errorMessage": 0}',
        b'{"success": true',
        b'{"success": true} {"success": true}',
        b'{"success": true, "x": NaN}',
        b'{"success": true, "result": "\xff"}',
        b'{"success": true, "result": "\\ud800"}',
        '{"success": true}'.encode("utf-16"),
        b'{"success": true, "x": ' + b"[" * 100_000,
    ],
)
@pytest.mark.parametrize(("status", "code"), BY_STATUS)
async def test_an_answer_that_does_not_fit_confirms_nothing(body: bytes, status: int, code: str) -> None:
    assert (await check(http(status, body)))[0] == code


@pytest.mark.parametrize(("status", "code"), [(200, NOT_VALIDATED), (400, BAD_REQUEST), (500, SERVICE_ERROR)])
async def test_an_answer_that_is_too_large_confirms_nothing(status: int, code: str) -> None:
    assert (await check(http(status, CONFIRMED + b" " * ANSWER_LIMIT)))[0] == code


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + CONFIRMED, b"nonsense\r\n\r\n"]
)
async def test_a_cut_answer_is_an_inaccessible_service(answer: bytes) -> None:
    code, company, notes = await check(answer)
    assert code == INACCESSIBLE
    assert len(company.requests) == 1
    assert notes.calls == [("checktoken", "cut", None)]


async def test_no_redirect_is_followed() -> None:
    code, company, _ = await check(http(307, CONFIRMED, "Location: /base/CheckToken"))
    assert code == NOT_VALIDATED
    assert len(company.requests) == 1


async def test_a_service_that_cannot_be_reached_is_inaccessible() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = HttpClient([base])
        await client.start()
        try:
            verifier = HttpStaffVerifier(client, base, journal=Notes())
            assert await verifier.check_staff("s", "t", "31007") == INACCESSIBLE
            assert await verifier.check_staff("s", "\ud800", "31007") == BAD_REQUEST
        finally:
            await client.stop()
