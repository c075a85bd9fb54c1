"""Who works here: members of the staff, and the tokens of their desks."""

from collections.abc import Sequence

import msgspec

from diyalog.domain.commands import LeaveOffice
from diyalog.domain.ids import StaffRef
from diyalog.domain.results import OutOfOffice
from diyalog.ports import StaffRecord
from diyalog.storage.rows import staff_place
from diyalog.storage.sealing import Sealer
from diyalog.storage.transaction import Row, Transaction


async def staff_member(transaction: Transaction, user_id: str, user_name: str) -> StaffRef:
    """The row of a member of the staff, made or brought up to date."""
    lookup = transaction.sealer.lookup("staff", user_id)
    profile = {"userId": user_id, "userName": user_name}
    sealed = transaction.sealer.seal(staff_place(lookup), msgspec.json.encode(profile).decode())
    found = await transaction.row("write_staff", lookup=lookup, profile=sealed)
    assert found is not None, "the written row is returned"
    return StaffRef(found[0])


async def sign_in(transaction: Transaction, asks: Sequence[tuple[str, str, bytes]]) -> list[StaffRecord]:
    """Give desks their tokens: (user id, user name, digest of the token). One result for each, in order."""
    records: dict[int, StaffRecord] = {}
    if transaction.again:  # what the same commands did when their commit's answer was lost
        for place, (_, _, digest) in enumerate(asks):
            stored = staff_of(await transaction.rows("find_staff_token", digest=digest), transaction.sealer)
            if stored is not None:
                records[place] = stored
    lookups = [{"lookup": transaction.sealer.lookup("staff", user_id)} for user_id, _, _ in asks]
    known = [StaffRef(staff) for (staff,) in await transaction.many("find_staff", lookups)]
    # Known rows in the order in which conversations hold them, new ones by their names: nobody waits in a circle.
    await transaction.hold_conversations([], known)
    for place in sorted(set(range(len(asks))) - records.keys(), key=lambda place: asks[place][0]):
        user_id, user_name, digest = asks[place]
        staff = await staff_member(transaction, user_id, user_name)
        await transaction.run("write_staff_token", digest=digest, staff=staff)
        records[place] = StaffRecord(staff, user_id, user_name, transaction.now)
    return [records[place] for place in range(len(asks))]


async def leave_office(transaction: Transaction, command: LeaveOffice) -> bool:
    """A member of the staff is out of office from now on, or still is; False if nobody has that user id."""
    lookup = transaction.sealer.lookup("staff", command.user_id)
    said = msgspec.json.encode({"message": command.message, "forwardTo": command.forward_to}).decode()
    absence = transaction.sealer.seal(absence_place(lookup), said)
    return await transaction.row("leave_office", lookup=lookup, absence=absence) is not None


async def enter_office(transaction: Transaction, user_id: str) -> bool:
    """A member of the staff is in office again; False if nobody has that user id."""
    return await transaction.row("enter_office", lookup=transaction.sealer.lookup("staff", user_id)) is not None


def absence_of(rows: Sequence[Row], lookup: bytes, sealer: Sealer) -> OutOfOffice | None:
    """What statement `read_absence` found of the member of the staff with this lookup."""
    if not rows:
        return None
    since, sealed = rows[0]
    if sealed is None:
        return OutOfOffice(since is not None, "", ())
    said = msgspec.json.decode(sealer.open(absence_place(lookup), sealed))
    return OutOfOffice(since is not None, said["message"], tuple(said["forwardTo"]))


def absence_place(lookup: bytes) -> str:
    """Where what is said of an absence is sealed for."""
    return f"staff.absence:{lookup.hex()}"


async def touch(transaction: Transaction, staff: StaffRef) -> None:
    """A sign of life of a desk, which need not be connected."""
    await transaction.run("touch_staff", staff=staff)


def staff_of(rows: Sequence[Row], sealer: Sealer) -> StaffRecord | None:
    """The member of the staff to whom the token belongs that statement `find_staff_token` found."""
    if not rows:
        return None
    staff, issued_at, lookup, sealed = rows[0]
    profile = msgspec.json.decode(sealer.open(staff_place(lookup), sealed), type=dict[str, str])
    return StaffRecord(StaffRef(staff), profile["userId"], profile["userName"], issued_at)
