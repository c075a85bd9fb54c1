"""What the benchmark builds and installs before it measures, all of it below the cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BENCH: Final = Path(__file__).resolve().parent
CACHE: Final = BENCH / ".cache"
PEERS: Final = ("express", "fastify")

_FLAGS: Final = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
_SOURCES: Final = {
    "load": ("load.c", "load_phase.c", "load_http.c", "load_socket.c", "load_report.c", "wire.c"),
    "limit": ("limit.c", "serve.c", "wire.c"),
    "company": ("company.c", "serve.c", "wire.c"),
}


class MissingToolError(Exception):
    """Something that the benchmark needs is not on this machine; the text says what, and how to get it."""


@dataclass(frozen=True)
class Programs:
    """The built C programs."""

    load: Path
    limit: Path
    company: Path


def required(command: str, package: str) -> str:
    """Find a command on the path; raises MissingToolError naming the package that has it."""
    found = shutil.which(command)
    if found is None:
        raise MissingToolError(f"{command} is not installed (Debian: apt-get install {package})")
    return found


def build() -> Programs:
    """Compile what is older than its sources. Raises MissingToolError."""
    compiler = required("gcc", "gcc")
    folder = CACHE / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    newest = max(file.stat().st_mtime for file in BENCH.glob("*.[ch]"))
    for name, sources in _SOURCES.items():
        program = folder / name
        if not program.exists() or program.stat().st_mtime < newest:
            _compile(compiler, sources, program)
    return Programs(folder / "load", folder / "limit", folder / "company")


def _compile(compiler: str, sources: Sequence[str], program: Path) -> None:
    built = program.with_suffix(".new")
    command = [compiler, *_FLAGS, "-o", str(built), *(str(BENCH / source) for source in sources), "-lcrypto"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        hint = " (Debian: apt-get install libssl-dev)" if "openssl/" in done.stderr else ""
        raise MissingToolError(f"{program.name} does not compile{hint}:\n{done.stderr}")
    built.replace(program)


def install_peer(name: str) -> Path:
    """Lay out a Node peer in the cache with exactly the packages of its lock file. Raises MissingToolError."""
    npm = required("npm", "npm")
    folder = CACHE / "peers" / name
    folder.mkdir(parents=True, exist_ok=True)
    lock, installed = BENCH / "peers" / name / "package-lock.json", folder / "installed-lock.json"
    for source in (*(BENCH / "peers").glob("*.js"), *(BENCH / "peers" / name).iterdir()):
        shutil.copy(source, folder)
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return folder
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--omit=dev", "--no-fund", "--no-audit"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode != 0:
        raise MissingToolError(f"npm ci of the {name} peer failed:\n{done.stderr[-2000:]}")
    shutil.copy(lock, installed)
    return folder


def describe_machine() -> list[str]:
    """Lines on the machine and the programs that take part; what is missing is left out."""
    model = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    versions = [
        _first_line(command)
        for command in (["node", "--version"], ["redis-server", "--version"], ["gcc", "--version"], ["uname", "-sr"])
        if shutil.which(command[0])
    ]
    return [
        f"{len(model)} cores, {model[0] if model else 'unknown'}",
        *versions,
        f"load average {os.getloadavg()[0]:.2f} at start",
    ]


def describe_python(environment: Path) -> str:
    """The Python that Diyalog runs on: builds of one version differ by a tenth and more."""
    return f"Diyalog on {_first_line([str(environment / 'bin' / 'python'), '-VV'])}"


def _first_line(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    line = done.stdout.splitlines()[0] if done.stdout else "?"
    return f"{command[0]} {line}" if command[0] == "node" else line
