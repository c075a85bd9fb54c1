"""The frame of the command line: finding commands, exit statuses, quiet failures, quick starts."""

import argparse
import io
import subprocess
import sys
from pathlib import Path

import pytest

import diyalog.cli
from diyalog.cli.main import COMMANDS, main, parser_for
from diyalog.cli.settings_flags import add_settings_flags, settings_from
from diyalog.settings import SettingsError, every_setting

PROBE = """
import sys
from diyalog.cli.settings_flags import add_settings_flags, settings_from


def add_parser(subparsers):
    parser = subparsers.add_parser("probe", help="for this test")
    parser.add_argument("what", choices=["settings", "interrupt", "pipe", "bug", "seven"])
    add_settings_flags(parser)
    parser.set_defaults(run=run)


def run(arguments):
    match arguments.what:
        case "settings":
            print(settings_from(arguments, {"DIYALOG_WAIT_LIMIT": "60"}).port)
        case "interrupt":
            raise KeyboardInterrupt
        case "pipe":
            raise BrokenPipeError
        case "bug":
            raise RuntimeError("a bug")
    return 7 if arguments.what == "seven" else 0
"""


@pytest.fixture(name="probe")
def _probe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Add a command of our own to the real ones."""
    (tmp_path / "probe.py").write_text(PROBE, encoding="utf-8")
    monkeypatch.setattr(diyalog.cli, "__path__", [*diyalog.cli.__path__, str(tmp_path)])
    monkeypatch.setitem(COMMANDS, "probe", "for this test")
    monkeypatch.delitem(sys.modules, "diyalog.cli.probe", raising=False)


def diyalog_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "diyalog", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.usefixtures("probe")
class TestProbe:
    def test_a_command_runs_with_its_settings(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["probe", "settings", "--port", "81"]) == 0
        assert capsys.readouterr() == ("81\n", "")

    def test_its_result_is_the_exit_status(self) -> None:
        assert main(["probe", "seven"]) == 7

    def test_wrong_settings_are_one_line_and_status_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["probe", "settings", "--queue", "http"]) == 2
        line = (
            "diyalog: DIYALOG_QUEUE_URL (not given): DIYALOG_QUEUE=http needs it; "
            "give the base URL of CreateInteraction\n"
        )
        assert capsys.readouterr() == ("", line)

    def test_an_interrupt_is_quiet(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["probe", "interrupt"]) == 130
        assert capsys.readouterr() == ("", "")

    def test_a_reader_that_left_is_no_news(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        with (tmp_path / "out").open("w+") as out:
            monkeypatch.setattr(sys, "stdout", out)
            assert main(["probe", "pipe"]) == 1

    def test_a_bug_is_not_hidden(self) -> None:
        with pytest.raises(RuntimeError, match="a bug"):
            main(["probe", "bug"])

    def test_other_commands_keep_name_and_help_line(self) -> None:
        text = " ".join(parser_for(["probe"]).format_help().split())
        assert all(f"{name} {line}" in text for name, line in COMMANDS.items())


@pytest.mark.parametrize("name", ["serve", "keys", "sign", "simulate", "migrate", "epoch"])
def test_every_command_has_a_module_that_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: diyalog {name} ")


@pytest.mark.parametrize("arguments", [[], ["dance"], ["--port", "1"]])
def test_wrong_use_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: diyalog" in capsys.readouterr().err


def test_version() -> None:
    result = diyalog_command("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "diyalog 0.1.0\n"


def test_wrong_settings_of_the_server_are_one_line() -> None:
    result = diyalog_command("serve", "--port", "abc")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "diyalog: DIYALOG_PORT (given as --port): must be a whole number from 0 to 65535, not 'abc'\n"
    )


def test_signing_loads_neither_server_nor_settings() -> None:
    script = (
        "import sys\nfrom diyalog.cli.main import parser_for\nparser_for(['sign'])\n"
        "heavy = {'uvicorn', 'aiohttp', 'apsw', 'msgspec', 'diyalog.settings', 'diyalog.bootstrap'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert result.stdout == "[]\n"


def flags_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="x", allow_abbrev=False)
    add_settings_flags(parser)
    return parser


def test_every_setting_is_a_flag_with_its_meaning() -> None:
    text = " ".join(flags_parser().format_help().split())
    assert all(setting.flag in text and setting.meaning in text for setting in every_setting())


def test_flags_come_before_the_environment_and_the_file(tmp_path: Path) -> None:
    file = tmp_path / "diyalog.toml"
    file.write_text("port = 1\nwait_limit = 1\nkeep_days = 1\n", encoding="utf-8")
    given = flags_parser().parse_args(["--config", str(file), "--port", "3", "--limit-starts=5", "--open-access"])
    settings = settings_from(given, {"DIYALOG_PORT": "2", "DIYALOG_WAIT_LIMIT": "2"})
    assert (settings.port, settings.wait_limit, settings.keep_days) == (3, 2.0, 1.0)
    assert (settings.limits.starts, settings.open_access) == (5, True)


@pytest.mark.parametrize(
    ("text", "value"), [(["--open-access", "false"], False), (["--open-access=true"], True), ([], True)]
)
def test_a_switch_can_be_written_out(text: list[str], *, value: bool) -> None:
    settings = settings_from(flags_parser().parse_args(text), {"DIYALOG_OPEN_ACCESS": "true"})
    assert settings.open_access is value


def test_settings_from_leaves_the_refusal_to_main() -> None:
    with pytest.raises(SettingsError, match=r"given as --wait-limit"):
        settings_from(flags_parser().parse_args(["--wait-limit", "0"]), {})


def test_flags_cannot_be_abbreviated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit):
        flags_parser().parse_args(["--por", "1"])
