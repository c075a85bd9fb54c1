import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest

from client.checker import KEY_ID, KEY_SECRET, running_checker
from diyalog.cli.main import main

BODY = {"sessionId": "s1", "customerId": "880214", "identityNumber": "", "attachedData": {}}


@contextmanager
def simulated(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "diyalog", "simulate", "company", *arguments]
    environment = {"PATH": os.environ["PATH"], "DIYALOG_ACCESS_KEY_SECRET": KEY_SECRET}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready.startswith("The simulated company answers at http://127.0.0.1:")
            yield process, ready.split()[-1]
        finally:
            process.kill()


def post(url: str, body: object) -> object:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as response:
        return json.load(response)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal_and_exits_0(number: signal.Signals) -> None:
    with simulated("--create", "refuse=Closed") as (process, url):
        assert post(url + "/CreateInteraction", BODY) == {"success": False, "errorMessage": "Closed", "result": None}
        process.send_signal(number)
        printed, _ = process.communicate(timeout=10)
        assert process.returncode == 0
        assert printed.endswith("POST /CreateInteraction session s1 (refuse): HTTP 200\n")


def test_gives_up_with_the_secret_from_the_environment() -> None:
    with running_checker() as checker:
        arguments = ["--give-up-after", "0", "--message", "Later.", "--give-up-by", "session"]
        arguments += ["--diyalog-url", checker.url, "--access-key-id", KEY_ID]
        with simulated(*arguments) as (process, url):
            post(url + "/CreateInteraction", BODY)
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "answer for" in line:
                    break
    assert '{"sessionId": "s1", "message": "Later."}' in "".join(lines)
    assert KEY_SECRET not in "".join(lines)
    assert json.loads(checker.exchanges[0].body) == {"sessionId": "s1", "message": "Later."}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--create", "explode"], "unknown behaviour 'explode'"),
        (["--give-up-after", "1"], "--access-key-id"),
        (["--give-up-after", "-1"], "--give-up-after"),
        (["--give-up-after", "nan"], "--give-up-after"),
        (["--give-up-after", "1", "--access-key-id", "a", "--diyalog-url", "x"], "--diyalog-url"),
        (["--give-up-after", "1", "--access-key-id", "a:b", "--diyalog-url", "http://h"], "access_key_id"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIYALOG_ACCESS_KEY_ID", raising=False)
    if "--diyalog-url" in arguments:
        monkeypatch.setenv("DIYALOG_ACCESS_KEY_SECRET", "secret")
    else:
        monkeypatch.delenv("DIYALOG_ACCESS_KEY_SECRET", raising=False)
    assert main(["simulate", "company", *arguments]) == 2
    shown = capsys.readouterr()
    assert named in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_an_impossible_port_is_wrong_use(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["simulate", "company", "--port", port])
    assert ended.value.code == 2
    assert "--port" in capsys.readouterr().err


def test_not_repeatable() -> None:
    with simulated("--not-repeatable") as (_, url):
        answers = [post(url + "/CreateInteraction", BODY) for _ in range(2)]
    assert answers[0] != answers[1]


def test_an_address_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with running_checker() as checker:
        assert main(["simulate", "company", "--port", checker.url.rpartition(":")[2]]) == 1
    assert "cannot listen on 127.0.0.1 port" in capsys.readouterr().err
