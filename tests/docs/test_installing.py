"""What is built installs and runs where there is no Node, and callers' programs are checked against its types."""

import asyncio
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest

from kit.server import READY_S, STOP_S

from .installing import installed, uv
from .pages import ROOT

NEEDED = {
    "diyalog/py.typed",
    "diyalog/api/openapi.json",
    "diyalog/api/asyncapi.json",
    "diyalog/sql/0001_initial.sqlite.sql",
    "diyalog/static/app/help.html",
    "diyalog/static/app/THIRD-PARTY.txt",
    "diyalog/static/sdk/diyalog.js",
}
USER = """from diyalog.client import CompanyClient
reveal_type(CompanyClient("https://h", "i", "s", "u").interaction_is_not_delivered(interaction_id="7").error_code)
CompanyClient("https://h", "i", "s", "u").interaction_is_not_delivered(interaction_id=7)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the source archive and of the wheel that was built from it."""
    if not (ROOT / "src" / "diyalog" / "static" / "app" / "help.html").exists():
        pytest.fail("the pages are not built: run ./dev setup")
    folder = tmp_path_factory.mktemp("built")
    uv("build", "--out-dir", str(folder), str(ROOT))
    return folder


@pytest.fixture(scope="module")
def programs(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    [wheel] = built.glob("*.whl")
    return installed(wheel, tmp_path_factory.mktemp("fresh") / "environment")


def test_the_wheel_holds_everything_that_is_needed_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert NEEDED - names == set()
    assert {name.partition("/")[0] for name in names} == {"diyalog", "diyalog-0.1.0.dist-info"}
    assert "diyalog-0.1.0.dist-info/licenses/LICENSE" in names
    assert [name for name in names if "__pycache__" in name or name.endswith((".ts", ".tsx"))] == []


def test_the_source_archive_holds_the_built_pages_so_that_nobody_needs_node(built: Path) -> None:
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {f"src/{name}" for name in NEEDED} - names == set()
    assert {"LICENSE", "README.md", "CHANGELOG.md", "docs/tutorial.md", "web/help/main.tsx"} - names == set()
    assert [name for name in names if "node_modules" in name or name.startswith(".ci")] == []


def test_it_tells_its_version(programs: Path) -> None:
    said = subprocess.run([programs / "diyalog", "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert said.stdout == "diyalog 0.1.0\n"


async def test_it_serves_its_pages(programs: Path, tmp_path: Path) -> None:
    environ = {"PATH": str(programs), "DIYALOG_PORT": "0", "DIYALOG_DATA_DIR": str(tmp_path / "data")}
    server = await asyncio.create_subprocess_exec(
        programs / "diyalog", "serve", cwd=tmp_path, env=environ, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        address = (await asyncio.wait_for(server.stdout.readline(), READY_S)).decode().split()[-1]
        assert await asyncio.to_thread(read, f"{address}/livez") == b"ok"
        page = (await asyncio.to_thread(read, f"{address}/app/help.html")).decode()
        assert '<main class="main" data-state="starting">' in page
        [script] = re.findall(r'type="module" [^>]*src="([^"]+)"', page)
        assert len(await asyncio.to_thread(read, f"{address}{script}")) > 10_000
        server.terminate()
        assert await asyncio.wait_for(server.wait(), STOP_S) == 0
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()


def read(address: str) -> bytes:
    with urlopen(address, timeout=10) as answer:
        content: bytes = answer.read()
        return content


def test_a_callers_program_is_checked_against_our_types(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    command += ["--python-executable", str(programs / "python"), "user.py"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert said.stderr == ""
    first, second, _ = said.stdout.splitlines()
    assert first == 'user.py:2: note: Revealed type is "int | None"'
    assert second.startswith('user.py:3: error: Argument "interaction_id"')
    assert second.endswith('has incompatible type "int"; expected "str | None"  [arg-type]')
