"""`./dev cluster` as a newcomer meets it: the story on three nodes once, then three addresses until Ctrl-C."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

from kit.server import Caller

PROGRAM = Path(__file__).with_name("demo.py")
TESTS = PROGRAM.parent.parent
LIMIT_S = 120.0
MESSAGE = "All of our agents are on other calls. Please try again on weekdays after 14:00."


async def start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DIYALOG_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(folder)},
    )


def left_behind(folder: Path) -> list[str]:
    """Processes that were started with this folder in their environment, and what they left in it."""
    found = [str(path) for path in folder.iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text("utf-8").replace("\0", " "))
        except OSError:
            continue  # somebody else's, or gone
    return found


async def test_the_story_is_told_on_three_nodes(tmp_path: Path) -> None:
    demo = await start(tmp_path, "--once")
    output = (await asyncio.wait_for(demo.communicate(), LIMIT_S))[0].decode()
    assert demo.returncode == 0, output
    told = output.partition("5. Node 1 is killed")
    for part in told[0], told[2]:
        assert "x-dlg-authorization: DLGA " in part
        assert '{"isSuccess":true,"message":"Customer waiting will be stopped."}' in part
        assert '"wait.ended"' in part
    assert f"Both customers saw: “{MESSAGE}”" in output
    assert left_behind(tmp_path) == []


async def test_it_stays_up_with_three_addresses_until_ctrl_c(tmp_path: Path) -> None:
    demo = await start(tmp_path)
    assert demo.stdout is not None
    output = ""
    async with asyncio.timeout(LIMIT_S):
        while "Ctrl-C ends everything" not in output:
            line = (await demo.stdout.readline()).decode()
            assert line, f"it ended: {output}"
            output += line
        addresses = re.findall(r"node \d \(process \d+\): (http://\S+)/app/help\.html#/start\?customerId=", output)
        assert len(set(addresses)) == 3
        for address in addresses:
            async with Caller(address) as caller:
                assert (await caller.send("GET", "/readyz", headers={})).status == 200
                page = await caller.send("GET", "/app/help.html", headers={})
                assert page.status in {200, 503}, "503 says that the pages are not built"
        demo.send_signal(signal.SIGINT)
        await demo.communicate()
    assert demo.returncode == 0
    assert left_behind(tmp_path) == []


async def test_it_can_be_ended_in_the_middle_of_the_story(tmp_path: Path) -> None:
    demo = await start(tmp_path)
    assert demo.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        assert await demo.stdout.readline() == b"\n"
        demo.send_signal(signal.SIGTERM)
        await demo.communicate()
    assert demo.returncode == 0
    assert left_behind(tmp_path) == []
