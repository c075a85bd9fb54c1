"""Whatever a stranger with the database, but without the key, does to the record: verifying finds it."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from diyalog.domain.audit_chain import AuditKeys, Fault, make_link
from diyalog.storage.auditing import HEAD_FILE_NAME

from .audit_databases import AuditDatabase
from .audit_world import KEEP_MS, AuditWorld, audit_world

ROWS = 12
BATCHES = {**dict.fromkeys(range(1, 6), (1, 5)), **dict.fromkeys(range(6, 10), (6, 9)), 10: (10, 12), 11: (10, 12)}
BATCHES[12] = (10, 12)


@pytest.fixture
async def world(database: AuditDatabase) -> AsyncIterator[AuditWorld]:
    async with audit_world(database) as made:
        await made.history()
        assert len(made.table("audit")) == ROWS
        yield made


async def test_an_untouched_record_is_intact(world: AuditWorld) -> None:
    report = await world.verify(await world.head())
    assert report.intact
    assert (report.linked, report.unlinked, report.late) == (ROWS, 0, [])
    assert report.head == await world.head()


def others(column: str, value: Any) -> list[Any]:  # noqa: ANN401  values of any column
    """Other values for a column, also of another type."""
    if column in {"at", "wait"}:
        return [value + 1, -value, 0.5, "soon", b"\x00"]
    if column == "sealed_requester":
        return [b"x" * 33] if value is None else [value[:-1] + bytes([value[-1] ^ 1]), b"", value + b"\0", "text"]
    if column == "event":
        return ["start" if value != "start" else "cancel", "nothing", value.encode(), "", "start\0"]
    forged = "CANCELLED" if column == "outcome" else "AK-OTHER"
    if value is None:
        return [forged]
    return [f"{value} ", value.lower() + "x", value.encode(), *([None] if column != "node" else [])]


async def test_every_column_of_every_row_is_covered(world: AuditWorld) -> None:
    columns = ["at", "wait", "event", "outcome", "access_key", "sealed_requester", "node"]
    tried = 0
    for row_id, *values in world.table("audit"):
        for column, value in zip(columns, values, strict=True):
            for other in others(column, value):
                if other == value:
                    continue
                if not world.tries(f"UPDATE audit SET {column} = ? WHERE id = ?", other, row_id):
                    continue
                report = await world.verify()
                ranges = [(one.first_id, one.last_id) for one in report.findings]
                assert BATCHES[row_id] in ranges, (row_id, column, other, report.findings)
                world.sql(f"UPDATE audit SET {column} = ? WHERE id = ?", value, row_id)
                tried += 1
    assert tried > (200 if world.database.kind == "sqlite" else 150)
    assert (await world.verify()).intact, "all was put back"


async def test_a_row_cannot_get_another_id(world: AuditWorld) -> None:
    for row_id in range(1, ROWS + 1):
        for other in (row_id + 100, -row_id, 0, -(2**63), 2**63 - 1):
            world.sql("UPDATE audit SET id = ? WHERE id = ?", other, row_id)
            await world.finds(Fault.ROWS_MISSING, *BATCHES[row_id])
            world.sql("UPDATE audit SET id = ? WHERE id = ?", row_id, other)
    assert (await world.verify()).intact


async def test_a_removed_row_is_missed(world: AuditWorld) -> None:
    rows = world.table("audit")
    for row_id in range(1, ROWS + 1):
        world.sql("DELETE FROM audit WHERE id = ?", row_id)
        await world.finds(Fault.ROWS_MISSING, *BATCHES[row_id])
        world.put("audit", rows)


async def test_an_inserted_row_is_found_wherever_it_is(world: AuditWorld) -> None:
    world.sql("UPDATE audit SET id = 10000 WHERE id = 7")
    forged = "INSERT INTO audit (id, at, wait, event, outcome, node) VALUES (?, ?, 1, 'cancel', 'CANCELLED', 'n')"
    world.sql("UPDATE audit SET id = 7 WHERE id = 10000")
    for place, fault in ((0, Fault.ROWS_INSERTED), (-5, Fault.ROWS_INSERTED), (ROWS + 1, Fault.NOT_OURS)):
        world.sql(forged, place, world.clock.at)
        await world.finds(fault, place, place)
        world.sql("DELETE FROM audit WHERE id = ?", place)
    assert (await world.verify()).intact


@pytest.mark.parametrize(
    ("event", "outcome", "wait"),
    [("start", None, 1), ("bribe", None, 1), ("start", None, None), ("start", None, 999), ("start", "EXPIRED", 2)],
)
async def test_a_forged_row_at_the_end_is_found_before_and_after_the_server_links_it(
    world: AuditWorld, event: str, outcome: str | None, wait: int | None
) -> None:
    world.sql(
        "INSERT INTO audit (at, wait, event, outcome, node) VALUES (?, ?, ?, ?, 'n')",
        world.clock.at,
        wait,
        event,
        outcome,
    )
    await world.finds(Fault.NOT_OURS, 13, 13)
    await world.link()
    await world.finds(Fault.NOT_OURS, 13, 13)


@pytest.mark.parametrize("pair", [(1, 2), (2, 7), (6, 8), (5, 6), (1, 12)])
async def test_exchanged_rows_are_found(world: AuditWorld, pair: tuple[int, int]) -> None:
    first, second = pair
    world.sql("UPDATE audit SET id = 10000 WHERE id = ?", first)
    world.sql("UPDATE audit SET id = ? WHERE id = ?", first, second)
    world.sql("UPDATE audit SET id = ? WHERE id = 10000", second)
    await world.finds(Fault.ROWS_CHANGED, *BATCHES[first])
    await world.finds(Fault.ROWS_CHANGED, *BATCHES[second])


async def test_every_column_of_every_link_is_covered(world: AuditWorld) -> None:
    links = world.table("audit_link")
    names = (
        *("last_id", "row_count", "from_at", "to_at", "linked_at", "erased_until"),
        *("content", "requesters", "link", "seal"),
    )
    for row in links:
        for name, value in zip(names, row, strict=True):
            changes: list[Any] = [value + 1, value - 1, -value] if isinstance(value, int) else [value + b"\0", b""]
            if isinstance(value, bytes):
                changes.append(value[:-1] + bytes([value[-1] ^ 1]))
            for other in changes:
                world.sql(f"UPDATE audit_link SET {name} = ? WHERE last_id = ?", other, row[0])
                await world.finds(Fault.LINK_CHANGED, *(BATCHES[row[0]] if name != "last_id" else (max(other, 0), 0)))
                world.put("audit_link", links)
    assert (await world.verify()).intact


async def test_a_removed_or_copied_link_is_found(world: AuditWorld) -> None:
    links = world.table("audit_link")
    for place in range(2):
        world.put("audit_link", [link for link in links if link is not links[place]])
        await world.finds(Fault.LINK_CHANGED, *BATCHES[links[place + 1][0]])
    world.put("audit_link", [*links, (20, *links[2][1:])])
    await world.finds(Fault.LINK_CHANGED, 13, 20)


async def test_links_made_without_the_key_are_found(world: AuditWorld) -> None:
    """The stranger changes a row and makes the whole chain anew, as the server would, with a key of their own."""
    world.sql("UPDATE audit SET outcome = 'CANCELLED' WHERE id = 2")
    own = world.open_audit(b"another key, of 32 bytes exactly")
    world.sql("DELETE FROM audit_link")
    await world.chaining(own).link_next()
    await own.close()
    (world.folder / HEAD_FILE_NAME).unlink()
    await world.finds(Fault.LINK_CHANGED, 1, ROWS)


async def test_links_that_the_server_is_made_to_make_anew_are_found(world: AuditWorld) -> None:
    """Removing the links makes the server chain the changed rows; the heads kept of the old chain tell."""
    saved = await world.head()
    world.sql("UPDATE audit SET node = 'forged' WHERE id = 2")
    world.sql("DELETE FROM audit_link")
    await world.finds(Fault.HEAD_MISSING, 1, ROWS)
    await world.chaining().check()
    assert world.alarms == ["broken"], "the server says so when it starts"
    chaining = world.chaining()
    await chaining.check()
    await chaining.link_next()
    await world.finds(Fault.HEAD_DIFFERS, 1, ROWS)
    (world.folder / HEAD_FILE_NAME).unlink()
    assert (await world.verify()).intact, "only a head kept elsewhere tells now"
    await world.finds(Fault.HEAD_DIFFERS, 1, ROWS, saved)


async def test_late_links_are_told(world: AuditWorld) -> None:
    world.sql("DELETE FROM audit_link")
    world.clock.advance(2 * 3_600_000)
    (world.folder / HEAD_FILE_NAME).unlink()
    await world.link()
    report = await world.verify()
    assert report.late == [(1, ROWS)]


async def test_a_cut_tail_is_found(world: AuditWorld) -> None:
    saved = await world.head()
    world.sql("DELETE FROM audit WHERE id > 9")
    await world.finds(Fault.ROWS_MISSING, 10, 12)
    world.sql("DELETE FROM audit_link WHERE last_id > 9")
    await world.finds(Fault.HEAD_MISSING, 10, 12)
    (world.folder / HEAD_FILE_NAME).unlink()
    await world.finds(Fault.HEAD_MISSING, 10, 12, saved)
    report = await world.verify()
    assert [(one.fault, set(one.waits)) for one in report.findings] == [(Fault.WAIT_UNTOLD, {5})], "its wait tells"


async def test_an_emptied_and_a_replaced_table_are_found(world: AuditWorld) -> None:
    rows = world.table("audit")
    world.sql("DELETE FROM audit")
    await world.finds(Fault.ROWS_MISSING, 1, ROWS)
    world.put("audit", [(number, *row[1:6], None, "n9") for number, row in enumerate(rows, start=1)])
    await world.finds(Fault.ROWS_CHANGED, 1, ROWS)
    other = world.database.another()
    async with audit_world(other) as elsewhere:  # the same key, the same story, another day
        elsewhere.clock.advance(86_400_000)
        await elsewhere.history()
        world.put("audit", elsewhere.table("audit"))
        await world.finds(Fault.ROWS_CHANGED, 1, ROWS)
        world.put("audit_link", elsewhere.table("audit_link"))
        await world.finds(Fault.HEAD_DIFFERS, 1, ROWS)
        await world.finds(Fault.WAIT_DISAGREES, 1, 1)
    other.remove()


async def test_an_older_copy_of_the_database_is_found(world: AuditWorld) -> None:
    await world.save()
    await world.not_delivered("6")
    await world.link()
    saved = await world.head()
    await world.restart_on_copy()
    await world.finds(Fault.HEAD_MISSING, 13, 14)
    await world.chaining().check()
    assert world.alarms == ["broken"]
    (world.folder / HEAD_FILE_NAME).unlink()
    assert (await world.verify()).intact
    await world.finds(Fault.HEAD_MISSING, 13, 14, saved)
    await world.not_delivered("7")
    await world.link()
    await world.finds(Fault.HEAD_DIFFERS, 1, 14, saved)


async def test_a_kept_head_that_is_not_ours_is_found(world: AuditWorld) -> None:
    file = world.folder / HEAD_FILE_NAME
    text = file.read_text()
    forged = AuditKeys(b"s" * 32, b"r" * 32)
    link = make_link(None, await world.audit.rows(0, ROWS, 100), linked_at=1, keep_ms=KEEP_MS, keys=forged)
    for other in ("", "nonsense", text[:70], f"12:{link.link.hex()} {link.seal.hex()}", text.replace(" ", " 00")):
        file.write_text(other)
        await world.finds(Fault.HEAD_FORGED, 1, 12)
    file.write_text(text)
    assert (await world.verify()).intact


async def test_a_changed_wait_is_found_by_its_rows(world: AuditWorld) -> None:
    world.sql("UPDATE wait SET outcome = 'EXPIRED' WHERE id = 1")
    await world.finds(Fault.WAIT_DISAGREES, 2, 2)
    world.sql("UPDATE wait SET outcome = 'NOT_DELIVERED' WHERE id = 1")
    for moment in ("long ago", 1):
        if world.tries("UPDATE wait SET started_at = ? WHERE id = 1", moment):
            await world.finds(Fault.WAIT_DISAGREES, 1, 1)
    assert not (await world.verify()).intact


TRAPS = {
    "sqlite": (
        "CREATE TRIGGER t AFTER INSERT ON audit BEGIN UPDATE audit SET node = 'x' WHERE id = new.id; END",
        "CREATE TRIGGER t AFTER UPDATE ON wait BEGIN DELETE FROM audit WHERE wait = new.id; END",
        "ALTER TABLE audit_cut RENAME TO a; CREATE VIEW audit_cut AS SELECT * FROM a",
    ),
    "postgres": (
        "CREATE RULE r AS ON INSERT TO audit DO ALSO UPDATE audit SET node = 'x'",
        """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM audit; RETURN NULL; END';
           CREATE TRIGGER t AFTER UPDATE ON wait EXECUTE FUNCTION f()""",
        "ALTER TABLE audit_cut RENAME TO a; CREATE VIEW audit_cut AS SELECT * FROM a",
    ),
}


@pytest.mark.parametrize("number", range(3))
async def test_a_trap_in_the_schema_is_found(world: AuditWorld, number: int) -> None:
    world.sql(TRAPS[world.database.kind][number])
    await world.finds(Fault.SCHEMA_CHANGED, 1, ROWS)


async def test_the_chain_is_sha_256_as_documented(world: AuditWorld) -> None:
    """Written out by hand from docs/audit.md for the first link."""

    def column(value: object) -> bytes:
        if value is None:
            return b"n"
        text = str(value).encode()
        return (b"i" if isinstance(value, int) else b"t") + str(len(text)).encode() + b":" + text

    rows = world.table("audit")[:5]
    content = b"".join(b"1" + b"".join(column(value) for value in (*row[:6], row[7])) for row in rows)
    stored = world.table("audit_link")[0]
    numbers = b"".join(value.to_bytes(8, "big") for value in stored[:6])
    whole = b"diyalog audit link 1\n" + bytes(32) + numbers + hashlib.sha256(content).digest()
    assert stored[8] == hashlib.sha256(whole + hashlib.sha256(stored[7]).digest()).digest()
