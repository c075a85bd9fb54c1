"""Runs the tests of a file against a changed copy of the program: green means that nobody noticed."""

import json
import os
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
LIMIT_S = 240.0
"""A change after which the tests take so long was noticed: they hang."""
_LOOK_S = 0.02
_SIGNATURE = (
    "tests/domain/test_signature.py",
    "tests/domain/test_signature_parsing.py",
    "tests/domain/test_signature_months.py",
    "tests/domain/test_signing_key.py",
)
_STORE = (
    "tests/contracts/test_store_waits.py",
    "tests/faults/test_ambiguous_commit.py",
    "tests/storage/test_faults.py",
    "tests/usecases/test_outbox_delivery.py",
    "tests/usecases/test_queueing.py",
    "tests/faults/test_queue_outage.py",
)


@dataclass(frozen=True)
class Target:
    """One file, what makes changes of it, and the tests that should notice, the likeliest first."""

    name: str
    mutants: Callable[[str], Iterator[Mutant]]
    tests: Sequence[str]

    @property
    def source(self) -> str:
        return (PACKAGE / self.name).read_text(encoding="utf-8")


TARGETS: dict[str, Target] = {
    "signature": Target("domain/signature.py", python_mutants.mutants, _SIGNATURE),
    "transitions": Target("domain/transitions.py", python_mutants.mutants, ("tests/domain/test_transitions.py",)),
    "endings": Target("storage/endings.py", python_mutants.mutants, _STORE),
    "outbox": Target("storage/deliveries.py", python_mutants.mutants, (*reversed(_STORE[:4]), *_STORE[4:])),
    "statements": Target("sql/statements.sqlite.sql", sql_mutants.mutants, _STORE),
}


@contextmanager
def changeable(folder: Path, target: Target) -> Iterator[Path]:
    """A copy of the program in `folder`; gives the file to write a change into."""
    copy = folder / "src" / "diyalog"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("static", "__pycache__"))
    yield copy / target.name
    shutil.rmtree(folder / "src")


def is_noticed(file: Path, source: str, tests: Sequence[str], output: Path) -> bool:
    """Whether one of the tests fails with this source in the place of the file's."""
    file.write_text(source, encoding="utf-8")
    child = os.fork()
    if child == 0:
        _run(file, tests, output)
    give_up = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status != 0
        time.sleep(_LOOK_S)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return True


def _run(file: Path, tests: Sequence[str], output: Path) -> None:
    """In a process of its own, which has not yet imported the program: run the tests on the copy, and exit."""
    import pytest

    status = 3
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        source = next(parent for parent in file.parents if parent.name == "src")
        sys.path.insert(0, str(source))
        sys.dont_write_bytecode = True
        status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *(str(ROOT / test) for test in tests)]))
    except BaseException:  # noqa: BLE001  nothing of the parent may run on in here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def survivors(target: Target, only: Sequence[str], folder: Path) -> tuple[list[str], int]:
    """The keys of the changes that nobody noticed, and how many were made: those of these keys, or all."""
    for name in list(sys.modules):
        assert not name.startswith("diyalog"), "the copies are to be imported, not the program"
    unnoticed = []
    count = 0
    with changeable(folder, target) as file:
        if not only:
            assert not is_noticed(file, target.source, target.tests, folder / "output"), (folder / "output").read_text()
        for mutant in target.mutants(target.source):
            if only and mutant.key not in only:
                continue
            count += 1
            if not is_noticed(file, mutant.source, target.tests, folder / "output"):
                unnoticed.append(mutant.key)
                say(f"survives: {mutant.key}")
    return unnoticed, count


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(name: str, *only: str) -> int:
    """`python -m mutation.killing NAME [KEY...]`: the survivors, one a line, and all of it as JSON at the end."""
    # Imported before the forks, once for all of them.
    import aiohttp  # noqa: F401
    import apsw  # noqa: F401
    import msgspec  # noqa: F401
    import pytest  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        unnoticed, count = survivors(TARGETS[name], only, Path(folder))
    say(json.dumps({"survivors": unnoticed, "count": count}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
