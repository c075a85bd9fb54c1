"""The HTTP client of the JDK, as a company's Java back end uses it."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from .world import Served

SOURCE = Path(__file__).parent / "H2cClient.java"
JAVA = shutil.which("java")


@pytest.mark.skipif(JAVA is None and not os.environ.get("CI"), reason="no JDK on this machine")
@pytest.mark.parametrize("length", [10, 60_000])
async def test_default_jdk_client_gets_its_body_through(served: Served, length: int) -> None:
    assert JAVA is not None, "the continuous integration needs a JDK"
    process = await asyncio.create_subprocess_exec(
        JAVA,
        str(SOURCE),
        f"http://127.0.0.1:{served.port}/first",
        str(length),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    expected = [f"200 HTTP_1_1 POST /first?round={number} " + "b" * length for number in range(3)]
    assert out.decode().splitlines() == expected
    offers = [dict(scope["headers"]).get(b"http2-settings") for scope in served.application.scopes]
    assert offers[0] is not None  # it did offer h2c
