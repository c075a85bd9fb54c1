"""Waiting for something, but not for ever. Sleeping is handed in, so that tests let hours pass at once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias

Sleep: TypeAlias = Callable[[float], Coroutine[Any, Any, None]]
"""Waits for some seconds, as asyncio.sleep does."""


class Timer(Protocol):
    """Something that will be called later, unless it is cancelled."""

    def cancel(self) -> object:
        """Do not call it. Nothing when it was called or cancelled before."""
        ...


Later: TypeAlias = Callable[[float, Callable[[], None]], Timer]
"""Calls a function after some seconds, as call_later of the event loop does: far cheaper than a task that sleeps."""


def on_the_loop(seconds: float, call: Callable[[], None]) -> Timer:
    """Call a function after some seconds on the running event loop."""
    return asyncio.get_running_loop().call_later(seconds, call)


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
