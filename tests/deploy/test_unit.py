"""deploy/diyalog.service: systemd understands it, and it gives the server the time and room that it needs."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from diyalog.server.options import ServerOptions
from diyalog.server.server import LAST_CLOSE_SECONDS

UNIT = Path(__file__).parents[2] / "deploy" / "diyalog.service"
ANALYZE = shutil.which("systemd-analyze")
EXPOSURE = 20
"""Tenths, of 100; units that nobody thought about have 95."""


def service() -> configparser.SectionProxy:
    read = configparser.RawConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(UNIT, "utf-8")
    return read["Service"]


def test_it_stops_as_the_server_does_and_waits_for_its_drain() -> None:
    own, options = service(), ServerOptions()
    assert own["KillSignal"] == "SIGTERM"
    assert own["KillMode"] == "mixed", "the first process tells its workers"
    assert float(own["TimeoutStopSec"]) > options.drain_seconds + LAST_CLOSE_SECONDS + options.finish_seconds + 5
    assert (own["Restart"], own["RestartPreventExitStatus"]) == ("on-failure", "2")


def test_it_has_its_own_folder_and_nothing_else() -> None:
    own = service()
    assert own["User"] == own["StateDirectory"] == "diyalog"
    assert (own["ProtectSystem"], own["NoNewPrivileges"]) == ("strict", "true")
    assert int(own["LimitNOFILE"]) >= 100_000
    example = UNIT.with_name("diyalog.example.toml").read_text("utf-8")
    assert f'data_dir = "{own["WorkingDirectory"]}"' in example
    assert own["WorkingDirectory"] == f"/var/lib/{own['StateDirectory']}"


@pytest.mark.skipif(ANALYZE is None, reason="no systemd on this machine")
def test_systemd_understands_it_and_finds_it_closed(tmp_path: Path) -> None:
    assert ANALYZE is not None
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={shutil.which('true')}", UNIT.read_text("utf-8")))
    environ = {**os.environ, "SYSTEMD_PAGER": "", "LC_ALL": "C.UTF-8"}
    for words in (["verify"], ["security", "--offline=true", f"--threshold={EXPOSURE}"]):
        result = subprocess.run(
            [ANALYZE, *words, unit], capture_output=True, text=True, timeout=60, check=False, env=environ
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert words != ["verify"] or result.stderr == ""
