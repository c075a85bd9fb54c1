"""`./dev demo` as a newcomer meets it: the story once, then a page to try, until Ctrl-C."""

import asyncio
import os
import re
import signal
import sys

import aiohttp

LIMIT_S = 60.0
MESSAGE = "All of our agents are on other calls. Please try again on weekdays after 14:00."


async def start(*arguments: str) -> asyncio.subprocess.Process:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DIYALOG_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "diyalog.demo", *arguments, stdout=asyncio.subprocess.PIPE, env=environ
    )


async def test_the_story_is_told_once() -> None:
    demo = await start("--once")
    output = (await asyncio.wait_for(demo.communicate(), LIMIT_S))[0].decode()
    assert demo.returncode == 0
    assert "POST /v1/application/interactionisnotdelivered" in output
    assert "x-dlg-authorization: DLGA " in output
    assert '{"isSuccess":true,"message":"Customer waiting will be stopped."}' in output
    assert '"errorCode":402' in output
    assert f"The customer saw: “{MESSAGE}”" in output
    assert '"outcome": "CONNECTED"' in output
    assert '"state": "CHAT_ENDED"' in output
    assert "The customer read: “Yes. I have raised it until Sunday; have a good trip.”" in output


async def test_it_stays_up_with_a_page_until_ctrl_c() -> None:
    demo = await start()
    assert demo.stdout is not None
    address = ""
    async with asyncio.timeout(LIMIT_S):
        while not address:
            line = (await demo.stdout.readline()).decode()
            assert line, "the demo ended"
            found = re.search(r"(http://\S+)/app/help\.html#/start\?customerId=", line)
            address = found[1] if found else ""
        desk = (await demo.stdout.readline()).decode()
        assert f"{address}/app/agentchat.html#/auth?userId=31007" in desk
        async with aiohttp.ClientSession() as http, http.get(f"{address}/app/help.html") as page:
            assert page.status in {200, 503}, "503 says that the pages are not built"
            assert "Content-Security-Policy" in page.headers or page.status == 503
        async with aiohttp.ClientSession() as http, http.get(f"{address}/docs") as docs:
            assert docs.status == 200
        demo.send_signal(signal.SIGINT)
        await demo.communicate()
    assert demo.returncode == 0
