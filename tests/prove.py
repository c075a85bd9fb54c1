"""The long runs: `./dev prove [KIND...] [--minutes N]`. What ran green for this code is remembered and not run again.

Each kind of proof is cut into parts with seeds of their own. `.tools/proven.json` holds the figure of each part that is
done for the present code: for the simulated world that is what the world loads, for all else the content of `src` and
`tests`; any change there starts anew. A part that fails prints its output and ends the run with exit 1; the seed in its
name repeats it.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / ".tools" / "proven.json"
COUNTED = {".py", ".sql", ".json"}
MODEL_PARTS, MODEL_EXAMPLES = 4, 500
FUZZ_PARTS, FUZZ_REQUESTS = 10, 100_000
BYTES_PARTS, BYTES_CONNECTIONS = 4, 10_000
KILL_PARTS, KILLS = 12, 25
NODE_KILL_PARTS, NODE_KILLS = 4, 25
NODE_ROUNDS, NODE_CUSTOMERS = 5, 50
GUIDED_PARTS, GUIDED_TIMES = 5, 50
STORM_PARTS, STORM = 3, 10_000
RACE_PARTS, RACES = 2, 20_000
SOAK_MINUTES = float(os.environ.get("DIYALOG_TEST_SOAK", "1800")) / 60
WORLD_PARTS, WORLDS = 200, 5_000


@dataclass(frozen=True)
class Part:
    """One pytest run. `figure` is what it has shown once it is green; `limit_s` ends it when it hangs."""

    name: str
    test: str
    figure: str
    limit_s: float
    environ: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()

    @property
    def kind(self) -> str:
        return self.name.partition(" ")[0]


def every_part() -> Iterator[Part]:
    """All parts, the quick kinds first."""
    for seed in range(1, FUZZ_PARTS + 1):
        yield Part(
            f"requests seed {seed}",
            "tests/security/test_fuzz.py",
            f"{FUZZ_REQUESTS:,} requests: 0 HTTP 500, 0 accepted forgeries",
            900,
            {"DIYALOG_TEST_REQUESTS": str(FUZZ_REQUESTS), "DIYALOG_TEST_SEED": str(seed)},
        )
    for seed in range(1, BYTES_PARTS + 1):
        yield Part(
            f"bytes seed {seed}",
            "tests/security/test_fuzz_sockets.py",
            f"{BYTES_CONNECTIONS:,} connections of broken HTTP: 0 HTTP 500, nothing written",
            900,
            {"DIYALOG_TEST_CONNECTIONS": str(BYTES_CONNECTIONS), "DIYALOG_TEST_SEED": str(seed)},
        )
    for seed in range(1, MODEL_PARTS + 1):
        yield Part(
            f"model seed {seed}",
            "tests/properties/test_wait_model.py",
            f"{MODEL_EXAMPLES} histories of waits against the model: 0 differences",
            1800,
            {"DIYALOG_TEST_EXAMPLES": str(MODEL_EXAMPLES)},
            (f"--hypothesis-seed={seed}",),
        )
    for seed in range(1, KILL_PARTS + 1):
        yield Part(
            f"kills seed {seed}",
            "tests/e2e/test_kill.py",
            f"{KILLS} kills under load: 0 acknowledged transitions lost",
            60 + 12 * KILLS,
            {"KILLS": str(KILLS), "SEED": str(seed)},
        )
    yield Part(
        "contracts on PostgreSQL 18",
        "tests/contracts",
        "the store's contract suite on PostgreSQL 18: 0 failures",
        900,
        {"DIYALOG_TEST_POSTGRES": "18"},
        ("-k", "postgres"),
    )
    yield from cluster_parts()
    for seed in range(1, RACE_PARTS + 1):
        yield Part(
            f"races seed {seed}",
            "tests/races/test_postgres_races.py",
            f"{RACES:,} waits, each raced by five PostgreSQL connections: one winner each, all others told who",
            900,
            {"DIYALOG_TEST_RACES": str(RACES), "DIYALOG_TEST_SEED": str(seed)},
        )
    for seed in range(1, GUIDED_PARTS + 1):
        yield Part(
            f"fuzz seed {seed}",
            "tests/fuzz/test_fuzz.py",
            f"{6000 * GUIDED_TIMES:,} inputs to the three parsers: 0 differences from their rules",
            1800,
            {"DIYALOG_TEST_FUZZ": str(GUIDED_TIMES), "DIYALOG_TEST_SEED": str(seed)},
            ("-k", "parser"),
        )
    for seed in range(1, STORM_PARTS + 1):
        yield Part(
            f"storm seed {seed}",
            "tests/load/test_storm.py",
            f"{STORM:,} cut at once by a stop and by a kill: all back at their waits, no gap, no repeat, 0 HTTP 500",
            600,
            {"DIYALOG_TEST_STORM": str(STORM), "DIYALOG_TEST_SEED": str(seed)},
        )
    yield Part(
        f"soak minutes {SOAK_MINUTES:g}",
        "tests/load/test_soak.py",
        f"{SOAK_MINUTES:g} minutes of everything at once: counts add up, memory and descriptors flat, no error logged",
        SOAK_MINUTES * 60 + 300,
        {"DIYALOG_TEST_SOAK": str(SOAK_MINUTES * 60)},
    )
    for target, subject in (
        ("transitions", "the table of transitions"),
        ("signature", "the rules of signatures"),
        ("endings", "the transaction that ends waits"),
        ("outbox", "what claims and stores calls to the queue"),
    ):
        yield Part(
            f"mutation {target}",
            "tests/mutation/test_mutation.py",
            f"changes of {subject}: all noticed but for the survivors in docs/mutation.md",
            1800,
            {"DIYALOG_TEST_MUTATION": target},
        )
    yield Part(
        "screens all",
        "tests/browser/test_gallery.py",
        "every state of the waiting page, at three widths, light and dark, in both languages: 0 faults",
        1800,
        {"DIYALOG_TEST_SCREENS": "all"},
    )
    for first in range(1, WORLD_PARTS * WORLDS, WORLDS):
        last = first + WORLDS - 1
        yield Part(
            f"world seeds {first}-{last}",
            "tests/world/test_world.py",
            f"{WORLDS:,} simulated worlds: 0 broken promises",
            1800,
            {"DIYALOG_TEST_FIRST_WORLD": str(first), "DIYALOG_TEST_WORLDS": str(WORLDS)},
        )


def cluster_parts() -> Iterator[Part]:
    """Several nodes on one database."""
    for seed in range(1, NODE_KILL_PARTS + 1):
        yield Part(
            f"cluster kills seed {seed}",
            "tests/cluster/test_faults.py",
            f"{NODE_KILLS} kills of nodes under load, one stood still twice: 0 acknowledged transitions lost",
            240 + 12 * NODE_KILLS,
            {"KILLS": str(NODE_KILLS), "ROUNDS": "2", "SEED": str(seed)},
            ("-k", "killed"),
        )
    for name, file, what in (
        ("nodes", "test_faults.py", "every node restarted"),
        ("database", "test_database.py", "the database crashed and its answers lost"),
        ("time", "test_time.py", "wrong clocks, deadlines and retention on three nodes"),
    ):
        yield Part(
            f"cluster {name}",
            f"tests/cluster/{file}",
            f"{what}, {NODE_ROUNDS} times or with {NODE_CUSTOMERS} customers each: 0 lost, 0 doubled",
            900,
            {"ROUNDS": str(NODE_ROUNDS), "CRASHES": str(NODE_ROUNDS), "CUSTOMERS": str(NODE_CUSTOMERS)},
            ("-k", "not killed"),
        )


def every_file() -> Iterable[Path]:
    """All that is proven and all that proves it."""
    return (path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*") if path.suffix in COUNTED)


def world_files() -> Iterable[Path]:
    """The simulated world: what playing some seeds loads, with the statements that it reads."""
    listed = subprocess.run(
        [sys.executable, "tests/world/play.py", "1", "20", "--files"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    loaded: list[str] = json.loads(listed.stdout)["files"]
    return (*map(Path, loaded), *(ROOT / "tests/world").glob("*.py"), *(ROOT / "src/diyalog/sql").glob("*.sql"))


def digest_of(files: Iterable[Path]) -> str:
    """A digest of what the files contain."""
    digest = hashlib.sha256()
    for path in sorted(set(files)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(ROOT)} {content}\n".encode())
    return digest.hexdigest()


def code_version(part: Part) -> str:
    """A digest of the code that a part is about."""
    return digest_of(world_files() if part.kind == "world" else every_file())


class Record:
    """The figures of the parts that are done, each with the version of its code, on disk after each part."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[str, tuple[str, str]] = json.loads(path.read_text("utf-8")) if path.is_file() else {}

    def figure(self, part: Part, version: str) -> str | None:
        """What the part has shown for this code; None when it is still to be done."""
        code, figure = self._done.get(part.name, ("", ""))
        return figure if code == version else None

    def add(self, part: Part, version: str) -> None:
        """Remember that the part is green."""
        self._done[part.name] = (version, part.figure)
        self._path.parent.mkdir(exist_ok=True)
        written = self._path.with_suffix(".new")
        written.write_text(json.dumps(self._done, indent=2), "utf-8")
        written.replace(self._path)


