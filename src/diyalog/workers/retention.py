"""Deletes what must not be kept longer."""

from typing import Final

from diyalog.ports import NodeStore
from diyalog.usecases.pausing import Sleep
from diyalog.workers.service import Periodic

EVERY_S: Final = 600.0
PAGE: Final = 500
"""Rows of each kind that one transaction deletes: small, as customers' transactions wait for it."""
_PAGE_PAUSE_S: Final = 0.05


def retention(store: NodeStore, *, keep_ms: int, token_ms: int, sleep: Sleep, text_ms: int | None = None) -> Periodic:
    """The loop that forgets. `keep_ms`: how long ended waits are kept, `token_ms`: how long client tokens are.

    `text_ms`: how long what was written in a conversation is kept after its end; None: as long as its wait.
    """

    async def turn() -> bool:
        if await store.forget(keep_ms, token_ms, PAGE, text_ms) < PAGE:
            return False
        await sleep(_PAGE_PAUSE_S)
        return True

    return Periodic("retention", EVERY_S, turn, sleep)
