import base64
import json
import socket
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from client.checker import CUT, KEY_ID, KEY_SECRET, Checker, Reply
from diyalog.client import (
    Answer,
    AuthenticationRefusedError,
    CallError,
    CompanyClient,
    OutOfOfficeAnswer,
    RequestRefusedError,
    ServerFailedError,
    TransactionHashAnswer,
    UnreachableError,
    sign,
)

KNOWN = json.loads((Path(__file__).parents[1] / "vectors" / "signature.json").read_text(encoding="utf-8"))


class Naps:
    """Takes the place of sleeping; keeps how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def client(checker: Checker, naps: Naps) -> CompanyClient:
    return CompanyClient(checker.url, KEY_ID, KEY_SECRET, "31007", 10, sleep=naps, draw=lambda: 0.5)


@pytest.mark.parametrize("vector", KNOWN["vectors"], ids=lambda vector: vector["name"])
def test_headers_are_those_of_the_known_answers(vector: dict[str, Any]) -> None:
    headers = sign(
        vector["method"].lower(),
        vector["target"],
        base64.b64decode(vector["bodyBase64"]),
        access_key_id=vector["accessKeyId"],
        access_key_secret=vector["accessKeySecret"],
        requester_user_id=vector["requester"],
        date=vector["date"],
        content_type=vector["contentType"],
    )
    assert headers == {
        "Content-Type": vector["contentType"],
        "x-dlg-date": vector["date"],
        "x-dlg-requester-userid": vector["requester"],
        "x-dlg-authorization": vector["authorization"],
    }


def test_without_a_content_type_there_is_no_such_header() -> None:
    headers = sign(
        "GET",
        "/v1/application/x",
        b"",
        access_key_id="id",
        access_key_secret="secret",
        requester_user_id="u",
        content_type="",
    )
    assert set(headers) == {"x-dlg-date", "x-dlg-requester-userid", "x-dlg-authorization"}
    assert parsedate_to_datetime(headers["x-dlg-date"]).tzname() == "UTC"


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("method", "PO ST"),
        ("method", "GÖT"),
        ("target", "v1/application/x"),
        ("target", "/a b"),
        ("target", "/ğ"),
        ("target", "/a#b"),
        ("access_key_id", "a:b"),
        ("access_key_id", ""),
        ("access_key_secret", ""),
        ("requester_user_id", ""),
        ("requester_user_id", "Gökçe"),
        ("requester_user_id", "a\r\nx: y"),
        ("requester_user_id", "7" * 513),
        ("date", "a\nb"),
        ("content_type", "a\nb"),
    ],
)
def test_what_no_header_can_carry_is_refused(part: str, value: str) -> None:
    given = {
        "method": "POST",
        "target": "/x",
        "access_key_id": "id",
        "access_key_secret": "secret",
        "requester_user_id": "u",
        part: value,
    }
    with pytest.raises(ValueError):  # noqa: PT011 - what is asked is only that nothing is signed
        sign(body=b"", **given)


def test_not_delivered_sends_one_signed_request(client: CompanyClient, checker: Checker) -> None:
    answer = client.interaction_is_not_delivered(interaction_id="7700418", message='Şu an "meşgul" 🙏\n')
    assert answer == Answer(is_success=True, message="Customer waiting will be stopped.", error_code=None)
    [exchange] = checker.exchanges
    assert (exchange.method, exchange.target) == ("POST", "/v1/application/interactionisnotdelivered")
    assert json.loads(exchange.body) == {"interactionId": "7700418", "message": 'Şu an "meşgul" 🙏\n'}
    assert exchange.caller.requester == "31007"
    assert exchange.headers["content-type"] == "application/json"
    assert "idempotency-key" not in exchange.headers


def test_a_failing_answer_is_an_answer(client: CompanyClient, checker: Checker) -> None:
    checker.replies.append(Reply(content=b'{"isSuccess": false, "message": "No customer", "errorCode": 402}'))
    answer = client.interaction_is_not_delivered(session_id="55")
    assert answer == Answer(is_success=False, message="No customer", error_code=402)
    assert json.loads(checker.exchanges[0].body) == {"sessionId": "55"}


def test_transaction_hash(client: CompanyClient, checker: Checker) -> None:
    checker.replies.append(Reply(content=b'{"isSuccess": true, "message": "ok", "transactionHash": "0f4c"}'))
    answer = client.get_transaction_hash("880214", "q83v", "7700418")
    assert answer == TransactionHashAnswer(is_success=True, message="ok", transaction_hash="0f4c")
    [exchange] = checker.exchanges
    assert exchange.target == "/v1/application/gettransactionhashforonlinehelp"
    assert json.loads(exchange.body) == {"customerId": "880214", "deviceHash": "q83v", "interactionId": "7700418"}


def test_transaction_hash_refused(client: CompanyClient, checker: Checker) -> None:
    checker.replies.append(Reply(content=b'{"isSuccess": false, "message": "barred"}'))
    answer = client.get_transaction_hash("880214", "q83v")
    assert answer == TransactionHashAnswer(is_success=False, message="barred", transaction_hash=None)


def test_finishing_a_conversation(client: CompanyClient, checker: Checker) -> None:
    checker.replies.append(Reply(content=b'{"isSuccess": true, "message": "Conversation will be stop with peers."}'))
    checker.replies.append(Reply(content=b'{"isSuccess": false, "message": "No conversation", "errorCode": 400}'))
    answers = [client.finish_online_help("880214", "31007") for _ in range(2)]
    assert answers == [
        Answer(is_success=True, message="Conversation will be stop with peers.", error_code=None),
        Answer(is_success=False, message="No conversation", error_code=400),
    ]
    assert [exchange.target for exchange in checker.exchanges] == ["/v1/application/finishonlinehelp"] * 2
    assert json.loads(checker.exchanges[0].body) == {"customerId": "880214", "staffId": "31007"}


def test_finishing_is_sent_once(client: CompanyClient, checker: Checker, naps: Naps) -> None:
    checker.replies.append(CUT)
    with pytest.raises(UnreachableError):
        client.finish_online_help("880214", "31007")
    assert (len(checker.exchanges), naps.seconds) == (1, [])


def test_out_of_office(client: CompanyClient, checker: Checker) -> None:
    done = Answer(is_success=True, message="ok", error_code=None)
    checker.replies.extend(Reply(content=b'{"isSuccess": true, "message": "ok"}') for _ in range(3))
    assert client.enable_out_of_office("31007", "Döneceğim", ["31008", "31011"]) == done
    assert client.enable_out_of_office("31007") == done
    assert client.disable_out_of_office("31007") == done
    assert [(exchange.target, json.loads(exchange.body)) for exchange in checker.exchanges] == [
        (
            "/v1/application/enableoutofoffice",
            {"staffId": "31007", "outOfOfficeMessage": "Döneceğim", "forwardToStaffIds": ["31008", "31011"]},
        ),
        ("/v1/application/enableoutofoffice", {"staffId": "31007"}),
        ("/v1/application/disableoutofoffice", {"staffId": "31007"}),
    ]


def test_out_of_office_is_read(client: CompanyClient, checker: Checker) -> None:
    told = {"staffId": "31007", "isOutOfOffice": True, "outOfOfficeMessage": "x", "forwardToStaffIds": "31008, 31011"}
    checker.replies.append(Reply(content=json.dumps({"isSuccess": True, "message": "ok", **told}).encode()))
    checker.replies.append(Reply(content=b'{"isSuccess": false, "message": "Nobody", "errorCode": 400}'))
    assert client.get_user_out_of_office_info("31007") == OutOfOfficeAnswer(
        is_success=True,
        message="ok",
        error_code=None,
        is_out_of_office=True,
        out_of_office_message="x",
        forward_to_staff_ids=("31008", "31011"),
    )
    assert client.get_user_out_of_office_info("9") == OutOfOfficeAnswer(
        is_success=False,
        message="Nobody",
        error_code=400,
        is_out_of_office=False,
        out_of_office_message="",
        forward_to_staff_ids=(),
    )
    assert checker.exchanges[0].target == "/v1/application/getuseroutofofficeinfo"


@pytest.mark.parametrize("lost", ["isOutOfOffice", "outOfOfficeMessage", "forwardToStaffIds", "message"])
def test_half_an_answer_is_the_servers_failure(client: CompanyClient, checker: Checker, lost: str) -> None:
    told = {
        "isSuccess": True,
        "message": "ok",
        "isOutOfOffice": True,
        "outOfOfficeMessage": "",
        "forwardToStaffIds": "",
    }
    told.pop(lost)
    checker.replies.append(Reply(content=json.dumps(told).encode()))
    with pytest.raises(ServerFailedError):
        client.get_user_out_of_office_info("31007")


def test_out_of_office_is_repeated(client: CompanyClient, checker: Checker, naps: Naps) -> None:
    checker.replies.extend([CUT, Reply(status=503, headers={"Retry-After": "2"}), Reply()])
    assert client.enable_out_of_office("31007").is_success
    checker.replies.extend([CUT, Reply()])
    assert client.disable_out_of_office("31007").is_success
    assert len(naps.seconds) == 3
    assert len({exchange.body for exchange in checker.exchanges[:3]}) == 1


def test_a_wrong_secret_is_told_apart(checker: Checker) -> None:
    client = CompanyClient(checker.url, KEY_ID, "another secret", "31007")
    with pytest.raises(AuthenticationRefusedError) as refused:
        client.interaction_is_not_delivered(interaction_id="1", idempotency_key="k")
    assert (refused.value.status, refused.value.text) == (401, "Authorization failed")
    assert not checker.exchanges


def test_other_refusals_are_not_repeated(client: CompanyClient, checker: Checker, naps: Naps) -> None:
    checker.replies.append(Reply(422, b"another body"))
    with pytest.raises(RequestRefusedError) as refused:
        client.interaction_is_not_delivered(interaction_id="1", idempotency_key="k")
    assert (refused.value.status, refused.value.text) == (422, "another body")
    assert not isinstance(refused.value, AuthenticationRefusedError)
    assert (len(checker.exchanges), naps.seconds) == (1, [])


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b"broken"),
        Reply(503, b"later"),
        Reply(429, b"slowly"),
        Reply(302, b"", {"Location": "/elsewhere"}),
        Reply(content=b"[]"),
        Reply(content=b"\xff"),
        Reply(content=b'{"isSuccess": "yes", "message": "m"}'),
        Reply(content=b'{"isSuccess": true}'),
        Reply(content=b"[" * 100_000),
        Reply(content=b'{"isSuccess": true, "message": "' + b"m" * 300_000 + b'"}'),
    ],
    ids=lambda reply: f"{reply.status} {reply.content[:20]!r}",
)
def test_what_is_no_answer_is_the_servers_failure(client: CompanyClient, checker: Checker, reply: Reply) -> None:
    checker.replies.append(reply)
    with pytest.raises(ServerFailedError):
        client.interaction_is_not_delivered(interaction_id="1")
    assert len(checker.exchanges) == 1


def test_a_call_with_a_key_is_repeated_with_the_same_bytes(client: CompanyClient, checker: Checker, naps: Naps) -> None:
    checker.replies.extend([CUT, Reply(503, b"later", {"Retry-After": "7"}), Reply(500, b"broken")])
    answer = client.interaction_is_not_delivered(interaction_id="1", message="m", idempotency_key="end of 1")
    assert answer.is_success
    assert [exchange.headers["idempotency-key"] for exchange in checker.exchanges] == ["end of 1"] * 4
    assert len({exchange.body for exchange in checker.exchanges}) == 1
    assert naps.seconds == [0.25, 7.0, 1.0]


def test_repeats_end(client: CompanyClient, checker: Checker, naps: Naps) -> None:
    checker.replies.extend([Reply(503, b"later", {"Retry-After": "86400"})] * 9)
    with pytest.raises(ServerFailedError) as failed:
        client.interaction_is_not_delivered(interaction_id="1", idempotency_key="k")
    assert (failed.value.status, failed.value.text, failed.value.retry_after) == (503, "later", 86400)
    assert (len(checker.exchanges), naps.seconds) == (4, [30.0, 30.0, 30.0])


def test_a_call_without_a_key_is_sent_once(client: CompanyClient, checker: Checker, naps: Naps) -> None:
    checker.replies.append(CUT)
    with pytest.raises(UnreachableError):
        client.interaction_is_not_delivered(interaction_id="1")
    assert (len(checker.exchanges), naps.seconds) == (1, [])


def test_nobody_listens(naps: Naps) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = CompanyClient(f"http://127.0.0.1:{port}", KEY_ID, KEY_SECRET, "31007", sleep=naps)
    with pytest.raises(UnreachableError):
        client.get_transaction_hash("1", "2")


def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = CompanyClient(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY_ID, KEY_SECRET, "31007", 0.05)
        with pytest.raises(UnreachableError, match="TimeoutError"):
            client.get_transaction_hash("1", "2")


@pytest.mark.parametrize("key", ["", "ğ", "a\nb", "k" * 256])
def test_an_impossible_idempotency_key(client: CompanyClient, checker: Checker, key: str) -> None:
    with pytest.raises(ValueError, match="idempotency_key"):
        client.interaction_is_not_delivered(interaction_id="1", idempotency_key=key)
    assert not checker.exchanges


@pytest.mark.parametrize(
    "url",
    [
        "",
        "diyalog.example",
        "ftp://diyalog.example",
        "http://",
        "https://diyalog.example/api",
        "http://u:p@h",
        "http://h/?q",
    ],
)
def test_the_base_address_is_host_and_port_only(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        CompanyClient(url, KEY_ID, KEY_SECRET, "31007")


def test_every_error_is_a_call_error() -> None:
    assert all(issubclass(kind, CallError) for kind in (RequestRefusedError, UnreachableError, ServerFailedError))
    assert issubclass(AuthenticationRefusedError, RequestRefusedError)
