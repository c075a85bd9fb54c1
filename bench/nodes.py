"""Diyalog on PostgreSQL: one node, or several on one database, told of each other's doings by NOTIFY or NATS."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from contestants import Diyalog, Running
from nats import nats
from postgres import postgres
from toolchain import CACHE

Bus = Literal["NOTIFY", "NATS"]
BUSES: Final[tuple[Bus, ...]] = ("NOTIFY", "NATS")
POSTGRES: Final = "Diyalog, PostgreSQL synchronous"


@dataclass(frozen=True)
class Nodes:
    """Real servers that share a database of their own. All are pinned to the server's core, PostgreSQL and NATS to the
    other one, as Redis is for the peers. Database and folders are fresh each time."""

    diyalog: Diyalog
    name: str = POSTGRES
    count: int = 1
    bus: Bus = "NOTIFY"
    generator_options: Sequence[str] = ()

    @contextlib.contextmanager
    def start(self) -> Iterator[Running]:
        environment = self.diyalog.environment
        with contextlib.ExitStack() as stack:
            CACHE.mkdir(exist_ok=True)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nodes-", dir=CACHE)))
            database = stack.enter_context(postgres(environment))
            settings = {"DIYALOG_DATABASE_URL": database.url}
            pids = [database.pid]
            if self.bus == "NATS":
                server = stack.enter_context(nats(environment))
                settings["DIYALOG_BUS_URL"] = server.url
                pids.append(server.pid)
            first, *more = (stack.enter_context(node.start()) for node in self._nodes(folder, settings))
            yield replace(first, more=tuple(more), store_pids=tuple(pids))

    def _nodes(self, folder: Path, settings: dict[str, str]) -> Iterator[Diyalog]:
        """The first makes the key that encrypts at rest; the others are given it."""
        key = {"DIYALOG_SECRET_KEY_FILE": str(folder / "0" / "secret.key")}
        for number in range(self.count):
            own = settings if number == 0 else settings | key
            yield replace(self.diyalog, data=folder / str(number), settings={**self.diyalog.settings, **own})
