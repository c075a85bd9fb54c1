"""`diyalog doctor signature`, as an integrator uses it: files, options, the key store; and the server's log line."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import io
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diyalog.cli.main import main
from kit.server import NOT_DELIVERED, Caller, Company, running

KEY_ID = "5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384"
SECRET = "kV7-test-secret-0001-not-for-production"
DATE = "Wed, 14 May 2025 08:05:09 GMT"
BODY = b'{"interactionId":"7700418","message":"All advisers are busy, please try later."}'
TEXT = f"POST\napplication/json\n{DATE}\n".encode() + BODY + f"\n{NOT_DELIVERED}".encode()
RIGHT = "giDt+HwKtcEnv0JIR3PkjJly/bzLWOCUosg67N+MdmM="  # the worked example of docs/signing.md
AT = ("--received", DATE)


def signed(text: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def raw(signature: str = RIGHT, body: bytes = BODY, /, **headers: str) -> bytes:
    """A request as it goes over the wire."""
    given = {
        "Host": "diyalog.example",
        "Content-Type": "application/json",
        "x-dlg-date": DATE,
        "x-dlg-requester-userid": "31007",
        "x-dlg-authorization": f"DLGA {KEY_ID}:{signature}",
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"POST {NOT_DELIVERED} HTTP/1.1\r\n{head}\r\n".encode() + body


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """An integrator's machine: the secret in the environment, no key store."""
    monkeypatch.setenv("DIYALOG_ACCESS_KEY_SECRET", SECRET)


