"""Runs the tests of a file against a changed copy of the program: green means that nobody noticed."""

import compileall
import gc
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutation import python_mutants, sql_mutants
from mutation.python_mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "diyalog"
FIRST_LIMIT_S = 600.0
LEAST_LIMIT_S = 30.0
SLOWER = 10
"""A change was noticed after which the tests take so many times as long as without it, and 30 s more: they hang."""
_LOOK_S = 0.005
_PLUGINS = ("_hypothesis_pytestplugin", "pytest_asyncio.plugin")
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", *(part for name in _PLUGINS for part in ("-p", name)))
_SIGNATURE = (
    (
        "tests/domain/test_signature.py",
        "tests/domain/test_signature_parsing.py",
        "tests/domain/test_signature_months.py",
        "tests/domain/test_signing_key.py",
    ),
)
_CONTRACTS = (
    "tests/contracts/test_store_outbox.py",
    "tests/contracts/test_store_waits.py",
    "tests/contracts/test_store_due.py",
    "tests/storage/test_ends_together.py",
)
_DELIVERING = (
    "tests/storage/test_faults.py",
    "tests/storage/test_taking_over.py",
    "tests/usecases/test_outbox_delivery.py",
    "tests/usecases/test_queueing.py",
    "tests/faults/test_queue_outage.py",
)
_STORE = (_CONTRACTS, ("tests/faults/test_ambiguous_commit.py", *_DELIVERING))
_ON_POSTGRES = ("tests/storage/test_postgres_presence.py", "tests/faults/test_postgres_ambiguous_commit.py")
_EMBEDDED = "not postgres"
"""Of tests that run on both databases those on the embedded one."""


@dataclass(frozen=True)
class Target:
    """One file, what makes changes of it, and the files of tests that should notice, in stages: the likeliest first.

    Only what passes one stage is given to the next. `chosen`: which of these tests, as pytest's `-k` takes it.
    """

    name: str
    mutants: Callable[[str], Iterator[Mutant]]
    tests: Sequence[Sequence[str]]
    chosen: str = ""

    @property
    def source(self) -> str:
        return (PACKAGE / self.name).read_text(encoding="utf-8")


TARGETS: dict[str, Target] = {
    "signature": Target("domain/signature.py", python_mutants.mutants, _SIGNATURE),
    "transitions": Target("domain/transitions.py", python_mutants.mutants, (("tests/domain/test_transitions.py",),)),
    "endings": Target(
        "storage/endings.py",
        python_mutants.mutants,
        (*_STORE, _ON_POSTGRES),
        f"({_EMBEDDED}) or tells_where or tells_of_itself or lost_have_lost",
    ),
    "outbox": Target(
        "storage/deliveries.py",
        python_mutants.mutants,
        (_CONTRACTS, _DELIVERING, _ON_POSTGRES),
        f"({_EMBEDDED}) or in_hand or holds_otherwise",
    ),
    "sqlite": Target("storage/sqlite_transaction.py", python_mutants.mutants, _STORE, _EMBEDDED),
    "statements": Target("sql/statements.sqlite.sql", sql_mutants.mutants, _STORE, _EMBEDDED),
}


@contextmanager
def changeable(folder: Path, target: Target) -> Iterator[Path]:
    """A copy of the program in `folder`, compiled; gives the file to write a change into."""
    copy = folder / "src" / "diyalog"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("static", "__pycache__"))
    assert compileall.compile_dir(copy, quiet=1)
    file = copy / target.name
    for stale in file.parent.glob(f"__pycache__/{file.stem}.*"):
        stale.unlink()
    yield file
    shutil.rmtree(folder / "src")


