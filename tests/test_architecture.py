"""The shape of the source tree: arrows between packages, depth, file length, banned calls, quiet imports."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from grimp import build_graph

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "diyalog"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TREES = ("src/diyalog", "tests", "bench", "sdk/src", "sdk/test", "web")
WRITTEN = {".py", ".ts", ".tsx", ".css", ".html", ".sql", ".c", ".h", ".mjs", ".js"}
MADE = {"node_modules", "dist", "static", ".cache", "__pycache__"}

BANNED = {
    "asyncio.sleep": "wait on an event or a loop timer",
    "datetime.date.today": "ask the clock",
    "datetime.datetime.now": "ask the clock",
    "datetime.datetime.today": "ask the clock",
    "datetime.datetime.utcnow": "ask the clock",
    "os.environ": "settings are read in settings.py and passed on",
    "os.getenv": "settings are read in settings.py and passed on",
    "time.monotonic": "ask the clock or the loop",
    "time.sleep": "wait on an event with a limit",
    "time.time": "ask the clock",
    "time.time_ns": "ask the clock",
}
ALLOWED = {
    "clock.py": {"time.time_ns", "time.monotonic"},
    "cli": {"os.environ", "time.time", "time.time_ns"},  # a command is a program of its own: it starts from these
    "demo.py": {"os.environ", "time.sleep", "asyncio.sleep", "time.monotonic"},  # plays a story at a readable pace
    "client.py": {"time.sleep"},  # runs in callers' programs, as the default of an argument
    "bootstrap.py": {"asyncio.sleep"},  # hands it to the workers, as it does the clock
    "server/server.py": {"asyncio.sleep", "time.monotonic", "time.time"},  # uvicorn's own tick, and the Date header
    "server/sweep.py": {"asyncio.sleep"},  # lets others go on between two sockets
    "simulator": {"asyncio.sleep"},  # companies take their time
}
"""By file or top folder: what it may use all the same."""


def own_files() -> Iterator[Path]:
    for tree in TREES:
        for path in (ROOT / tree).rglob("*"):
            if path.suffix in WRITTEN and path.is_file() and not MADE & set(path.relative_to(ROOT).parts):
                yield path


def test_imports_follow_the_arrows() -> None:
    # As a process of its own: it changes the logging of the process it runs in.
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = build_graph("diyalog", exclude_type_checking_imports=True, cache_dir=None)
    circles = [
        module
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if graph.chain_exists(importer=imported, imported=module)
    ]
    assert circles == []


def test_folders_are_at_most_three_deep() -> None:
    assert [str(path) for path in own_files() if len(path.relative_to(ROOT).parent.parts) > 3] == []


def test_files_are_at_most_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in own_files()}
    assert {path: length for path, length in lengths.items() if length > 400} == {}
    assert len(lengths) > 50, "the tree was not found"


def test_no_file_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "core", "base", "models"}
    programs = [path for path in own_files() if path.suffix in {".py", ".ts", ".tsx"}]
    assert [str(path) for path in programs if path.stem in drawers or path.parent.name in drawers] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_banned_calls(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    allowed = ALLOWED.get(relative.parts[0], set()) | ALLOWED.get(relative.as_posix(), set())
    found = [
        f"line {line}: {name}: {BANNED[name]}"
        for line, name in names_used(ast.parse(path.read_text("utf-8")))
        if name in BANNED and name not in allowed
    ]
    assert found == []


def test_names_used_sees_through_imports() -> None:
    tree = ast.parse(
        "import time as t\nfrom datetime import datetime\nfrom asyncio import sleep\nt.time()\ndatetime.now()"
    )
    assert {name for _, name in names_used(tree)} >= {"time.time", "datetime.datetime.now", "asyncio.sleep"}


def names_used(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the imported names that a module mentions, in full, with their lines."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            bound.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            if first in bound:
                yield node.lineno, f"{bound[first]}.{rest}"


IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
# What libraries do at their own import is not ours to judge, so these come before the watch begins.
for name in sys.argv[1].split():
    importlib.import_module(name)

WATCHED = ("socket.", "subprocess.", "os.mkdir", "os.remove", "os.rename", "os.system", "os.exec", "os.fork",
           "signal.", "sqlite3.", "shutil.")
acts = []

def watch(event, arguments):
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & 3
        if writes and "__pycache__" not in str(path):
            acts.append(f"opens {path} for writing")
    elif event.startswith(WATCHED) or event == "_thread.start_new_thread":
        acts.append(event)

sys.addaudithook(watch)
import diyalog
names = [m.name for m in pkgutil.walk_packages(diyalog.__path__, "diyalog.") if m.name != "diyalog.__main__"]
for name in names:
    importlib.import_module(name)
print(len(names), *sorted(set(acts)), sep="\\n")
"""


def test_importing_touches_nothing(tmp_path: Path) -> None:
    graph = build_graph("diyalog", include_external_packages=True, cache_dir=None)
    external = sorted(m for m in graph.modules if not m.startswith("diyalog"))
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING, " ".join(external)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    count, *acts = result.stdout.split("\n")[:-1]
    assert acts == []
    assert int(count) > 20
    assert result.stderr == ""
    assert list(tmp_path.iterdir()) == []
