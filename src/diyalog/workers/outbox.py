"""Runs the sender of the outbox."""

from diyalog.usecases.queueing import Queueing


class Outbox:
    """Drives usecases/queueing.py under the contract of background loops."""

    name = "outbox"

    def __init__(self, queueing: Queueing) -> None:
        self._queueing = queueing

    async def run(self) -> None:
        """Claim and send until told to stop."""
        await self._queueing.run()

    def stop(self) -> None:
        """Finish requests in flight, within the sender's grace."""
        self._queueing.stop()