class Bench:
    """Runs tests on one source after the other, each in a fork of this process, which never imports the program."""

    def __init__(self, file: Path, target: Target, folder: Path) -> None:
        self._file = file
        self._target = target
        self._output = folder / "output"
        self._imported = folder / "imported"
        self._folder = folder
        self._limit_s = FIRST_LIMIT_S

    def warm(self, source: str) -> None:
        """See that the tests are green on the unchanged source; import once, for all forks, what they imported.

        Raises AssertionError when they are not green.
        """
        started = time.monotonic()
        assert self.noticed_by(source) is None, self._output.read_text(encoding="utf-8")
        self._limit_s = LEAST_LIMIT_S + SLOWER * (time.monotonic() - started)
        for name in dict.fromkeys(self._imported.read_text(encoding="utf-8").split()):
            importlib.import_module(name)
        gc.collect()
        gc.freeze()

    def noticed_by(self, source: str) -> str | None:
        """The test that fails with this source in the place of the file's, or why none ended; None when all pass."""
        self._file.write_text(source, encoding="utf-8")
        found = (self._noticed_in(stage) for stage in self._target.tests)
        return next((test for test in found if test is not None), None)

    def _noticed_in(self, stage: Sequence[str]) -> str | None:
        child = os.fork()
        if child == 0:
            self._run(stage)
        give_up = time.monotonic() + self._limit_s
        while time.monotonic() < give_up:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return None if status == 0 else self._failed()
            time.sleep(_LOOK_S)
        os.kill(child, 9)
        os.waitpid(child, 0)
        return "the time limit"

    def _failed(self) -> str:
        output = self._output.read_text(encoding="utf-8", errors="replace")
        named = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(\S+)", output, re.MULTILINE)
        return named[1] if named else "the end of the whole run"

    def _run(self, stage: Sequence[str]) -> None:
        """In a process of its own, which has not yet imported the program: run the tests on the copy, and exit."""
        status = 3
        try:
            descriptor = os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            _use(next(parent for parent in self._file.parents if parent.name == "src"))
            files = [str(ROOT / test) for test in stage]
            status = _test([*_OPTIONS, f"--basetemp={self._folder / 'tests'}", "-k", self._target.chosen, *files])
            with self._imported.open("a", encoding="utf-8") as imported:
                imported.writelines(f"{name}\n" for name in _preloadable())
        except BaseException:  # noqa: BLE001  nothing of the parent may run on in here
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _use(source: Path) -> None:
    """Let this process and those it starts import the copy, and leave no compiled change behind for the next one."""
    sys.path.insert(0, str(source))
    sys.dont_write_bytecode = True
    os.environ["PYTHONPATH"] = os.pathsep.join((str(source), str(ROOT / "tests")))
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"


def _test(arguments: list[str]) -> int:
    import hypothesis
    import pytest

    # The same examples for every change, and the first that fails is enough.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None, phases=phases)
    hypothesis.settings.load_profile("mutation")
    return int(pytest.main(arguments))


def _preloadable() -> list[str]:
    """What a run has imported from outside the repository, but for pytest's plugins, which it wants to import."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        if "site-packages" in file and not name.startswith(("_hypothesis_pytestplugin", "pytest_asyncio")):
            found.append(name)
    return found


def survivors(target: Target, only: Sequence[str], folder: Path) -> tuple[list[str], int]:
    """The keys of the changes that nobody noticed, and how many were made: those of these keys, or all."""
    for name in list(sys.modules):
        assert not name.startswith("diyalog"), "the copies are to be imported, not the program"
    unnoticed = []
    count = 0
    with changeable(folder, target) as file:
        bench = Bench(file, target, folder)
        bench.warm(target.source)
        for mutant in target.mutants(target.source):
            if only and mutant.key not in only:
                continue
            count += 1
            test = bench.noticed_by(mutant.source)
            say(f"{count} survives: {mutant.key}" if test is None else f"{count} {test} notices: {mutant.key}")
            if test is None:
                unnoticed.append(mutant.key)
    return unnoticed, count


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(name: str, *only: str) -> int:
    """`python -m mutation.killing NAME [KEY...]`: each change and who notices it, then the survivors as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        unnoticed, count = survivors(TARGETS[name], only, Path(folder))
    say(json.dumps({"survivors": unnoticed, "count": count}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
