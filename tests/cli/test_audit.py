"""`diyalog audit` on the data of a server, and the program of docs/audit.md on what it exports."""

import argparse
import asyncio
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from diyalog.cli.main import main
from diyalog.cli.settings_flags import add_settings_flags
from diyalog.opening import KEY_FILE_NAME
from diyalog.protocol.times import rfc3339
from usecases.audit_databases import BACKENDS, ServerDatabase, audit_database
from usecases.audit_world import DAY_MS, AuditWorld, audit_world

DOCS = Path(__file__).parents[2] / "docs" / "audit.md"
EMBEDDED = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
"""What has nothing to do with the kind of database is tried on one."""
HEAD = re.compile(r"\d+:[0-9a-f]{64}\n")


@pytest.fixture(params=BACKENDS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AuditWorld]:
    """Twelve linked rows, and the secret key where the command looks for it."""
    (tmp_path / KEY_FILE_NAME).write_text((b"k" * 32).hex())
    with audit_database(request, tmp_path) as database:
        async with audit_world(database) as made:
            await made.history()
            yield made


@pytest.fixture
def command(world: AuditWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Command":
    monkeypatch.setenv("DIYALOG_DATA_DIR", str(world.folder))
    if isinstance(world.database, ServerDatabase):
        monkeypatch.setenv("DIYALOG_DATABASE_URL", world.database.url)
    return Command(capsys)


class Command:
    """Runs `diyalog audit …` and gives status, output and complaints."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(main, ["audit", *words])
        return (status, *self._capsys.readouterr())


def script() -> str:
    """The program that the documentation gives to third parties."""
    program: str
    [program] = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert len(program.splitlines()) <= 32
    return program


def check(exported: str) -> subprocess.CompletedProcess[str]:
    """Run the documented program, without our packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", script()],
        input=exported,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_verify_says_that_all_is_well(world: AuditWorld, command: Command) -> None:
    status, output, complaints = await command("verify")
    assert (status, complaints) == (0, "")
    assert output == f"12 rows in the chain, 0 not yet. Head: {await world.head()}\nThe record is intact.\n"


async def test_head_prints_what_verify_takes(world: AuditWorld, command: Command) -> None:
    status, head, _ = await command("head")
    assert status == 0
    assert HEAD.fullmatch(head)
    assert (await command("verify", "--head", head.strip(), "--head", head))[0] == 0
    other = "11" + head.strip()[2:]
    status, output, _ = await command("verify", f"--head={other}")
    assert status == 1
    assert output.startswith("Rows 1 to 11: the chain up to here is not the one whose head was kept")


async def test_verify_names_the_rows_and_exits_1(world: AuditWorld, command: Command) -> None:
    world.sql("UPDATE audit SET outcome = 'EXPIRED' WHERE id = 2")
    world.sql("DELETE FROM audit WHERE id = 12")
    status, output, _ = await command("verify")
    assert status == 1
    assert output.splitlines()[:4] == [
        "Rows 1 to 5: rows were changed, exchanged or replaced",
        "Row 2: a row does not say what its wait says",
        "Rows 10 to 12: rows were removed",
        "Rows 1 to 11: rows of waits that are stored are missing here or later (waits 5)",
    ]
    assert output.endswith("The record is NOT intact.\n")
    status, output, _ = await command("verify", "--json")
    report = json.loads(output)
    assert status == 1
    assert report["intact"] is False
    assert report["findings"][0] == {"fault": "rows_changed", "firstId": 1, "lastId": 5, "waits": []}
    assert report["head"] == str(await world.head())


@EMBEDDED
@pytest.mark.parametrize("words", [["verify", "--head", "latest"], ["export", "--from", "yesterday"], ["cut"], []])
async def test_wrong_use_is_status_2(command: Command, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        await command(*words)
    assert stopped.value.code == 2


async def test_what_cannot_be_opened_is_status_2(
    world: AuditWorld, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder / KEY_FILE_NAME).rename(world.folder / "kept")
    status, output, complaints = await command("verify")
    assert (status, output) == (2, "")
    assert complaints.startswith("diyalog: DIYALOG_SECRET_KEY_FILE: ")
    if isinstance(world.database, ServerDatabase):
        monkeypatch.setenv("DIYALOG_DATABASE_URL", world.database.url + "_that_is_not_there")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / KEY_FILE_NAME).write_text("00" * 32)
    monkeypatch.setenv("DIYALOG_DATA_DIR", str(tmp_path / "empty"))
    status, output, complaints = await command("verify")
    assert (status, output) == (2, "")
    named = {"sqlite": "DIYALOG_DATA_DIR", "postgres": "DIYALOG_DATABASE_URL"}
    assert complaints.startswith(f"diyalog: {named[world.database.kind]}: ")
    assert not list((tmp_path / "empty").glob("*.sqlite3*"))


@EMBEDDED
async def test_with_another_key_nothing_holds(world: AuditWorld, command: Command) -> None:
    (world.folder / KEY_FILE_NAME).write_text("00" * 32)
    status, output, _ = await command("verify")
    assert status == 1
    assert "Rows 1 to 12: the link over these rows was changed" in output


@EMBEDDED
async def test_nothing_linked_yet_has_no_head(world: AuditWorld, command: Command) -> None:
    world.sql("DELETE FROM audit_link")
    status, output, complaints = await command("head")
    assert (status, output) == (1, "")
    assert "nothing is linked yet" in complaints


async def test_an_export_is_verified_by_the_documented_program(world: AuditWorld, command: Command) -> None:
    status, exported, complaints = await command("export")
    assert (status, complaints) == (0, "")
    entries: list[dict[str, Any]] = [json.loads(line) for line in exported.splitlines()]
    assert [entry["type"] for entry in entries] == [
        "start", *["row"] * 5, "link", *["row"] * 4, "link", *["row"] * 3, "link",
    ]  # fmt: skip
    first, second = entries[1:3]
    [(session,)] = world.sql("SELECT session_id FROM wait WHERE id = 1")
    assert (first["event"], first["sessionId"], first["time"]) == ("start", session, rfc3339(first["at"]))
    assert (second["event"], second["outcome"], second["accessKey"]) == ("not_delivered", "NOT_DELIVERED", "KEY")
    assert "requester" not in second
    checked = check(exported)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.splitlines()[-1] == str(await world.head())


@EMBEDDED
async def test_the_documented_program_finds_changes(command: Command) -> None:
    _, exported, _ = await command("export")
    lines = exported.splitlines(keepends=True)
    tampered = [
        exported.replace('"outcome":"NOT_DELIVERED"', '"outcome":"CANCELLED"', 1),
        exported.replace('"wait":1', '"wait":2', 1),
        exported.replace('"rows":5', '"rows":4'),
        "".join([*lines[:2], *lines[3:]]),
        "".join([*lines[:1], lines[2], lines[1], *lines[3:]]),
        "".join(lines[:-1]),
        "".join([*lines[:7], *lines[12:]]),
        exported.replace("0000", "0001", 1),
    ]
    for text in tampered:
        assert text != exported
        assert check(text).returncode == 1


@EMBEDDED
async def test_a_time_range_exports_whole_batches(world: AuditWorld, command: Command) -> None:
    world.clock.advance(DAY_MS)
    await world.not_delivered("7")
    await world.link()
    await world.not_delivered("8")
    day = rfc3339(world.clock.at)[:10]
    status, exported, complaints = await command("export", "--from", day)
    assert status == 0
    assert complaints == "diyalog: rows after 14 are not linked yet and not exported\n"
    assert [json.loads(line).get("id") for line in exported.splitlines()] == [None, 13, 14, None]
    assert check(exported).stdout == f"{await world.head()}\n"
    at = world.table("audit")[5][1]
    _, exported, _ = await command("export", "--from", rfc3339(at), "--to", rfc3339(at + 1))
    assert [json.loads(line).get("id") for line in exported.splitlines()] == [None, 6, 7, 8, 9, None]
    assert (await command("export", "--to", "2001-01-01"))[1] == ""


@EMBEDDED
async def test_csv_has_the_same(command: Command, world: AuditWorld) -> None:
    _, exported, _ = await command("export", "--format", "csv", "--requesters")
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [row["type"] for row in rows].count("row") == 12
    asked = [row for row in rows if row["requester"]]
    assert [(row["id"], row["requester"], row["event"]) for row in asked] == [
        (number, "31007", "not_delivered") for number in ("2", "7", "9")
    ]
    assert rows[-1]["link"] == (await world.head()).link.hex()


@EMBEDDED
async def test_a_requester_is_no_formula(world: AuditWorld, command: Command) -> None:
    sealed = world.store._sealer.seal("audit.requester:KEY", "=1+1")
    world.sql("UPDATE audit SET sealed_requester = ? WHERE id = 2", sealed)
    _, exported, _ = await command("export", "--format", "csv", "--requesters")
    assert next(row for row in csv.DictReader(io.StringIO(exported)) if row["id"] == "2")["requester"] == "'=1+1"
    _, exported, _ = await command("export", "--requesters")
    assert '"requester":"=1+1"' in exported


async def test_a_record_that_a_stranger_filled_can_be_exported(world: AuditWorld, command: Command) -> None:
    filled = {
        "sqlite": "event = x'ff00', at = 1e300, access_key = CAST(x'ff' AS TEXT), node = 7",
        "postgres": "event = 'ff00' || chr(1), at = -9223372036854775808, access_key = chr(1114111), node = ''",
    }
    world.sql(f"UPDATE audit SET {filled[world.database.kind]}, sealed_requester = '' WHERE id = 2")
    for form in ("jsonl", "csv"):
        status, exported, _ = await command("export", "--format", form, "--requesters")
        assert status == 0
        assert "ff00" in exported
    assert (await command("verify"))[0] == 1


async def test_cut_removes_what_is_old(world: AuditWorld, command: Command) -> None:
    world.clock.advance(2 * DAY_MS)
    await world.not_delivered("7")
    await world.link()
    head = str(await world.head())
    status, output, _ = await command("cut", "--before", rfc3339(world.clock.at)[:10])
    assert (status, output) == (0, "12 rows removed.\n")
    status, output, _ = await command("verify", "--head", head)
    assert status == 0
    assert output.startswith("Rows 1 to 12: removed on purpose at ")
    _, exported, _ = await command("export")
    assert check(exported).stdout == f"{head}\n"
    world.sql("UPDATE audit SET node = 'x' WHERE id = 13")
    await world.not_delivered("8")
    await world.link()
    status, output, complaints = await command("cut", "--before", "2100-01-01")
    assert (status, output) == (1, "")
    assert complaints.startswith("diyalog: rows 13 to 14 are not as they were chained")


def test_the_page_names_every_action_and_flag() -> None:
    from diyalog.cli.audit import add_parser

    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    settings = argparse.ArgumentParser()
    add_settings_flags(settings)
    common = set(settings._option_string_actions)
    page = DOCS.read_text("utf-8")
    [audit] = parser._subparsers._group_actions[0].choices.values()  # type: ignore[union-attr]
    actions = audit._subparsers._group_actions[0].choices
    assert set(actions) == {"verify", "head", "export", "cut"}
    for name, action in actions.items():
        assert f"diyalog audit {name}" in page
        for flag in set(action._option_string_actions) - common:
            assert flag in page
