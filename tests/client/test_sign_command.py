import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from client.checker import KEY_ID, KEY_SECRET, Checker
from client.tools import needs
from diyalog.cli.main import main
from diyalog.cli.sign import visible

KNOWN = json.loads((Path(__file__).parents[1] / "vectors" / "signature.json").read_text(encoding="utf-8"))
V1 = KNOWN["vectors"][0]
PATH = "/v1/application/interactionisnotdelivered"

V1_SHOWN = """String to sign (174 bytes; \\n is one line feed, and none follows the last line):

POST\\n
application/json\\n
Wed, 14 May 2025 08:05:09 GMT\\n
{"interactionId":"7700418","message":"All advisers are busy, please try later."}\\n
/v1/application/interactionisnotdelivered

Headers:

Content-Type: application/json
x-dlg-date: Wed, 14 May 2025 08:05:09 GMT
x-dlg-requester-userid: 31007
x-dlg-authorization: DLGA 5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384:giDt+HwKtcEnv0JIR3PkjJly/bzLWOCUosg67N+MdmM=

curl:

"""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIYALOG_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("DIYALOG_ACCESS_KEY_SECRET", KEY_SECRET)


def test_shows_the_known_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIYALOG_ACCESS_KEY_ID", V1["accessKeyId"])
    monkeypatch.setenv("DIYALOG_ACCESS_KEY_SECRET", V1["accessKeySecret"])
    body = tmp_path / "body.json"
    body.write_bytes(b'{"interactionId":"7700418","message":"All advisers are busy, please try later."}')
    status = main(["sign", "post", PATH, "--body", str(body), "--date", V1["date"], "--requester", "31007"])
    shown = capsys.readouterr()
    assert status == 0
    assert shown.out.startswith(V1_SHOWN)
    assert V1["accessKeySecret"] not in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    "body",
    [
        b'{"interactionId":"7700418"}',
        b"",
        b"@not-a-file",
        b"-n",
        '{\r\n\t"message" : "it\'s 5% \\n ğ🙏 $HOME `x` !"\r\n}\r\n'.encode(),
        bytes(range(256)),
    ],
)
def test_the_curl_line_sends_exactly_the_signed_bytes(
    checker: Checker, body: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("curl")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
    target = PATH + "?a=[1]&b='/../"
    assert main(["sign", "POST", target, "--body", "-", "--url", checker.url]) == 0
    line = capsys.readouterr().out.rstrip("\n").rpartition("\n")[2]
    shell = shutil.which("dash") or "/bin/sh"
    sent = subprocess.run([shell, "-c", f"{line}"], capture_output=True, timeout=30, check=True)
    assert b" 200 " in sent.stdout.splitlines()[0]
    [exchange] = checker.exchanges
    assert (exchange.target, exchange.body) == (target, body)


@pytest.mark.parametrize("names", [("DIYALOG_ACCESS_KEY_ID",), ("DIYALOG_ACCESS_KEY_ID", "DIYALOG_ACCESS_KEY_SECRET")])
def test_missing_variables_are_named(
    names: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        monkeypatch.delenv(name)
    assert main(["sign", "POST", "/x"]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert f"set {' and '.join(names)} in the environment" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["POST", "no-slash"], "target"),
        (["POST", "/a b"], "target"),
        (["PO ST", "/x"], "method"),
        (["POST", "/x", "--body", "/does/not/exist"], "--body"),
        (["POST", "/x", "--url", "diyalog.example"], "--url"),
        (["POST", "/x", "--url", "https://diyalog.example/api"], "--url"),
        (["POST", "/x", "--requester", ""], "requester_user_id"),
    ],
)
def test_what_cannot_be_signed_is_one_line(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sign", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert named in shown.err


def test_a_date_the_server_will_refuse_is_signed_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sign", "POST", "/x", "--date", "2025-05-14T08:05:09Z", "--content-type", ""]) == 0
    shown = capsys.readouterr()
    assert "POST\\n\n\\n\n2025-05-14T08:05:09Z\\n\n\\n\n/x\n" in shown.out
    assert "--header Content-Type:" in shown.out
    assert "the server will answer 400 Authorization failed due to date not valid" in shown.err


def test_nothing_hides_in_what_is_shown() -> None:
    text = "a\n\tğ\r\\\u00a0\u202e\x00🙏".encode() + b"\xff"
    assert visible(text) == "a\\n\n\\tğ\\r\\\\\\xc2\\xa0\\xe2\\x80\\xae\\x00🙏\\xff"
