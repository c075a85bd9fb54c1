"""Access keys made, rotated and revoked beside a running server, and the documentation's programs signing for it."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from client.tools import needs
from e2e.world import NOBODY, STOPPED, eventually
from kit.server import Company, Customer, Key, Server, running

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PROGRAMS = {
    "shell": (["sh", "sign.sh"], ("sh", "openssl", "curl")),
    "python": ([sys.executable, "sign.py"], ()),
    "node": (["node", "sign.mjs"], ("node",)),
    "java": (["java", "Sign.java"], ("java",)),
}
MESSAGE = 'Şu an "meşgulüz" 🙏 \\ %5'
REVOKED_S = 1.0
REFUSED = (401, "Authorization failed")
ANSWERED = (200, NOBODY)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path, limit_auth_failures="0") as made:
        yield made


@dataclass
class Calling:
    """A company that calls without a pause; what each call was answered, and when it was sent."""

    company: Company
    stopping: bool = False

    def __post_init__(self) -> None:
        self.answers: list[tuple[float, tuple[int, object]]] = []

    async def go_on(self) -> None:
        while not self.stopping:
            sent_at = time.monotonic()
            reply = await self.company.not_delivered(interactionId="unknown")
            answer = reply.json if reply.status == 200 else reply.text
            self.answers.append((sent_at, (reply.status, answer)))

    async def answered(self, answer: tuple[int, object]) -> None:
        """Wait for a call from now on to be answered like this."""
        begun = time.monotonic()

        async def so() -> bool:
            return bool(self.answers) and self.answers[-1][0] >= begun and self.answers[-1][1] == answer

        await eventually(so, 10, f"answered {answer}")


async def rotate(server: Server, key: Key) -> Key:
    made = json.loads(await server.command("keys", "rotate", key.access_key_id, "--json"))
    return Key(made["accessKeyId"], made["accessKeySecret"])


async def test_a_new_key_works_at_once(server: Server) -> None:
    for number in range(3):
        async with Company(server.url, await server.new_key(f"queue-{number}")) as company:
            assert (await company.not_delivered(interactionId="unknown")).json == NOBODY


async def test_a_revoked_key_is_refused_within_a_second(server: Server) -> None:
    async with (
        Company(server.url, await server.new_key()) as revoked,
        Company(server.url, await server.new_key("other")) as other,
    ):
        callings = [Calling(revoked), Calling(other)]
        tasks = [asyncio.create_task(calling.go_on()) for calling in callings]
        for calling in callings:
            await calling.answered(ANSWERED)
        begun = time.monotonic()
        await server.command("keys", "revoke", revoked.key.access_key_id)
        stored = time.monotonic()
        await callings[0].answered(REFUSED)
        for calling in callings:
            calling.stopping = True
        await asyncio.gather(*tasks)
    before = [answer for sent_at, answer in callings[0].answers if sent_at < begun]
    after = [answer for sent_at, answer in callings[0].answers if sent_at > stored + REVOKED_S]
    switches = [answer for _, answer in callings[0].answers]
    assert before
    assert set(map(str, before)) == {str(ANSWERED)}
    assert set(map(str, after)) <= {str(REFUSED)}
    refused_at = switches.index(REFUSED)
    assert callings[0].answers[refused_at][0] < stored + REVOKED_S
    assert all(answer == REFUSED for answer in switches[refused_at:]), "refused for good"
    assert {str(answer) for _, answer in callings[1].answers} == {str(ANSWERED)}, "the other key is not concerned"


async def test_a_rotation_loses_no_request(server: Server) -> None:
    async with Company(server.url, await server.new_key()) as company:
        old = company.key
        calling = Calling(company)
        task = asyncio.create_task(calling.go_on())
        await calling.answered(ANSWERED)
        new = await rotate(server, old)
        assert new.access_key_id != old.access_key_id
        async with Company(server.url, new) as with_new:
            assert (await with_new.not_delivered(interactionId="unknown")).json == NOBODY, "works at once"
            await calling.answered(ANSWERED)  # the old one lives on
            company.key = new
            await calling.answered(ANSWERED)
            await server.command("keys", "revoke", old.access_key_id)
            company_with_old = Company(server.url, old)
            async with company_with_old:

                async def refused() -> bool:
                    return (await company_with_old.not_delivered(interactionId="unknown")).status == 401

                await eventually(refused, REVOKED_S, "the old key is refused")
        calling.stopping = True
        await task
    assert {str(answer) for _, answer in calling.answers} == {str(ANSWERED)}, "not one request was lost"


async def test_a_key_revoked_before_a_restart_stays_revoked(server: Server) -> None:
    async with Company(server.url, await server.new_key()) as company:
        await server.command("keys", "revoke", company.key.access_key_id)
        await server.kill()
        await server.start()
        refused = await company.not_delivered(interactionId="unknown")
        assert (refused.status, refused.text) == REFUSED
        assert refused.headers["Content-Type"] == "text/plain; charset=utf-8"


async def run(name: str, server: Server, key: Key, interaction: str) -> tuple[int, str, str]:
    command, tools = PROGRAMS[name]
    needs(*tools)
    environment = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "DIYALOG_URL": server.url,
        "DIYALOG_ACCESS_KEY_ID": key.access_key_id,
        "DIYALOG_ACCESS_KEY_SECRET": key.secret,
    }
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, interaction, MESSAGE, cwd=EXAMPLES, env=environment, stdout=pipe, stderr=pipe
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_of_the_documentation_releases_a_customer(server: Server, name: str) -> None:
    """Among them a plain JDK HttpClient, which offers h2c with every request."""
    key = await server.new_key()
    async with Customer(server.url, "880214") as customer:
        begun = (await customer.start()).json
        async with customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"]) as stream:
            status, output, errors = await run(name, server, key, begun["interactionId"])
            assert (status, errors) == (0, "")
            assert json.loads(output) == STOPPED
            event = await stream.event("wait.ended")
            assert (event["data"]["outcome"], event["data"]["message"]) == ("NOT_DELIVERED", MESSAGE)
    status, output, errors = await run(name, server, Key(key.access_key_id, "another secret"), "7700418")
    assert status != 0
    assert "Authorization failed" in output + errors
