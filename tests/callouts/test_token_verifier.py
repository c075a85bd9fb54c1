"""checkauthtoken: the text decides, then the status; anything else is no confirmation."""

import json
import socket

import pytest

from diyalog.callouts.http import ANSWER_LIMIT, HttpClient
from diyalog.callouts.token_verifier import HttpTokenVerifier
from workers.jumping import Notes

from .raw_company import RawCompany, http, listening, saying

NOT_VALIDATED = "DLGEXCPSRV_TKNNOTVLD"
SERVICE_ERROR = "DLGEXCPSRV_AUTHSRVERR"
BAD_REQUEST = "DLGEXCPSRV_BADREQ"
INACCESSIBLE = "DLGEXCPSRV_AUTHSRVINACC"
TABLE = {
    "Validated": "",
    "InvalidToken": "DLGEXCPSRV_TKNINVLD",
    "ExpiredToken": "DLGEXCPSRV_TKNEXP",
    "InvalidDeviceId": "DLGEXCPSRV_DVCIDINVLD",
    "InternalError": SERVICE_ERROR,
    "BadRequest": BAD_REQUEST,
}


async def check(answer: bytes) -> tuple[str, RawCompany, Notes]:
    company, notes = RawCompany(), Notes()
    async with listening(company, saying(company, answer)):
        client = HttpClient([company.base], auth_token="t-1")
        await client.start()
        try:
            verifier = HttpTokenVerifier(client, f"{company.base}/base", journal=notes)
            code = await verifier.check_customer("a1f0-77", "Zk3v", "880214", "q83v")
        finally:
            await client.stop()
    return code, company, notes


async def test_the_request_is_the_documented_one() -> None:
    _, company, notes = await check(http(200, b"Validated"))
    [(head, body)] = company.requests
    assert head.startswith("POST /base/checkauthtoken HTTP/1.1\r\n")
    assert "Auth-Token: t-1\r\n" in head
    assert json.loads(body) == {
        "deviceId": "a1f0-77",
        "dlgToken": "Zk3v",
        "customerNo": "880214",
        "deviceHash": "q83v",
    }
    assert notes.calls == [("checkauthtoken", "ok", 200)]


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 404, 500, 503])
@pytest.mark.parametrize("form", ["{}", '"{}"', " \n{}\r\n", '\t"{}" ', '" {} "'])
@pytest.mark.parametrize("text", list(TABLE))
async def test_the_text_decides_whatever_the_status(text: str, form: str, status: int) -> None:
    if status == 204:  # has no body by definition
        assert (await check(http(204, b"")))[0] == NOT_VALIDATED
        return
    assert (await check(http(status, form.format(text).encode())))[0] == TABLE[text]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"validated",
        b"VALIDATED",
        b"Validated.",
        b"Validated\x00",
        b"'Validated'",
        b'"Validated',
        b'["Validated"]',
        b'{"result":"Validated"}',
        b'"Validated" x',
        b"\xff\xfeV\x00a\x00",
        b'"\\ud800"',
        b"true",
        b"ExpiredCode",
        b"InvalidCode",
        b"InvalidHash",
        b"Validated InvalidToken",
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, NOT_VALIDATED),
        (302, NOT_VALIDATED),
        (400, BAD_REQUEST),
        (401, NOT_VALIDATED),
        (404, NOT_VALIDATED),
        (499, NOT_VALIDATED),
        (500, SERVICE_ERROR),
        (503, SERVICE_ERROR),
    ],
)
async def test_any_other_text_leaves_it_to_the_status(body: bytes, status: int, code: str) -> None:
    assert (await check(http(status, body)))[0] == code


@pytest.mark.parametrize(("status", "code"), [(200, NOT_VALIDATED), (400, BAD_REQUEST), (500, SERVICE_ERROR)])
async def test_an_answer_that_is_too_large_confirms_nothing(status: int, code: str) -> None:
    assert (await check(http(status, b"Validated" + b" " * ANSWER_LIMIT)))[0] == code


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nValidated", b"nonsense\r\n\r\n"]
)
async def test_a_cut_answer_is_an_inaccessible_service(answer: bytes) -> None:
    code, company, notes = await check(answer)
    assert code == INACCESSIBLE
    assert len(company.requests) == 1
    assert notes.calls == [("checkauthtoken", "cut", None)]


async def test_a_service_that_cannot_be_reached_is_inaccessible() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = HttpClient([base])
        await client.start()
        try:
            verifier = HttpTokenVerifier(client, base, journal=Notes())
            assert await verifier.check_customer("d", "t", "1", None) == INACCESSIBLE
            assert await verifier.check_customer("\ud800", "t", "1", None) == BAD_REQUEST
        finally:
            await client.stop()
