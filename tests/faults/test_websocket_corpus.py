"""Every sequence of the corpus gets exactly its frames and its close code, however it is cut into segments."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from faults.websocket_corpus import CORPUS, Case
from server.world import LIMIT, Served, serving

_KINDS = {0x81: b"text ", 0x8A: b"pong "}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running
        assert running.errors == []


async def told(served: Served, case: Case, cut: int) -> tuple[bytes, ...]:
    wire = await served.handshaken()
    handler = await served.handler()
    for at in range(0, len(case.sent), cut):
        wire.send(case.sent[at : at + cut])
        await asyncio.sleep(0)
    answers: list[bytes] = []
    while True:
        first, payload = await wire.frame()
        if first == 0x88:
            answers.append(b"close %d" % (int.from_bytes(payload[:2], "big") or 1005))
            break
        answers.append(_KINDS[first] + payload)
    assert await wire.rest() == b"", "the close frame is the last one, and an end follows it"
    await wire.closed()
    async with asyncio.timeout(LIMIT):
        await handler.gone.wait()
    heard = [handler.texts.get_nowait().encode() for _ in range(handler.texts.qsize())]
    assert heard == [answer[5:] for answer in answers if answer.startswith(b"text ")]
    assert handler.closed_calls == 1
    return tuple(answers)


def test_every_case_has_a_name_and_bytes_of_its_own() -> None:
    assert len(CORPUS) >= 100
    assert len({case.name for case in CORPUS}) == len(CORPUS)
    assert len({case.sent for case in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
async def test_answers(served: Served, case: Case) -> None:
    assert await told(served, case, 1 << 20) == case.answers
    assert await told(served, case, 997 if case.flood else 1) == case.answers
