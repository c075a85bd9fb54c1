"""`diyalog doctor` and the company's check of its staff."""

from pathlib import Path

import pytest

from callouts.raw_company import RawCompany, http, listening, saying
from cli.test_doctor import examined, says


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (http(200, b'{"success": false, "errorMessage": "no"}'), "ok", "a made-up token is not confirmed"),
        (http(500, b'{"success": true}'), "warn", "not in the documented words"),
        (http(200, b'{"success": "false"}'), "warn", "not in the documented words"),
        (http(200, b"[" * 20_000), "warn", "not in the documented words"),
        (http(404, b""), "fail", "answers 404 after"),
        (http(307, b"", "Location: /x"), "fail", "redirects are not followed"),
    ],
)
async def test_a_check_of_staff_that_answers_otherwise(tmp_path: Path, answer: bytes, status: str, words: str) -> None:
    company = RawCompany()
    async with listening(company, saying(company, answer)):
        _, checks = await examined(tmp_path, staff_auth_url=f"{company.base}/auth/")
    assert says(checks, "staff token check", status, words)
    [(head, _)] = company.requests
    target = "/auth/CheckToken?sessionId=diyalog-doctor&token=diyalog-doctor-made-up&userNo=0"
    assert head.split("\r\n")[0] == f"GET {target} HTTP/1.1"


async def test_without_a_check_of_staff(tmp_path: Path) -> None:
    _, checks = await examined(tmp_path)
    assert says(checks, "staff token check", "ok", "nobody of the staff can sign in")
    _, checks = await examined(tmp_path, open_access="true")
    assert says(checks, "staff token check", "ok", "the staff comes unchecked")
