"""Several nodes under load keep their promises whatever is done to them."""

import os
import signal
from pathlib import Path

from cluster.party import Party, party

KILLS = int(os.environ.get("KILLS", "5"))
"""How often a node is killed."""
AFTER_A_CRASH_S = 5.0


async def kill_again_and_again(here: Party) -> None:
    for _ in range(KILLS):
        here.play_faults()
        await here.load.progress(here.dice.randint(20, 60))
        server = here.dice.choice(here.nodes.servers)
        server.signal(signal.SIGKILL)
        assert await server.exited() == -signal.SIGKILL
        await server.start()


async def test_nothing_acknowledged_is_lost_by_killed_nodes(tmp_path: Path, database_url: str) -> None:
    async with party(tmp_path, database_url, queue_timeout="30") as here:
        await here.under_load(lambda: kill_again_and_again(here), 60 + 6 * KILLS)
        await here.settle()
        assert here.load.cut + here.load.streams_cut >= KILLS, "the kills hit requests and streams"
        assert here.seen.p99_s < AFTER_A_CRASH_S
        assert here.seen.codes.keys() <= {1006}
