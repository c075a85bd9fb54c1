"""`diyalog doctor`: a fault planted for every check, on real files, real stores, real sockets and a running server."""

import asyncio
import json
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from threading import Event

import apsw
import pytest

from callouts.raw_company import RawCompany, http, listening, saying
from diyalog.cli.doctor import carry_out
from diyalog.cli.doctor_finding import Finding, Status, ok
from diyalog.cli.doctor_machine import check_clock, check_descriptors, check_folder, check_pages, known_schema
from diyalog.cli.doctor_settings import check_settings
from diyalog.settings import Settings
from diyalog.settings_loading import load
from diyalog.simulator.company import Company
from kit.server import Server, running
from test_settings import certificate


def from_environment(**variables: str) -> Settings:
    return load({}, {f"DIYALOG_{name.upper()}": text for name, text in variables.items()}, None)


async def examined(folder: Path, *words: str, **settings: str) -> tuple[int, list[dict[str, str]]]:
    """Run the command as a process of its own; its exit status and findings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIYALOG_")}
    given = {f"DIYALOG_{name.upper()}": text for name, text in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "diyalog", "doctor", "--json", *words),
        env={**kept, "DIYALOG_DATA_DIR": str(folder / "data"), "DIYALOG_PORT": "0", **given},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert errors == b""
    said = json.loads(output)
    assert said["ok"] == (process.returncode == 0)
    checks: list[dict[str, str]] = said["checks"]
    assert [check for check in checks if (check["status"] != "ok") != bool(check["next"])] == [], "what to do next"
    return process.returncode or 0, checks


def says(findings: Sequence[Finding] | Sequence[dict[str, str]], check: str, status: str, words: str) -> bool:
    rows = [
        (one.check, str(one.status), one.found) if isinstance(one, Finding) else tuple(one.values()) for one in findings
    ]
    return any(row[0] == check and row[1] == status and words in str(row[2]) for row in rows)


def worst(findings: Sequence[dict[str, str]], check: str) -> str:
    order = ["ok", "warn", "fail"]
    return max((one["status"] for one in findings if one["check"] == check), key=order.index)


async def test_beside_a_running_server_all_is_well(tmp_path: Path) -> None:
    async with running(tmp_path, open_access="false") as server:
        await server.new_key()
        status, checks = await examined(tmp_path, port=server.settings["port"])
        assert (status, [check for check in checks if check["status"] == "fail"]) == (0, [])
        assert says(checks, "port", "ok", "a server answers")
        assert says(checks, "database", "ok", f"schema {known_schema()}")
        assert says(checks, "database", "ok", "intact")
        assert says(checks, "database", "ok", "epoch ")
        assert says(checks, "database", "ok", "the secret key opens it, 1 live access key")
        assert says(checks, "data folder", "ok", "closed to other users")
        assert says(checks, "clock", "ok", "runs evenly")


async def test_on_a_new_machine_nothing_is_made(tmp_path: Path) -> None:
    status, checks = await examined(tmp_path)
    assert status == 0
    assert says(checks, "data folder", "warn", "is not there yet")
    assert says(checks, "database", "warn", "there is none")
    assert not (tmp_path / "data").exists()


async def test_lines_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from diyalog.cli.main import main

    assert main(["doctor", "--port", "0", "--data-dir", str(tmp_path / "none")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.split()[0] not in {"ok", "warn", "fail"}] == []
    assert any(line.startswith("warn  data folder: ") and "  ->  " in line for line in lines)


def test_names_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from diyalog.cli.main import main

    assert main(["doctor", "--port", "0", "--data-dir", str(tmp_path / "\udcff\x1b[2J")]) == 0
    out = capsys.readouterr().out
    assert "\\xff\\x1b[2J is not there yet" in out
    assert "\x1b" not in out


async def test_wrong_settings_are_a_finding(tmp_path: Path) -> None:
    status, checks = await examined(tmp_path, queue="http")
    assert status == 1
    assert says(checks, "settings", "fail", "DIYALOG_QUEUE_URL (not given)")
    status, checks = await examined(tmp_path, queu_url="x")
    assert (status, says(checks, "settings", "fail", "there is no such setting")) == (1, True)


@pytest.mark.parametrize(
    ("variables", "status", "words"),
    [
        ({"open_access": "true"}, "warn", "open access: customers and staff are not checked"),
        ({"open_access": "true", "host": "0.0.0.0", "i_know_this_is_open": "true"}, "fail", "open access on 0.0.0.0"),
        ({"host": "0.0.0.0"}, "fail", "plain HTTP on 0.0.0.0"),
        ({"host": "0.0.0.0", "trusted_proxies": "10.0.0.1"}, "warn", "not in production mode"),
        ({"trusted_proxies": "0.0.0.0/0"}, "fail", "everybody may name a false client address"),
        ({"queue": "http", "queue_url": "http://queue.example/x"}, "warn", "queue_url is not https"),
        ({"customer_auth_url": "http://auth.example"}, "warn", "customer_auth_url is not https"),
        ({"allowed_origins": "http://www.example.com"}, "warn", "allowed_origins names http://www.example.com"),
        ({"limit_auth_failures": "0"}, "warn", "failed authentications are not limited"),
        ({"limit_body_bytes": "100"}, "warn", "limit_body_bytes=100 refuses usual requests"),
        ({"debug_signatures": "true"}, "warn", "refused signatures are explained in the log"),
        ({"queue_timeout": "60", "wait_limit": "60", "abandon_after": "5"}, "warn", "the queue may take 60 s"),
        ({"wait_limit": "60"}, "warn", "abandon_after=300 never counts"),
        ({"hash_lifetime": "90000"}, "warn", "lives longer than the token"),
        ({"callout_token": "geheim"}, "warn", "no service is called"),
    ],
)
def test_settings_that_are_odd_or_unsafe(variables: dict[str, str], status: str, words: str) -> None:
    findings = check_settings(from_environment(**variables), (), None)
    assert says(findings, "settings", status, words)


def test_settings_are_listed_without_secrets(tmp_path: Path) -> None:
    variables = {"callout_token": "geheim", "queue": "http", "queue_url": "https://user:geheim@queue.example:81/api"}
    [first, *_] = findings = check_settings(from_environment(**variables), ("callout_token",), None)
    assert first.found == "set: queue=http queue_url=https://queue.example:81/api callout_token=(secret)"
    assert says(findings, "settings", "warn", "given as a flag")
    assert "geheim" not in repr(findings)
    file = tmp_path / "diyalog.toml"
    file.touch(mode=0o644)
    findings = check_settings(from_environment(**variables), (), file)
    assert says(findings, "settings", "warn", f"others may read {file}")
    assert check_settings(from_environment(), (), None) == [ok("settings", "nothing is set, all defaults")]


async def test_the_data_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert says(check_folder(from_environment(data_dir=str(file))), "data folder", "fail", "is no folder")
    # Nobody, root neither, writes there; and it has no space.
    findings = check_folder(from_environment(data_dir="/proc/self"))
    assert says(findings, "data folder", "fail", "cannot be written")
    assert says(findings, "data folder", "fail", "0 MiB free")
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o755)
    (loose / "secret.key").touch()
    (loose / "secret.key").chmod(0o644)
    findings = check_folder(from_environment(data_dir=str(loose)))
    assert says(findings, "data folder", "warn", f"other users may open {loose} (mode 755)")
    assert says(findings, "data folder", "fail", f"other users may open {loose / 'secret.key'} (mode 644)")


@asynccontextmanager
async def stopped(folder: Path) -> AsyncIterator[Server]:
    """A server that has been there, with one key."""
    async with running(folder) as server:
        await server.new_key()
        await server.stop()
        yield server


async def test_the_database(tmp_path: Path) -> None:
    async with stopped(tmp_path) as server:
        key = tmp_path / "data" / "secret.key"
        right = key.read_bytes()
        key.write_text("0" * 64)
        status, checks = await examined(tmp_path)
        assert (status, says(checks, "database", "fail", "its access keys cannot be opened")) == (1, True)
        key.unlink()
        status, checks = await examined(tmp_path)
        assert (status, says(checks, "data folder", "fail", "no secret key at")) == (1, True)
        assert not key.exists()
        key.write_bytes(right)
        for version, found in ((known_schema() + 1, "this program knows"), (0, "empty or not ours")):
            change(server.database, f"PRAGMA user_version = {version}")
            status, checks = await examined(tmp_path)
            assert (status, says(checks, "database", "fail", found)) == (1, True)
        change(server.database, f"PRAGMA user_version = {known_schema()}")
        change(server.database, "INSERT INTO audit (at, event, node) VALUES (9999999999999, 'x', 'n')")
        status, checks = await examined(tmp_path)
        assert (status, says(checks, "clock", "fail", "in the future")) == (1, True)


async def test_a_database_of_an_older_version_is_left_as_it_is(tmp_path: Path) -> None:
    async with stopped(tmp_path) as server:
        if known_schema() == 1:
            return
        change(server.database, "PRAGMA user_version = 1")
        _, checks = await examined(tmp_path)
        assert says(checks, "database", "warn", "schema 1, this program has")
        assert change(server.database, "PRAGMA user_version") == 1


async def test_a_database_that_is_damaged_or_none(tmp_path: Path) -> None:
    async with stopped(tmp_path) as server:
        change(server.database, "PRAGMA wal_checkpoint(TRUNCATE)")
        with server.database.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 8192)
        status, checks = await examined(tmp_path)
        assert (status, worst(checks, "database")) == (1, "fail")
        server.database.write_bytes(b"this is no database" * 500)
        status, checks = await examined(tmp_path)
        assert (status, says(checks, "database", "fail", "cannot be read (NotADBError)")) == (1, True)


async def test_no_access_key(tmp_path: Path) -> None:
    async with running(tmp_path):
        _, checks = await examined(tmp_path)
        assert says(checks, "database", "warn", "no live access key")


def change(database: Path, statement: str) -> object:
    connection = apsw.Connection(str(database))
    try:
        rows = connection.execute(statement).fetchall()
        return rows[0][0] if rows else None
    finally:
        connection.close()


async def test_the_shipped_company(tmp_path: Path) -> None:
    company = Company(auth_token="right")
    url = await company.start()
    try:
        services = {"queue": "http", "queue_url": url, "customer_auth_url": url, "staff_auth_url": url}
        company.script("checkauthtoken", "refuse=InvalidToken")
        company.script("checktoken", "refuse=InvalidToken")
        status, checks = await examined(tmp_path, callout_token="right", **services)
        assert status == 0
        assert says(checks, "queue", "ok", f"{url} answers 404 to a GET of its base")
        assert says(checks, "token check", "ok", "a made-up token is not confirmed")
        assert says(checks, "staff token check", "ok", "a made-up token is not confirmed")
        assert says(checks, "clock", "ok", "the queue's")
        _, checks = await examined(tmp_path, callout_token="right", **services)
        assert says(checks, "token check", "warn", "confirms a made-up token")
        assert says(checks, "staff token check", "warn", "confirms a made-up token")
        status, checks = await examined(tmp_path, callout_token="wrong", **services)
        assert (status, says(checks, "token check", "fail", "we are not let in")) == (1, True)
        assert says(checks, "staff token check", "fail", "we are not let in")
        assert company.ledger.interactions == []
        assert {request.method for request in company.ledger.requests} == {"GET", "POST"}
        assert {request.path for request in company.ledger.requests} == {"/", "/checkauthtoken", "/CheckToken"}
    finally:
        await company.stop()


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (http(503, b""), "warn", "answers 503"),
        (http(302, b"", "Location: /x"), "warn", "redirects are not followed"),
        (http(401, b""), "warn", "are we let in?"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "fail", "does not answer as an HTTP server"),
        (b"", "fail", "does not answer as an HTTP server"),
        (http(200, b"", f"Date: {formatdate(1_000_000_000, usegmt=True)}"), "ok", "answers 200"),
    ],
)
async def test_a_queue_that_answers_otherwise(tmp_path: Path, answer: bytes, status: str, words: str) -> None:
    company = RawCompany()
    async with listening(company, saying(company, answer)):
        _, checks = await examined(tmp_path, queue="http", queue_url=f"{company.base}/api")
    assert says(checks, "queue", status, words)
    assert [head.split("\r\n")[0] for head, _ in company.requests] == ["GET /api HTTP/1.1"]
    if b"Date: Sun, 09 Sep 2001" in answer:
        assert says(checks, "clock", "fail", "s ahead of the queue's")


async def test_a_queue_that_cannot_be_reached(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = taken.getsockname()[1]
    services = {"queue_url": f"http://127.0.0.1:{closed}", "customer_auth_url": "https://no-such-name.invalid/auth"}
    status, checks = await examined(tmp_path, queue="http", **services)
    assert status == 1
    assert says(checks, "queue", "fail", f"no connection to 127.0.0.1 port {closed}")
    assert says(checks, "token check", "fail", "the name no-such-name.invalid is not known here")


async def test_certificates_and_services_that_never_answer(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    silent, encrypted = RawCompany(), RawCompany()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with (
        listening(silent, say_nothing),
        listening(encrypted, saying(encrypted, http(200, b"")), tls=context),
    ):
        urls = {
            "queue_url": encrypted.base.replace("http://127.0.0.1", "https://localhost"),
            "customer_auth_url": silent.base,
        }
        staff = silent.base.replace("http:", "https:")
        status, checks = await examined(tmp_path, queue="http", staff_auth_url=staff, **urls)
    assert status == 1
    assert says(checks, "queue", "fail", "the certificate of localhost is refused: self")
    assert says(checks, "token check", "fail", "does not answer in 4 s")
    assert says(checks, "staff token check", "fail", "does not finish the TLS handshake")


async def test_a_port_that_another_program_holds(tmp_path: Path) -> None:
    company = RawCompany()
    async with listening(company, saying(company, http(200, b"hello"))):
        port = company.base.rpartition(":")[2]
        status, checks = await examined(tmp_path, port=port)
        assert (status, says(checks, "port", "fail", "another program answers")) == (1, True)
    status, checks = await examined(tmp_path, port=port)
    assert (status, says(checks, "port", "ok", "is free")) == (0, True)
    status, checks = await examined(tmp_path, port=port, host="192.0.2.1", trusted_proxies="10.0.0.1")
    assert (status, says(checks, "port", "fail", "cannot be listened on")) == (1, True)


async def test_our_own_server_with_tls(tmp_path: Path) -> None:
    pair = str(certificate(tmp_path))
    tls = {"tls_cert": pair, "tls_key": pair}
    async with running(tmp_path, **tls) as server:
        _, checks = await examined(tmp_path, port=server.settings["port"], **tls)
        assert says(checks, "port", "ok", "a server answers")


def test_the_clock() -> None:
    assert says(check_clock((1.8e9, 5.0), (1.8e9 + 1, 6.0)), "clock", "ok", "runs evenly")
    assert says(check_clock((1.8e9, 5.0), (1.8e9 + 11, 6.0)), "clock", "warn", "jumped by +10.0 s")
    assert says(check_clock((1.8e9, 5.0), (1.8e9 - 9, 6.0)), "clock", "warn", "jumped by -10.0 s")
    assert says(check_clock((1.0, 5.0), (2.0, 6.0)), "clock", "fail", "shows the year 1970")


def test_descriptors() -> None:
    assert says(check_descriptors(from_environment(), (65_536, 65_536)), "descriptors", "ok", "room for 52428")
    assert says(check_descriptors(from_environment(), (1_024, 4_096)), "descriptors", "warn", "limit 1024 here")
    found = check_descriptors(from_environment(limit_sockets="900"), (1_024, 4_096))
    assert says(found, "descriptors", "fail", "limit_sockets=900")


def test_pages(tmp_path: Path) -> None:
    assert says(check_pages(tmp_path), "pages", "fail", "not built: app/help.html, app/agentchat.html, sdk/diyalog.js")
    for name in ("app/help.html", "app/agentchat.html", "sdk/diyalog.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert says(check_pages(tmp_path), "pages", "ok", "are there")
    (tmp_path / "sdk" / "diyalog.js").write_text("")
    assert says(check_pages(tmp_path), "pages", "fail", "not built: sdk/diyalog.js")


def test_a_check_that_hangs_or_breaks_stops_no_other() -> None:
    end = Event()

    def hang() -> list[Finding]:
        end.wait(30)
        return []

    def breaks() -> list[Finding]:
        raise PermissionError("secret text")

    findings = carry_out([("a", hang), ("b", breaks), ("c", lambda: [ok("c", "fine")])], 0.2)
    end.set()
    assert [(finding.check, finding.status) for finding in findings] == [
        ("a", Status.FAIL),
        ("b", Status.FAIL),
        ("c", Status.OK),
    ]
    assert "no result after 0.2 s" in findings[0].found
    assert findings[1].found == "the check broke off (PermissionError)"


def test_wrong_use_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    from diyalog.cli.main import main

    with pytest.raises(SystemExit) as end:
        main(["doctor", "dance"])
    assert end.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