def run(part: Part) -> str | None:
    """Run one part; its output when it failed, None when it is green."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", part.test, *part.arguments]
    try:
        finished = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **part.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=part.limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {part.limit_s:.0f} s\n"
    return finished.stdout if finished.returncode else None


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run what is not done yet; the exit status."""
    parts = list(every_part())
    kinds = list(dict.fromkeys(part.kind for part in parts))
    parser = argparse.ArgumentParser(prog="./dev prove", description="Run the long proofs that this code still lacks.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"only these: {', '.join(kinds)}")
    parser.add_argument("--minutes", type=float, default=120.0, help="begin no further part after so long (120)")
    asked = parser.parse_args()
    unknown = set(asked.kinds) - set(kinds)
    if unknown:
        parser.error(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(kinds)}")
    began, record = time.monotonic(), Record(RECORD)
    asked_for = [part for part in parts if not asked.kinds or part.kind in asked.kinds]
    versions = {part.kind: code_version(part) for part in asked_for}
    for part in asked_for:
        version = versions[part.kind]
        done = record.figure(part, version)
        if done is not None:
            say(f"{part.name}: {done} (done before)")
            continue
        if time.monotonic() - began > asked.minutes * 60:
            say(f"{part.name}: not begun, {asked.minutes:g} minutes are over; the next ./dev prove goes on here")
            return 1
        since = time.monotonic()
        failure = run(part)
        if failure is not None:
            say(failure)
            say(f"{part.name}: FAILED")
            return 1
        if code_version(part) != version:
            say(f"{part.name}: green, but its code changed meanwhile; begin again")
            return 1
        record.add(part, version)
        say(f"{part.name}: {part.figure} ({time.monotonic() - since:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
