"""What the store asks of whatever carries out its commands."""

import asyncio
from typing import Protocol, TypeVar

from diyalog.storage.transaction import Operation

_A = TypeVar("_A")
_R = TypeVar("_R")


class CommandWriter(Protocol):
    """Carries commands out in transactions that those of one kind share."""

    def submit(self, operation: Operation[_A, _R], command: _A) -> asyncio.Future[_R]:
        """Carry out one command; the future has its result once it is durable, or StoreUnavailableError."""
        ...
