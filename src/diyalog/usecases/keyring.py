"""The access keys of the company's applications, in memory."""

import asyncio
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.ids import AccessKeyId
from diyalog.domain.signature import SigningKey
from diyalog.ports import AccessStore

_AGAIN_MS: Final = 50


class KeyRing:
    """Live access keys. A worker refreshes it twice a second, so that a revoked key is refused within one."""

    def __init__(self, store: AccessStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._keys: dict[AccessKeyId, SigningKey] = {}
        self._secrets: dict[AccessKeyId, str] = {}
        self._refreshed_at = -_AGAIN_MS
        self._refreshing = asyncio.Lock()

    def lookup(self, key_id: AccessKeyId) -> SigningKey | None:
        """The live key of this id, as last read."""
        return self._keys.get(key_id)

    async def find(self, key_id: AccessKeyId) -> SigningKey | None:
        """The live key of this id, also when it was made just now; strangers cause at most 20 reads a second."""
        if (key := self._keys.get(key_id)) is not None:
            return key
        asked_at = self._clock.now_ms()
        async with self._refreshing:
            if not 0 <= asked_at - self._refreshed_at < _AGAIN_MS:
                await self._read()
        return self._keys.get(key_id)

    async def refresh(self) -> None:
        """Read the keys again; raises StoreUnavailableError."""
        async with self._refreshing:
            await self._read()

    async def _read(self) -> None:
        started_at = self._clock.now_ms()
        secrets = {AccessKeyId(key.key_id): key.secret for key in await self._store.keys() if key.secret is not None}
        if secrets != self._secrets:
            self._keys = {key_id: SigningKey(secret) for key_id, secret in secrets.items()}
            self._secrets = secrets
        self._refreshed_at = started_at
