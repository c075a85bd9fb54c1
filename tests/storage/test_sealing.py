"""What is sealed cannot be read, changed, moved or opened with another key."""

import stat
from pathlib import Path

import apsw
import pytest

from diyalog.domain.commands import Activate
from diyalog.storage.sealing import SealBrokenError, Sealer, SecretKeyError, read_secret_key
from kit import stores
from kit.clock import SettableClock

SEALER = Sealer(b"k" * 32)


def test_a_sealed_text_opens_only_in_its_place_and_with_its_key() -> None:
    sealed = SEALER.seal("wait.message:1", "Müşteri")
    assert SEALER.open("wait.message:1", sealed) == "Müşteri"
    assert "Müşteri".encode() not in sealed
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for place, value, sealer in [
        ("wait.message:2", sealed, SEALER),
        ("wait.message:1", changed, SEALER),
        ("wait.message:1", sealed[:5], SEALER),
        ("wait.message:1", sealed, Sealer(b"x" * 32)),
    ]:
        with pytest.raises(SealBrokenError):
            sealer.open(place, value)


def test_lookups_are_keyed() -> None:
    assert SEALER.lookup("customer", "880214") == SEALER.lookup("customer", "880214")
    assert SEALER.lookup("customer", "880214") != SEALER.lookup("device", "880214")
    assert SEALER.lookup("customer", "880214") != Sealer(b"x" * 32).lookup("customer", "880214")


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    key = read_secret_key(path, create=True)
    assert len(key) == 32
    assert read_secret_key(path, create=True) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(SecretKeyError):
        read_secret_key(tmp_path / "absent", create=False)
    path.write_text("abc")
    with pytest.raises(SecretKeyError):
        read_secret_key(path, create=False)


async def test_no_personal_value_stands_in_the_files(tmp_path: Path) -> None:
    clock = SettableClock()
    canaries = ["10000000146", "Canary-Name", "+905550000000", "canary@example.com", "Canary-Topic", "Canary-Message"]
    async with stores.sqlite_store(tmp_path, clock) as store:
        profile = {"customerName": canaries[1], "phone": canaries[2], "email": canaries[3]}
        record = await store.activate(Activate(customer_id="Canary-Number", profile=profile, token_hash=b"t" * 32))
        assert record is not None
        await store.create_key("ID", "bank", "Canary-Secret")
        wait = (
            await store.start_wait(stores.start(record.customer, clock, attached=(("topic", "Canary-Topic"),)))
        ).wait
        assert wait is not None
        await stores.not_delivered(store, session=wait.session_id, message="Canary-Message")
        found = [canary for canary in [*canaries, "Canary-Number", "Canary-Secret"] if _in_files(tmp_path, canary)]
        assert found == []
        assert _in_files(tmp_path, wait.session_id), "ids are in clear: the search itself works"


def _in_files(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.iterdir() if path.is_file())


async def test_what_the_customer_attached_is_forgotten_with_the_end_of_the_wait(tmp_path: Path) -> None:
    clock = SettableClock()
    async with stores.sqlite_store(tmp_path, clock) as store:
        wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
        assert _requests(store._writing) == 1
        await stores.not_delivered(store, session=wait.session_id)
        assert _requests(store._writing) == 0


def _requests(connection: apsw.Connection) -> int:
    count = connection.execute("SELECT count(*) FROM wait WHERE sealed_request IS NOT NULL").fetchall()[0][0]
    assert isinstance(count, int)
    return count
