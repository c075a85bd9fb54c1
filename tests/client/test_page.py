"""The signing page shows the first known answer, and the words of every refusal."""

import json
import subprocess
from pathlib import Path

import pytest

from client.tools import needs
from diyalog.domain.signature import Fault

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "signing.md").read_text(encoding="utf-8")
V1 = json.loads((ROOT / "tests" / "vectors" / "signature.json").read_text(encoding="utf-8"))["vectors"][0]


def test_the_worked_example_is_the_known_answer() -> None:
    assert V1["stringToSign"].replace("\n", "\\n\n") in PAGE
    assert f"x-dlg-authorization: {V1['authorization']}" in PAGE
    assert V1["accessKeySecret"] in PAGE


def test_the_openssl_line_makes_it() -> None:
    needs("sh", "openssl", "base64")
    start = PAGE.index("printf '%s")
    line = PAGE[start : PAGE.index("```", start)]
    made = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30, check=True)
    assert made.stdout.strip() == V1["signature"]


@pytest.mark.parametrize("fault", Fault)
def test_every_refusal(fault: Fault) -> None:
    status, text = fault.value
    assert f"| {status} | `{text}` |" in PAGE
