"""Random tampering, several steps at a time: unless everything is as it was, verifying finds it."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diyalog.storage.auditing import HEAD_FILE_NAME

from .audit_databases import AuditDatabase
from .audit_world import AuditWorld, audit_world

EXAMPLES = int(os.environ.get("DIYALOG_TEST_EXAMPLES", "150"))
COLUMNS = ("id", "at", "wait", "event", "outcome", "access_key", "sealed_requester", "node")
LINK_COLUMNS = (
    "last_id", "row_count", "from_at", "to_at", "linked_at", "erased_until", "content", "requesters", "link", "seal",
)  # fmt: skip
IDS = st.integers(1, 14)
NUMBERS = st.integers(-1, 15) | st.integers(1_794_999_999_000, 1_795_000_009_000)
WORDS = st.sampled_from(["start", "cancel", "CANCELLED", "not_delivered", "queue_took", "", "node-a", "KEY"])
VALUES = st.none() | NUMBERS | WORDS | st.binary(max_size=3)
STEPS = st.one_of(
    st.tuples(st.just("set"), IDS, st.sampled_from(COLUMNS), VALUES),
    st.tuples(st.just("delete"), IDS),
    st.tuples(st.just("copy"), IDS, st.integers(-1, 20)),
    st.tuples(st.just("swap"), IDS, IDS, st.sampled_from(COLUMNS)),
    st.tuples(st.just("set link"), st.sampled_from([5, 9, 12]), st.sampled_from(LINK_COLUMNS), NUMBERS | st.binary()),
    st.tuples(st.just("delete link"), st.sampled_from([5, 9, 12])),
    st.tuples(st.just("move link"), st.sampled_from([5, 9, 12]), st.integers(-1, 20)),
    st.tuples(st.just("link")),
)


@pytest.fixture
async def world(database: AuditDatabase) -> AsyncIterator[AuditWorld]:
    async with audit_world(database) as made:
        await made.history()
        yield made


def change_row(world: AuditWorld, step: tuple[Any, ...]) -> None:
    match step:
        case ("set", row, column, value):
            if column != "id" or isinstance(value, int):
                world.tries(f"UPDATE audit SET {column} = ? WHERE id = ?", value, row)
        case ("delete", row):
            world.sql("DELETE FROM audit WHERE id = ?", row)
        case ("copy", row, to):
            rest = ", ".join(COLUMNS[1:])
            world.tries(f"INSERT INTO audit SELECT CAST(? AS bigint), {rest} FROM audit WHERE id = ?", to, row)
        case ("swap", one, other, column):
            values = dict(world.sql(f"SELECT id, {column} FROM audit WHERE id IN (?, ?)", one, other))
            if len(values) == 2 and column != "id":
                world.tries(f"UPDATE audit SET {column} = ? WHERE id = ?", values[other], one)
                world.tries(f"UPDATE audit SET {column} = ? WHERE id = ?", values[one], other)


def change_link(world: AuditWorld, step: tuple[Any, ...]) -> None:
    match step:
        case ("set link", link, column, value):
            if (column in LINK_COLUMNS[:6]) == isinstance(value, int):
                world.tries(f"UPDATE audit_link SET {column} = ? WHERE last_id = ?", value, link)
        case ("delete link", link):
            world.sql("DELETE FROM audit_link WHERE last_id = ?", link)
        case ("move link", link, to):
            world.tries("UPDATE audit_link SET last_id = ? WHERE last_id = ?", to, link)


async def take(world: AuditWorld, step: tuple[Any, ...]) -> None:
    if step == ("link",):  # the server goes on with what it finds
        chaining = world.chaining()
        await chaining.check()
        await chaining.link_next()
    else:
        change_row(world, step)
        change_link(world, step)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=1, max_size=4))
async def test_nothing_changes_unseen(world: AuditWorld, steps: list[tuple[Any, ...]]) -> None:
    rows, links = world.table("audit"), world.table("audit_link")
    kept = (world.folder / HEAD_FILE_NAME).read_text()
    saved = await world.head()
    try:
        for step in steps:
            await take(world, step)
        same = (world.table("audit"), world.table("audit_link")) == (rows, links)
        report = await world.verify(saved)
        assert report.intact == same, (steps, report.findings)
    finally:
        world.put("audit", rows)
        world.put("audit_link", links)
        (world.folder / HEAD_FILE_NAME).write_text(kept)
