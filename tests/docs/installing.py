"""Diyalog as a stranger gets it: built, and installed into an environment that has only what it says it needs."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from client.tools import needs

from .pages import ROOT

_LIMIT_S = 120.0


def uv(*words: str) -> None:
    """Run uv from its cache; where only pip was told of the company's mirror, as `./dev` does, from that one's."""
    own = ROOT / ".tools" / "uv" / "bin" / "uv"
    program = str(own) if own.exists() else shutil.which("uv")
    if program is None:
        needs("uv")
    command = [str(program), *words, "--offline", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    if done.returncode and (index := _pip_index()):
        command += ["--default-index", index]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr


def _pip_index() -> str:
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    configured = subprocess.run(asked, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    return os.environ.get("PIP_INDEX_URL") or configured.stdout.strip()


def installed(wheel: Path, folder: Path) -> Path:
    """A fresh environment with the wheel and its declared dependencies; its folder of programs.

    The dependencies are those of the environment that runs the tests, by links: nothing is fetched, and what is not
    declared is not there.
    """
    uv("venv", "--python", sys.executable, str(folder))
    programs = folder / "bin"
    uv("pip", "install", "--no-deps", "--python", str(programs / "python"), str(wheel))
    [site] = (folder / "lib").glob("python3.*/site-packages")
    [metadata] = site.glob("diyalog-*.dist-info")
    for needed in _closure(Distribution.at(metadata)):
        for name in {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(str(needed.locate_file(name)))
    return programs


def _closure(first: Distribution) -> list[Distribution]:
    found: dict[str, Distribution] = {}
    due = [first]
    while due:
        for text in due.pop().requires or ():
            requirement = Requirement(text)
            name = re.sub(r"[-_.]+", "-", requirement.name.lower())
            if name in found or (requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})):
                continue
            found[name] = distribution(name)
            due.append(found[name])
    return list(found.values())
