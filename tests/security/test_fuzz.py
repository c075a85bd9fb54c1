"""Nothing unsigned has an effect and no input is answered 500: requests by the ten thousand, each answer foretold."""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from kit.checker import check_database

from .bodies import CANARY
from .model import Expected, Model
from .reference import GATE_REFUSALS, Sent
from .traffic import Traffic
from .world import Reply, World, world

REQUESTS = int(os.environ.get("DIYALOG_TEST_REQUESTS", "100000"))
SEED = int(os.environ.get("DIYALOG_TEST_SEED", "20261118"))
ROUND = 12_500
BATCH = 250
TOGETHER = 50
CUSTOMERS = 30
TEXT = "text/plain; charset=utf-8"


class Fuzz:
    """One world under one stream of requests."""

    def __init__(self, here: World, seed: int) -> None:
        self.world = here
        self.rng = Random(seed)
        self.model = Model()
        self.traffic = Traffic(self.rng, self.model, here.clock.now_ms)
        self.counts: Counter[str] = Counter()

    async def begin(self) -> None:
        """Let customers in, and most of them wait."""
        for number in range(CUSTOMERS):
            customer = f"customer-{number}"
            token = await self.world.token(customer)
            self.model.tokens[token] = customer
            if number % 4:
                reply = await self.world.client("POST", "/v1/client/help", token, {"helpType": "chat"})
                self.model.started(customer, reply)

    async def batch(self) -> None:
        """Send some requests: first those that must change nothing, watching that; then those that matter."""
        clock = self.world.clock
        # Often on the second, so that a date can be exactly fifteen minutes off.
        clock.advance(self.rng.choice((self.rng.randrange(100), -clock.at % 1000)))
        quiet: list[tuple[Sent, Expected]] = []
        telling: list[tuple[Sent, Expected]] = []
        subjects: set[str] = set()
        while len(quiet) + len(telling) < BATCH:
            sent = self.traffic.next()
            expected = self.model.expected(sent, self.world.clock.at)
            if expected.subject is None:
                quiet.append((sent, expected))
            elif expected.subject == "key" or expected.subject not in subjects:
                # One request a customer in a batch, so that it does not matter which of them comes first.
                subjects.add(expected.subject)
                telling.append((sent, expected))
        stored = self.world.stored()
        await self._send(quiet)
        assert self.world.stored() == stored, "something was written for a request that must have no effect"
        await self._send(telling)

    async def _send(self, batch: list[tuple[Sent, Expected]]) -> None:
        waiting = iter(batch)
        while part := list(islice(waiting, TOGETHER)):
            replies = await asyncio.gather(*(self.world.send(sent) for sent, _ in part))
            for (sent, expected), reply in zip(part, replies, strict=True):
                self._check(sent, expected, reply)

    def _check(self, sent: Sent, expected: Expected, reply: Reply) -> None:
        about = f"{sent}\nexpected {expected}\nanswered {reply}"
        assert reply.status == expected.status, about
        if sent.method != "HEAD":
            if sent.target.startswith(("/v1/client/", "/v1/staff/")):
                _check_problems_answer(expected, reply, about)
            else:
                _check_companys_answer(expected, reply, about)
        if expected.after is not None:
            expected.after(reply)
        self.counts[f"{reply.status} {expected.says}".strip()] += 1

    def end(self) -> None:
        """What was answered is what is stored, and nothing of what was sent stands in the log."""
        rows = self.world.reading.execute("SELECT session_id, outcome FROM wait").fetchall()
        stored = {str(session): outcome for session, outcome in rows}
        known = {wait.session_id: wait.outcome for wait in self.model.waits.values()}
        assert stored == {session: "CANCELLED" if end == "REPLACED" else end for session, end in known.items()}
        check_database(self.world.database, self.model.told)
        log = self.world.log.getvalue()
        assert CANARY.encode() not in log
        assert b'"fault"' not in log
        assert log.count(b"\n") >= sum(self.counts.values())


def _check_companys_answer(expected: Expected, reply: Reply, about: str) -> None:
    assert CANARY.encode() not in reply.body + b"".join(value for _, value in reply.headers), about
    if expected.status != 200:
        assert reply.header("content-type") == TEXT, about
        assert reply.text, about
        if (expected.status, expected.says) in GATE_REFUSALS:
            assert reply.text == expected.says, about
        assert reply.text.startswith(expected.says) or expected.says == "Idempotency-Key", about
        return
    assert reply.header("content-type") == "application/json", about
    answer = reply.json
    if expected.envelope is not None and "message" in expected.envelope:
        assert answer == expected.envelope, about
        return
    names = ["isSuccess", "message", "transactionHash"] if expected.envelope == {"isSuccess": True} else None
    assert list(answer) == (names or ["isSuccess", "message"]), about
    assert not names or len(bytes.fromhex(answer["transactionHash"])) == 20, about


def _check_problems_answer(expected: Expected, reply: Reply, about: str) -> None:
    if expected.status == 204:
        return
    if expected.status < 400:
        assert reply.header("content-type") == "application/json", about
        return
    assert reply.header("content-type") == "application/problem+json", about
    problem = reply.json
    assert {"code", "detail", "retryable"} <= problem.keys(), about
    assert problem["status"] == reply.status, about
    assert type(problem["retryable"]) is bool, about
    assert problem["code"] == expected.says or (expected.says == "" and reply.status == 400), about
    problem.pop("message", None)  # of WAIT_ENDED: the company's text, which is meant for the customer
    assert CANARY not in str(problem), about


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where the system has such a folder: what is tested here is not the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


@pytest.mark.parametrize("part", range(-(-REQUESTS // ROUND)))
async def test_every_answer_is_the_one_that_is_due(folder: Path, part: int) -> None:
    async with world(folder) as here:
        fuzz = Fuzz(here, SEED * 1000 + part)
        await fuzz.begin()
        while sum(fuzz.counts.values()) < ROUND:
            await fuzz.batch()
        fuzz.end()
    assert {status[:3] for status in fuzz.counts} >= {"200", "201", "400", "401", "403", "404", "405", "413", "415"}
    assert fuzz.counts["400 DLGEXCPINP_SESID"] > 0, "staff tried to sign in"
    assert min(fuzz.counts[f"{status} {text}"] for status, text in GATE_REFUSALS) > 50
