"""The tutorial, typed in from its first line to its last, prints what it shows."""

import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from playwright.async_api import async_playwright

from client.tools import needs
from kit.server import Customer
from kit.site import FLAGS, STATE_MS, find_browser

from .pages import DOCS, ROOT, blocks
from .terminal import terminal

PAGE = DOCS / "tutorial.md"
MESSAGE = "Our advisers are busy until 14:00."
SETUP = "./dev setup\n"
"""Not typed in: these tests run in what it made, beside others that do."""

DIFFERENT_EACH_TIME = {
    r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}": "<key>",
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}": "<session>",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z": "<time>",
    r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT": "<date>",
    r"\b\d\d:\d\d:\d\d\.\d{3}\b": "<clock>",
    r"\b1[78]\d{11}\b": "<interaction>",
    r'"[A-Za-z0-9+/]{64}"': "<secret>",
    r'"[\w-]{43}"': "<token>",
    r'"epoch":"[0-9a-f]{16}"': "<epoch>",
}


def settled(text: str) -> str:
    """The text with everything that differs each time written as what it is."""
    for pattern, name in DIFFERENT_EACH_TIME.items():
        text = re.sub(pattern, name, text)
    return text.rstrip("\n")


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[None]:
    """The waiting page in a browser; where there is none, an app that does what the page does."""
    executable = find_browser()
    if executable is None:
        query = dict(parse_qsl(address.partition("?")[2]))
        async with Customer(address.partition("/app/")[0], query["customerId"]) as customer:
            assert (await customer.start(query["helpType"])).status == 201
            yield
            assert (await customer.current()).json["message"] == MESSAGE
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = await browser.new_page()
        await page.goto(address)
        await page.wait_for_selector("main[data-state=waiting]", timeout=STATE_MS)
        yield
        await page.wait_for_selector("main[data-state=ended]", timeout=STATE_MS)
        assert MESSAGE in await page.inner_text("main")
        await browser.close()


@dataclass(frozen=True)
class Step:
    """A block of commands, what the page shows that they print, and the address that was opened before them."""

    line: int
    commands: str
    shown: str
    address: str | None


def steps() -> list[Step]:
    found: list[Step] = []
    address = None
    for block in blocks(PAGE):
        if block.kind == "sh":
            found.append(Step(block.line, block.text, "", address))
            address = None
        elif block.kind == "url":
            address = block.text.strip()
        else:
            assert found[-1].shown == "", "one block of output for each block of commands"
            found[-1] = replace(found[-1], shown=block.text)
    return found


async def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    needs("bash", "sh", "curl", "openssl", "node", "java")
    server, company = free_port(), free_port()
    # The reader's clone has its programs in .venv; these tests may run in another environment.
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here = {"$PWD/.venv/bin:": "", ":8080": f":{server}", ":9090": f":{company}", "--port 9090": f"--port {company}"}
    async with terminal(ROOT, {"PATH": programs, "TMPDIR": str(tmp_path), "DIYALOG_PORT": server}) as typed:
        for step in steps()[1:]:
            async with AsyncExitStack() as screen:
                if step.address is not None:
                    await screen.enter_async_context(opened(rewritten(step.address, here)))
                printed = await typed.run(rewritten(step.commands, here))
            printed = rewritten(printed, {f":{server}": ":8080", f":{company}": ":9090"})
            assert settled(printed) == settled(step.shown), f"{PAGE.name}, line {step.line}"
    assert names_in(tmp_path) == [], "the reader was told how to put everything away"


def rewritten(text: str, other: Mapping[str, str]) -> str:
    for old, new in other.items():
        text = text.replace(old, new)
    return text


def test_the_page_shows_what_most_commands_print() -> None:
    assert sum(bool(step.shown) for step in steps()) > 20


def test_the_page_names_only_kinds_of_block_that_are_run_or_compared() -> None:
    assert {block.kind for block in blocks(PAGE)} == {"sh", "url", "text", "json"}


def test_what_is_not_typed_in_is_the_first_command_and_exists() -> None:
    assert steps()[0].commands == SETUP
    assert re.search(r"^  setup\) setup ;;$", (ROOT / "dev").read_text("utf-8"), re.MULTILINE)


def test_every_example_is_run() -> None:
    typed = "".join(step.commands for step in steps())
    programs = [path.name for path in (DOCS / "examples").iterdir() if path.suffix in {".sh", ".py", ".mjs", ".java"}]
    assert len(programs) > 5
    assert [name for name in programs if f"docs/examples/{name} " not in typed] == []
