"""The programs that the signing page shows to integrators, run as they would run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from client.checker import KEY_ID, KEY_SECRET, Checker
from client.tools import needs

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
MESSAGE = 'Şu an "meşgulüz" 🙏 \\ it\'s 5% over $HOME; `try` later & <b>'

PROGRAMS = {
    "shell": (["sh", "sign.sh"], ("sh", "openssl", "curl")),
    "python": ([sys.executable, "sign.py"], ()),
    "node": (["node", "sign.mjs"], ("node",)),
    "java": (["java", "Sign.java"], ("java",)),
}


def run(name: str, url: str, secret: str) -> subprocess.CompletedProcess[str]:
    command, tools = PROGRAMS[name]
    needs(*tools)
    environment = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "DIYALOG_URL": url,
        "DIYALOG_ACCESS_KEY_ID": KEY_ID,
        "DIYALOG_ACCESS_KEY_SECRET": secret,
    }
    return subprocess.run(
        [*command, "7700418", MESSAGE],
        cwd=EXAMPLES,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_example_sends_a_signed_request(name: str, checker: Checker) -> None:
    finished = run(name, checker.url, KEY_SECRET)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == '{"isSuccess": true, "message": "Customer waiting will be stopped."}\n'
    [exchange] = checker.exchanges
    assert exchange.target == "/v1/application/interactionisnotdelivered"
    assert json.loads(exchange.body) == {"interactionId": "7700418", "message": MESSAGE}
    assert exchange.caller.requester == "back-office"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_example_shows_a_refusal(name: str, checker: Checker) -> None:
    finished = run(name, checker.url, "another secret")
    assert finished.returncode != 0
    assert "Authorization failed" in finished.stdout + finished.stderr
    assert not checker.exchanges
