"""The out-of-office operations of the company API, on the real store."""

import json
from typing import Any

import pytest

from .node import Node
from .test_documents import is_described

ENABLE = "/v1/application/enableoutofoffice"
DISABLE = "/v1/application/disableoutofoffice"
READ = "/v1/application/getuseroutofofficeinfo"
NOBODY = {"isSuccess": False, "message": "No member of the staff has this staffId.", "errorCode": 400}


async def ask(node: Node, path: str, **fields: object) -> dict[str, Any]:
    reply = await node.signed(path, json.dumps(fields).encode())
    assert reply.status == 200, reply.text
    is_described(reply, "POST", path)
    return reply.json


@pytest.fixture
async def office(node: Node) -> Node:
    """A node that knows one member of the staff."""
    reply = await node.client.json("POST", "/v1/staff/sessions", {"userId": "31007", "userName": "Selin Aksoy"})
    assert reply.status == 201
    return node


def info(*, absent: bool, message: str = "", forward: str = "") -> dict[str, Any]:
    return {
        "isSuccess": True,
        "message": "The out-of-office setting was read.",
        "staffId": "31007",
        "isOutOfOffice": absent,
        "outOfOfficeMessage": message,
        "forwardToStaffIds": forward,
    }


async def test_it_is_switched_on_and_off(office: Node) -> None:
    assert await ask(office, READ, staffId="31007") == info(absent=False)
    fields = {"staffId": "31007", "outOfOfficeMessage": "Back on Monday", "forwardToStaffIds": "31008,31011"}
    assert await ask(office, ENABLE, **fields) == {"isSuccess": True, "message": "Out of office is enabled."}
    said = {"message": "Back on Monday", "forward": "31008,31011"}
    assert await ask(office, READ, staffId=31007) == info(absent=True, **said)
    for _ in range(2):
        disabled = await ask(office, DISABLE, staffId="31007")
        assert disabled == {"isSuccess": True, "message": "Out of office is disabled."}
    assert await ask(office, READ, staffId="31007") == info(absent=False, **said), "what was enabled last stays"
    await ask(office, ENABLE, staffId="31007")
    assert await ask(office, READ, staffId="31007") == info(absent=True), "and is replaced as a whole"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" 31008 , ,31011,31008 ", "31008,31011"),
        (["31008", 31011, " "], "31008,31011"),
        ("", ""),
        (None, ""),
        ([], ""),
    ],
)
async def test_who_stands_in(office: Node, given: object, kept: str) -> None:
    await ask(office, ENABLE, staffId="31007", forwardToStaffIds=given)
    assert (await ask(office, READ, staffId="31007"))["forwardToStaffIds"] == kept


@pytest.mark.parametrize("path", [ENABLE, DISABLE, READ])
async def test_nobody_has_that_number(office: Node, path: str) -> None:
    for staff_id in ("31008", " ", ""):
        assert await ask(office, path, staffId=staff_id) == NOBODY


@pytest.mark.parametrize("path", [ENABLE, DISABLE, READ])
@pytest.mark.parametrize("fields", [{}, {"staffId": None}, {"staffId": True}, {"staffId": ["31007"]}])
async def test_what_is_missing_or_of_a_wrong_type_is_malformed(
    office: Node, path: str, fields: dict[str, object]
) -> None:
    reply = await office.signed(path, json.dumps(fields).encode())
    assert reply.status == 400
    assert reply.text.startswith("The request content was malformed: ")


async def test_forwarding_of_a_wrong_type_is_malformed(office: Node) -> None:
    for forward in (5, {"a": 1}, [True], [["31008"]]):
        body = json.dumps({"staffId": "31007", "forwardToStaffIds": forward}).encode()
        assert (await office.signed(ENABLE, body)).status == 400
    assert await ask(office, READ, staffId="31007") == info(absent=False)