class Doctor:
    """Runs the command in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def __call__(self, *words: str, request: bytes | None = None) -> tuple[int, str, str]:
        given = []
        if request is not None:
            file = self._folder / "request.http"
            file.write_bytes(request)
            given = [str(file)]
        try:
            status = main(["doctor", "signature", *given, *words])
        except SystemExit as end:
            status = int(str(end.code))
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err


@pytest.fixture
def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    monkeypatch.setenv("DIYALOG_DATA_DIR", str(tmp_path / "data"))
    return Doctor(tmp_path, capsys)


@pytest.mark.usefixtures("secret")
class TestElsewhere:
    def test_a_right_request(self, doctor: Doctor) -> None:
        status, out, err = doctor(*AT, request=raw())
        assert (status, err) == (0, "")
        assert out.splitlines()[0] == "The signature is right."
        assert "0 s (0 s) behind" in out

    def test_options_like_those_of_curl(self, doctor: Doctor, tmp_path: Path) -> None:
        body = tmp_path / "body.json"
        body.write_bytes(BODY)
        headers = [
            word
            for line in (
                "Content-Type: application/json",
                f"X-DLG-Date: {DATE}",
                "x-dlg-requester-userid: 31007",
                f"x-dlg-authorization: DLGA {KEY_ID}:{RIGHT}",
            )
            for word in ("--header", line)
        ]
        words = ("--method", "POST", *headers, "--body-file", str(body), *AT)
        assert doctor("--target", NOT_DELIVERED, *words)[0] == 0
        status, out, _ = doctor("--target", f"https://diyalog.example{NOT_DELIVERED}", *words)
        assert status == 0
        assert out.startswith("The target was given with the server's address")

    def test_the_mistake_is_named_and_no_secret_told(self, doctor: Doctor) -> None:
        text = TEXT.replace(BODY, json.dumps(json.loads(BODY)).encode())
        status, out, _ = doctor(*AT, request=raw(signed(text)))
        assert status == 1
        assert out.startswith("The server answers 401 `Authorization failed`.\n")
        assert "the body was encoded twice" in out
        assert "with a blank after each comma and colon" in out
        assert SECRET not in out
        assert RIGHT not in out

    def test_the_right_signature_only_when_asked(self, doctor: Doctor) -> None:
        wrong = raw(signed(b"something else"))
        assert RIGHT not in doctor(*AT, request=wrong)[1]
        shown = doctor(*AT, "--show-signature", request=wrong)[1]
        assert f"The right signature: {RIGHT}\n" in shown
        assert SECRET not in shown

    def test_when_nothing_fits_the_string_to_sign_is_shown_part_by_part(self, doctor: Doctor) -> None:
        status, out, _ = doctor(*AT, request=raw(signed(b"something else")))
        assert status == 1
        assert "None of the usual mistakes" in out
        assert f"  method        POST\n  content type  application/json\n  date          {DATE}\n" in out
        assert "80 bytes, SHA-256 06ee9e00927023ca8940c744a30e73d552ece064375dddabc7b8abd7cdea492c" in out
        assert f"  target        {NOT_DELIVERED}\n" in out
        assert f"174 bytes, SHA-256 {hashlib.sha256(TEXT).hexdigest()}" in out
        assert "advisers" not in out

    @pytest.mark.parametrize(
        ("changes", "status", "words"),
        [
            ({"x_dlg_date": ""}, "400 `Required headers not found`", "The header x-dlg-date is missing."),
            (
                {"x_dlg_authorization": "Bearer x"},
                "400 `Authorization failed due to data format",
                "does not begin with",
            ),
            ({"x_dlg_date": "2025-05-14T08:05:09Z"}, "400 `Authorization failed due to date not", "ISO 8601"),
        ],
    )
    def test_refused_headers(self, doctor: Doctor, changes: Mapping[str, str], status: str, words: str) -> None:
        code, out, _ = doctor(*AT, request=raw(**changes))
        assert code == 1
        assert out.startswith(f"The server answers {status}")
        assert words in out

    @pytest.mark.parametrize(
        ("received", "off"), [("08:20:10", "901 s (15 min 1 s) behind"), ("05:05:09", "(3 h) ahead")]
    )
    def test_a_clock_that_is_off(self, doctor: Doctor, received: str, off: str) -> None:
        status, out, _ = doctor("--received", f"2025-05-14T{received}Z", request=raw())
        assert status == 1
        assert "The server answers 403 `Request time may not be correct.`.\nThe signature is right.\n" in out
        assert off in out

    def test_the_present_time_is_the_default(self, doctor: Doctor) -> None:
        status, out, _ = doctor(request=raw())
        assert status == 1
        assert "behind the server's clock" in out

    def test_the_callers_own_string_to_sign(self, doctor: Doctor, tmp_path: Path) -> None:
        own = tmp_path / "own.txt"
        own.write_bytes(TEXT)
        words = ("--string-to-sign-file", str(own))
        assert "Your string to sign is right, byte for byte." in doctor(*AT, *words, request=raw())[1]
        own.write_bytes(TEXT + b"\n")
        out = doctor(*AT, *words, request=raw(signed(TEXT + b"\n")))[1]
        assert "Your string to sign differs:\n  - a line end follows the target" in out
        own.write_bytes(TEXT.replace(b"7700418", b"7700417"))
        out = doctor(*AT, *words, request=raw(signed(own.read_bytes())))[1]
        assert "differs first at byte 76 (counted from 0), in the body." in out

    def test_a_signature_given_apart(self, doctor: Doctor) -> None:
        bare = raw(x_dlg_authorization="")
        assert doctor(*AT, "--signature", RIGHT, "--key-id", KEY_ID, request=bare)[0] == 0
        status, _, err = doctor(*AT, "--signature", RIGHT, request=bare)
        assert (status, err) == (2, "diyalog doctor signature: --signature needs the key id, too: give --key-id\n")

    def test_another_key_id_than_meant(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        status, out, _ = doctor(*AT, "--key-id", "OTHER", request=raw())
        assert (status, f"carries the key id `{KEY_ID}`, not `OTHER`" in out) == (1, True)
        monkeypatch.setenv("DIYALOG_ACCESS_KEY_ID", "ANOTHER")
        status, out, _ = doctor(*AT, request=raw())
        assert (status, "DIYALOG_ACCESS_KEY_ID is `ANOTHER`" in out) == (1, True)

    def test_forms_of_the_request_text(self, doctor: Doctor) -> None:
        line_feeds = raw().replace(b"\r\n", b"\n")
        assert doctor(*AT, request=line_feeds)[0] == 0
        status, out, _ = doctor(*AT, request=line_feeds + b"\n")
        assert (status, "1 bytes more than Content-Length says" in out) == (0, True)
        status, out, _ = doctor(*AT, request=raw(Content_Length="") + b"\n")
        assert (status, "names no Content-Length" in out) == (0, True)
        head = raw(Content_Length="", Transfer_Encoding="chunked")[: -len(BODY)]
        chunks = b"%x\r\n%s\r\n%x;a=b\r\n%s\r\n0\r\n\r\n" % (30, BODY[:30], len(BODY) - 30, BODY[30:])
        assert doctor(*AT, request=head + chunks)[0] == 0
        assert doctor(*AT, request=head + b"what")[0] == 2

    def test_what_curl_shows(self, doctor: Doctor, tmp_path: Path) -> None:
        lines = raw()[: -len(BODY)].split(b"\r\n")
        shown = b"* Connected\n" + b"".join(b"> " + line + b"\n" for line in lines[:-2]) + b">\n< HTTP/1.1 401\n"
        body = tmp_path / "body"
        body.write_bytes(BODY)
        assert doctor(*AT, "--body-file", str(body), request=shown)[0] == 0

    def test_standard_input(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw())))
        assert doctor("-", *AT)[0] == 0

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("--nonsense",),
            ("/nowhere/at/all",),
            ("a\0b",),
            ("x", "--target", "/y"),
            ("--target", "/y", "--header", "no colon"),
            ("--target", "/y", "--received", "yesterday"),
            ("--target", "/y", "--string-to-sign-file", "/nowhere"),
        ],
    )
    def test_wrong_use_is_status_2(self, doctor: Doctor, words: tuple[str, ...]) -> None:
        status, _, err = doctor(*words)
        assert status == 2
        assert "Traceback" not in err

    @pytest.mark.parametrize("text", [b"", b"\n\n", b"hello", b"POST / HTTP/1.1\nno colon", b"\xff\xfe\0"])
    def test_texts_that_are_no_request(self, doctor: Doctor, text: bytes) -> None:
        assert doctor(request=text)[0] == 2

    def test_values_that_are_no_text(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        assert doctor(*AT, "--key-id", "\udcff", request=raw())[0] == 1
        assert doctor(*AT, "--signature", "\udcff", request=raw())[0] == 1
        assert doctor("--target", "/\udcff", "--header", "x-dlg-date: \udcff")[0] == 1
        monkeypatch.setenv("DIYALOG_ACCESS_KEY_SECRET", "\udcff")
        assert doctor(*AT, request=raw())[0] == 2

    def test_nothing_in_a_request_moves_the_terminal(self, doctor: Doctor) -> None:
        out = doctor(*AT, request=raw(signed(b"x")).replace(b"delivered", b"delivered\x1b[2J"))[1]
        assert "\x1b" not in out


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"x-dlg-date: ", b"content-length: "]))
def test_no_text_brings_a_traceback(rest: bytes, header: bytes) -> None:
    begin = raw(Content_Length="").partition(b"\r\n\r\n")[0]
    stdin = io.TextIOWrapper(io.BytesIO(begin + b"\r\n" + header + rest))
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setattr(sys, "stdin", stdin)
        patch.setattr(sys, "stderr", io.StringIO())
        patch.setenv("DIYALOG_ACCESS_KEY_SECRET", SECRET)
        assert main(["doctor", "signature", "-"]) in {1, 2}
    assert "Traceback" not in out.getvalue()


def now_text(**off: int) -> str:
    return (datetime.now(UTC) + timedelta(**off)).strftime("%a, %d %b %Y %H:%M:%S GMT")


async def diagnosed(folder: Path, request: bytes, *words: str, data: Path) -> tuple[int, str]:
    """Run the command as a process of its own on a server's data."""
    file = folder / "request.http"
    file.write_bytes(request)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "diyalog", "doctor", "signature", str(file), "--data-dir", str(data), *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_beside_a_server_the_secret_comes_from_its_key_store(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        key, old = await server.new_key("core"), await server.new_key("old")
        await server.command("keys", "revoke", old.access_key_id)
        data, date = tmp_path / "data", now_text()
        text = TEXT.replace(DATE.encode(), date.encode())
        right = {"x-dlg-date": date, "x-dlg-authorization": f"DLGA {key.access_key_id}:{signed(text, key.secret)}"}
        status, out = await diagnosed(tmp_path, raw(**right), data=data)
        assert (status, out.splitlines()[0]) == (0, "The signature is right.")
        unknown = raw(**right | {"x-dlg-authorization": f"DLGA {key.access_key_id.lower()}:AAAA"})
        status, out = await diagnosed(tmp_path, unknown, data=data)
        assert (status, f"There is `{key.access_key_id}`: letters in another case" in out) == (1, True)
        revoked = raw(**right | {"x-dlg-authorization": f"DLGA {old.access_key_id}:AAAA"})
        status, out = await diagnosed(tmp_path, revoked, data=data)
        assert (status, "was revoked" in out) == (1, True)


async def test_without_a_key_store_nothing_is_made(tmp_path: Path) -> None:
    status, out = await diagnosed(tmp_path, raw(), data=tmp_path / "none")
    assert status == 2
    assert "put the key's secret into DIYALOG_ACCESS_KEY_SECRET" in out
    assert not (tmp_path / "none").exists()


async def test_a_store_that_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running(tmp_path) as server:
        await server.new_key()
        await server.stop()
    right = (data / "secret.key").read_bytes()
    (data / "secret.key").unlink()
    status, out = await diagnosed(tmp_path, raw(), data=data)
    assert (status, "secret.key'; name its folder" in out) == (2, True)
    assert not (data / "secret.key").exists()
    (data / "secret.key").write_text("0" * 64)
    status, out = await diagnosed(tmp_path, raw(), data=data)
    assert (status, "the key store cannot be read (SealBrokenError)" in out) == (2, True)
    (data / "secret.key").write_bytes(right)
    for name in ("diyalog.sqlite3-wal", "diyalog.sqlite3-shm"):
        (data / name).unlink(missing_ok=True)
    (data / "diyalog.sqlite3").write_bytes(b"this is no database" * 500)
    status, out = await diagnosed(tmp_path, raw(), data=data)
    assert (status, "the key store cannot be read (NotADBError)" in out) == (2, True)


def lines_of(log: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, log.splitlines()) if line["event"] == "signature"]


