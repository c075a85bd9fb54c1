"""Running a command on the store beside a server that may be running on it."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from diyalog.cli.settings_flags import settings_from
from diyalog.clock import SystemClock
from diyalog.opening import OpeningError, opened_store
from diyalog.ports import StoreUnavailableError
from diyalog.storage.store import DatabaseStore

WRONG_USE: Final = 2

Act = Callable[[DatabaseStore, argparse.Namespace], Awaitable[int]]


def run_with_store(arguments: argparse.Namespace, act: Act, *, forward: bool = False) -> int:
    """Open the store that the settings name, act on it, and return the exit status of `act`.

    A store that cannot be opened: one line, exit status 2. Raises SettingsError.
    """
    settings = settings_from(arguments, os.environ)

    async def opened() -> int:
        async with opened_store(settings, SystemClock(), forward=forward) as store:
            return await act(store, arguments)

    try:
        return asyncio.run(opened())
    except OpeningError as error:
        sys.stderr.write(f"diyalog: {error}\n")
        return WRONG_USE
    except StoreUnavailableError as error:
        sys.stderr.write(f"diyalog: the database cannot be used now ({error}); try again, or see `diyalog doctor`\n")
        return WRONG_USE
