"""How far the two sides of conversations are: what they have received and read, and when they were writing last.

These are marks in the rows of the conversations and no events: they have no numbers, and only the newest counts.
"""

from collections.abc import Sequence

from diyalog.domain.commands import Mark
from diyalog.domain.ids import StaffRef
from diyalog.domain.results import Marked
from diyalog.domain.wait import Marks, Party
from diyalog.storage.transaction import Transaction

_STATEMENTS = {Party.CUSTOMER: "mark_customer", Party.AGENT: "mark_agent"}


async def mark(transaction: Transaction, marks: Sequence[Mark]) -> list[Marked]:
    """Store marks of conversations that are not over, and wake the nodes of the other sides; those that said anything
    new, in the order of their rows.
    """
    marks = sorted(marks, key=lambda one: one.row)
    await transaction.hold_conversations([one.row for one in marks], [])
    marked = []
    for side, statement in _STATEMENTS.items():
        values = [
            {"wait": one.row, "received": one.received, "read": one.read, "typing": one.typing}
            for one in marks
            if one.side is side
        ]
        for row, staff, received, read, typing_at, session_id, node in await transaction.many(statement, values):
            elsewhere = None if node == transaction.node else node
            marked.append(Marked(row, session_id, StaffRef(staff), side, Marks(received, read, typing_at), elsewhere))
    for one in marked:
        if one.elsewhere is not None:
            await transaction.wake(one.elsewhere, one.row)
    return marked