async def test_the_server_says_in_its_log_what_differs(tmp_path: Path) -> None:
    async with running(tmp_path, debug_signatures="true") as server, Caller(server.url) as caller:
        key = await server.new_key()
        date = now_text()
        body = b'{"message":"Ay\xc5\x9fe Y\xc4\xb1ld\xc4\xb1z", "interactionId":"7700418"}'
        text = f"POST\napplication/json\n{date}\n".encode() + json.dumps(json.loads(body)).encode()
        signature = signed(text + f"\n{NOT_DELIVERED}".encode(), key.secret)
        headers = {
            "Content-Type": "application/json",
            "x-dlg-date": date,
            "x-dlg-requester-userid": "requester-31007",
            "x-dlg-authorization": f"DLGA {key.access_key_id}:{signature}",
        }
        for _ in range(30):
            assert (await caller.send("POST", NOT_DELIVERED, headers=headers, body=body)).status == 401
        stranger = headers | {"x-dlg-authorization": "DLGA made-up-key:AAAA"}
        assert (await caller.send("POST", NOT_DELIVERED, headers=stranger, body=body)).status == 401
        await server.stop()
    lines = lines_of(server.log)
    known = [line for line in lines if line["findings"] == ["body_reserialised"]]
    assert 1 <= len(known) <= 5, "one a second at most, though 30 were refused"
    assert known[0]["key_id"] == key.access_key_id
    requests = [json.loads(line) for line in server.log.splitlines() if '"request"' in line]
    assert known[0]["request_id"] in {line["request_id"] for line in requests if line.get("status") == 401}
    strangers = [line for line in lines if line["findings"] == ["unknown_key"]]
    assert [line["key_id"] for line in strangers] == [None]
    for secret_text in ("Yıldız", "requester-31007", signature, key.secret, "made-up-key"):
        assert secret_text not in server.log


async def test_without_the_setting_the_log_says_nothing_of_it(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        key = await server.new_key()
        key.secret += "x"
        async with Company(server.url, key) as company:
            assert (await company.not_delivered(interactionId="1")).status == 401
        await server.stop()
    assert lines_of(server.log) == []
