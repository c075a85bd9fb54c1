"""What has a name that outsiders meet is documented, and what is documented exists.

Settings, the simulator's behaviours, signing refusals and close codes have such tests beside their own
(`test_settings.py`, `simulator/test_page.py`, `client/test_page.py`, `realtime/test_stream_protocol_page.py`).
"""

import argparse
import ast
import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from msgspec.structs import fields

from diyalog.api.problems import PROBLEMS
from diyalog.cli.main import COMMANDS, parser_for
from diyalog.domain.signature import Fault
from diyalog.observability import lines
from diyalog.observability.metrics import Metrics
from diyalog.ports_callouts import Alarm
from diyalog.settings import every_setting
from diyalog.settings_loading import CLIENT_VARIABLES

from .pages import DOCS, ROOT, column

PACKAGE = ROOT / "src" / "diyalog"
PAGES = {page: page.read_text("utf-8") for page in [*DOCS.glob("*.md"), *ROOT.glob("*.md")]}
EVERYTHING = "\n".join(PAGES.values())
NOT_COMMANDS = {("audit", "link")}
"""How the bytes begin that a link of the audit trail is made of."""
OBSERVABILITY = DOCS / "observability.md"


def code(text: str) -> str:
    """What stands in a page's code, inline and fenced."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*fenced, *inline])


# -- settings


def variables_of_tests() -> set[str]:
    """Variables that choose how much a test does."""
    sources = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    return {name for source in sources for name in re.findall(r'environ\b.*"(DIYALOG_TEST_[A-Z_]+)"', source)}


def test_every_variable_that_any_page_names_exists() -> None:
    known = {setting.variable for setting in every_setting()} | CLIENT_VARIABLES | variables_of_tests()
    named = set(re.findall(r"\bDIYALOG_[A-Z_]*[A-Z]\b(?!_?\*)", EVERYTHING))
    assert len(named) > 30
    assert named - known == set()


# -- paths, codes


def routes() -> set[str]:
    document: dict[str, Any] = json.loads((PACKAGE / "api" / "openapi.json").read_text("utf-8"))
    return set(document["paths"])


def test_every_path_that_any_page_names_exists() -> None:
    named = set(re.findall(r"/v1/[\w/{}]*[\w}]", EVERYTHING))
    bases = {"/v1/application", "/v1/reporting", "/v1/client"}
    assert len(named) > 6
    assert named - bases - routes() == set()


def test_the_http_page_lists_exactly_the_problems() -> None:
    rows = column(DOCS / "http_api.md", "| code | status | retryable | detail |")
    assert [row[0].strip("`") for row in rows] == list(PROBLEMS)


def test_every_problem_that_any_page_names_exists() -> None:
    code_of_clients = re.compile(r"\bDLGEXCP[A-Z_]*[A-Z]\b(?!_?\*)")
    named = set(code_of_clients.findall(EVERYTHING))
    # The web SDK has some of its own, for what it finds before it asks a server.
    sdk = "".join(path.read_text("utf-8") for path in (ROOT / "sdk" / "src").glob("*.ts"))
    assert len(named) > 15
    assert named - set(PROBLEMS) - set(code_of_clients.findall(sdk)) == set()


# -- metrics


def metrics() -> set[str]:
    """Every name with which the program makes a metric, as Prometheus shows it."""
    made = [
        (node.func.id, str(node.args[0].value))
        for path in (PACKAGE / "observability").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
        if isinstance(node.args[0], ast.Constant) and str(node.args[0].value).startswith("diyalog_")
    ]
    return {f"{name}_total" if kind.startswith("Counter") else name for kind, name in made}


def test_no_metric_of_a_server_is_overlooked() -> None:
    shown = re.findall(r"# TYPE (diyalog_\w+)", Metrics(lambda: 0).render(None).decode())
    assert set(shown) - metrics() == set()


def test_the_page_lists_exactly_the_metrics() -> None:
    rows = column(OBSERVABILITY, "| metric | labels | what |")
    assert sorted(row[0].strip("`") for row in rows) == sorted(metrics())


def test_every_metric_that_any_page_names_exists() -> None:
    named = set(re.findall(r"`(diyalog_\w+)[`{]", EVERYTHING))
    assert len(named) > 10
    assert named - metrics() == set()


# -- alarms, log lines


def alarms() -> set[str]:
    """Those of the ports, and those that the program raises by name elsewhere."""
    raised = {
        node.args[0].value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "alarm"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    return {str(name) for name in raised} | set(Alarm)


def test_every_alarm_says_what_to_do() -> None:
    named = {word for page in PAGES.values() for word in alarm_rows(page)}
    assert named == alarms()


def alarm_rows(text: str) -> Iterator[str]:
    for table in re.findall(r"^\| alarm \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE):
        for row in table.splitlines():
            yield from re.findall(r"`(\w+)`", row.split("|")[1])


def test_the_page_lists_exactly_the_log_lines_and_their_fields() -> None:
    kinds = [kind for kind in vars(lines).values() if isinstance(kind, type) and issubclass(kind, lines.Line)]
    first = {field.name for field in fields(lines.Line)}
    there = {
        str(kind.__struct_config__.tag): [field.name for field in fields(kind) if field.name not in first]
        for kind in kinds
        if kind is not lines.Line
    }
    rows = column(OBSERVABILITY, "| event | when | fields |")
    assert {row[0].strip("`"): re.findall(r"`(\w+)`", row[2]) for row in rows} == there


def test_the_page_lists_exactly_the_codes_of_failed_authentication() -> None:
    rows = column(OBSERVABILITY, "| code | the company API's refusal |")
    assert [tuple(row) for row in rows] == [
        (f"`SIGNATURE_{fault.name}`", f"{fault.value[0]} `{fault.value[1]}`") for fault in Fault
    ]


# -- commands


def actions(command: str) -> dict[str, set[str]]:
    """The actions of a command with the flags of each; "" for a command that needs none."""
    [subparsers] = parser_for([command])._subparsers._group_actions  # type: ignore[union-attr]
    parser: argparse.ArgumentParser = subparsers.choices[command]  # type: ignore[index]
    inner = next((one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None)
    if inner is None:
        return {"": flags(parser)}
    own = {} if inner.required else {"": flags(parser)}
    return own | {name: flags(choice) for name, choice in inner.choices.items()}


def flags(parser: argparse.ArgumentParser) -> set[str]:
    return {flag for action in parser._actions for flag in action.option_strings}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_with_its_actions_and_flags_is_on_a_page(command: str) -> None:
    import_module(f"diyalog.cli.{command}")
    settings = {setting.flag for setting in every_setting()} | {"--config", "-h", "--help"}
    shown = code(EVERYTHING)
    for action, known in actions(command).items():
        words = f"diyalog {command} {action}".strip()
        assert re.search(rf"{words}\b", shown), f"no page shows `{words}`"
        missing = [flag for flag in known - settings if f"{flag}" not in shown]
        assert missing == [], f"no page names these flags of `{words}`"


def test_every_command_line_that_any_page_shows_exists() -> None:
    used = re.findall(r"(?<![\w/.-])diyalog ([a-z]+)(?: ([a-z]+)\b)?([^\n|>]*)", code(EVERYTHING.replace("\\\n", " ")))
    assert len(used) > 15
    for command, word, rest in used:
        if (command, word) in NOT_COMMANDS:
            continue
        assert command in COMMANDS, f"diyalog {command}"
        known = actions(command)
        if word and "" not in known:
            assert word in known, f"diyalog {command} {word}"
        given = set(re.findall(r"(?<=\s)--[a-z][a-z-]*", rest.partition(" diyalog ")[0]))
        assert given <= known.get(word, set.union(*known.values())), f"diyalog {command} {word}{rest}"
