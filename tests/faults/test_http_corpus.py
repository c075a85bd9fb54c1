"""Every request of the corpus gets exactly its answer, however it is cut into segments."""

import asyncio
from collections.abc import AsyncIterator
from itertools import chain

import pytest

from faults import http_corpus, http_head_corpus
from faults.http_corpus import Case
from faults.wire import answers_in
from server.world import Served, serving

CORPUS: list[Case] = [
    *chain(http_corpus.LENGTHS, http_corpus.CODINGS, http_corpus.CHUNKS),
    *chain(http_head_corpus.LINES, http_head_corpus.FIELDS, http_head_corpus.ORDER),
    *chain(http_head_corpus.ENDINGS, http_head_corpus.STRANGERS),
]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running
        assert running.errors == []


async def told(served: Served, case: Case, cut: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The answers to a case sent in pieces of `cut` bytes, and the targets that the application saw meanwhile."""
    served.application.scopes.clear()
    wire = await served.connect()
    for at in range(0, len(case.sent), cut):
        wire.send(case.sent[at : at + cut])
        await asyncio.sleep(0)
    if case.gone:
        wire.writer.write_eof()
    answers = answers_in(await wire.rest(), heads={b"HEAD"} if b"HEAD " in case.sent else set())
    await wire.closed()
    return answers, tuple(scope["target"] for scope in served.application.scopes)


def expected(case: Case) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    targets = tuple(answer.split(b" ")[2] for answer in case.answers if answer.startswith(b"200 "))
    return case.answers, targets if case.reached is None else case.reached


def test_every_case_has_a_name_and_bytes_of_its_own() -> None:
    assert len(CORPUS) >= 120
    assert len({case.name for case in CORPUS}) == len(CORPUS)
    assert len({(case.sent, case.gone) for case in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
async def test_answers(served: Served, case: Case) -> None:
    whole = await told(served, case, 1 << 20)
    assert whole == expected(case)
    if not case.whole:
        assert await told(served, case, 1 if len(case.sent) < 1000 else 997) == whole
    assert b"smuggled" not in b"".join(whole[1]) or b"200 GET /smuggled " in case.answers
