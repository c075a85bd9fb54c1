"""deploy/Dockerfile: linted, since no image is built here, and held to what docs/deployment.md says of it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "Dockerfile"
IGNORED = FILE.with_name("Dockerfile.dockerignore")
HADOLINT = Path(sys.executable).with_name("hadolint")
STAGES = re.split(r"(?m)^(?=FROM )", FILE.read_text("utf-8").replace("\\\n", " "))[1:]


def instructions(stage: str) -> list[tuple[str, str]]:
    return re.findall(r"(?m)^([A-Z]+) +(.+)$", stage)


def test_hadolint_finds_nothing() -> None:
    found = subprocess.run([HADOLINT, FILE], capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_both_stages_start_from_the_same_python() -> None:
    starts = [instructions(stage)[0][1].split()[0] for stage in STAGES]
    assert len(starts) == 2
    assert set(starts) == {"python:3.11-slim"}


def test_the_image_runs_without_rights_and_stops_as_the_server_does() -> None:
    final = dict(instructions(STAGES[-1]))
    assert final["USER"] == "10001:10001"
    assert final["STOPSIGNAL"] == "SIGTERM"
    assert (final["ENTRYPOINT"], final["CMD"]) == ('["diyalog"]', '["serve"]')
    assert "/livez" in STAGES[-1]
    assert final["VOLUME"] in STAGES[-1].partition("DIYALOG_DATA_DIR=")[2].split()[0]


def test_nothing_is_installed_in_the_final_image() -> None:
    names = [name for name, _ in instructions(STAGES[-1])]
    assert names.count("RUN") == 1
    assert names.count("COPY") == 1
    assert "COPY --from=build /opt/diyalog /opt/diyalog" in STAGES[-1]
    assert not re.search(r"\b(apt-get|pip install|npm|uv)\b", STAGES[-1])


def test_its_tools_are_those_of_the_checkout() -> None:
    script = (ROOT / "dev").read_text("utf-8")
    for tool in ("UV_VERSION", "NODE_VERSION"):
        [version] = re.findall(rf"^{tool}=(\S+)$", script, re.MULTILINE)
        assert f"ARG {tool}={version}\n" in STAGES[0]


def test_what_it_copies_exists_and_reaches_the_builder() -> None:
    allowed = [line[1:] for line in IGNORED.read_text("utf-8").splitlines() if line.startswith("!")]
    assert IGNORED.read_text("utf-8").splitlines()[1] == "*"
    copied = [word for name, rest in instructions(STAGES[0]) if name == "COPY" for word in rest.split()[:-1]]
    assert len(copied) > 8
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.partition("/")[0] in allowed, source
