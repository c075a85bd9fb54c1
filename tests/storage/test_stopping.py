"""What a stopped server leaves on the disk."""

from pathlib import Path

import apsw

from kit import stores
from kit.clock import SettableClock


async def test_a_stopped_server_leaves_everything_in_one_file(tmp_path: Path) -> None:
    clock = SettableClock()
    async with stores.sqlite_store(tmp_path, clock) as store:
        wait = await stores.waiting(store, await stores.customer(store, "880214"), clock)
        assert (tmp_path / "diyalog.sqlite3-wal").stat().st_size > 0, "it was in the log until now"
    assert not (tmp_path / "diyalog.sqlite3-wal").exists()
    alone = apsw.Connection(
        f"file:{tmp_path}/diyalog.sqlite3?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    assert alone.execute("SELECT session_id FROM wait").fetchall() == [(wait.session_id,)]
    alone.close()
