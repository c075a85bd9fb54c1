"""The access keys of the company's applications, in memory."""

import asyncio
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.ids import AccessKeyId
from diyalog.domain.signature import SigningKey
from diyalog.ports import AccessStore

_STRANGERS_READS: Final = 20


class KeyRing:
    """Live access keys. A worker refreshes it twice a second, so that a revoked key is refused within one."""

    def __init__(self, store: AccessStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._keys: dict[AccessKeyId, SigningKey] = {}
        self._secrets: dict[AccessKeyId, str] = {}
        self._refreshing = asyncio.Lock()
        self._reads = 0  # begun so far
        self._left = float(_STRANGERS_READS)
        self._left_at = clock.now_ms()

    def lookup(self, key_id: AccessKeyId) -> SigningKey | None:
        """The live key of this id, as last read."""
        return self._keys.get(key_id)

    async def find(self, key_id: AccessKeyId) -> SigningKey | None:
        """The live key of this id, also when it was made just now.

        Strangers cause at most 20 reads a second, and whoever comes during one shares the next.
        """
        if (key := self._keys.get(key_id)) is not None:
            return key
        reads = self._reads
        async with self._refreshing:
            if self._reads == reads and self._may_read():
                await self._read()
        return self._keys.get(key_id)

    def _may_read(self) -> bool:
        now = self._clock.now_ms()
        self._left = min(_STRANGERS_READS, self._left + max(0, now - self._left_at) * _STRANGERS_READS / 1000)
        self._left_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    async def refresh(self) -> None:
        """Read the keys again; raises StoreUnavailableError."""
        async with self._refreshing:
            await self._read()

    async def _read(self) -> None:
        self._reads += 1
        secrets = {AccessKeyId(key.key_id): key.secret for key in await self._store.keys() if key.secret is not None}
        if secrets != self._secrets:
            self._keys = {key_id: SigningKey(secret) for key_id, secret in secrets.items()}
            self._secrets = secrets
