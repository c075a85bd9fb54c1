"""Waiting for something, but not for ever. Sleeping is handed in, so that tests let hours pass at once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

Sleep: TypeAlias = Callable[[float], Coroutine[Any, Any, None]]
"""Waits for some seconds, as asyncio.sleep does."""


async def until(sleep: Sleep, seconds: float, events: set[asyncio.Task[Any]]) -> None:
    """Return when one of `events` is done, at the latest after `seconds`. The tasks go on."""
    limit = asyncio.ensure_future(sleep(max(0.0, seconds)))
    try:
        await asyncio.wait({limit, *events}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        limit.cancel()


async def pause(sleep: Sleep, seconds: float, woken: asyncio.Event) -> None:
    """Wait for `seconds`, or less when `woken` is set."""
    waking = asyncio.ensure_future(woken.wait())
    try:
        await until(sleep, seconds, {waking})
    finally:
        waking.cancel()
