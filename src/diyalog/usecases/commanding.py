"""Names for attempts: tells after a lost commit answer whether an attempt had won."""

import itertools

from diyalog.domain.ids import CommandId, NodeId


class CommandIds:
    """Makes command ids that no other node and no earlier run of this one makes."""

    def __init__(self, node: NodeId) -> None:
        self._node = node
        self._numbers = itertools.count(1)

    def new(self) -> CommandId:
        """The next id."""
        return CommandId(f"{self._node}-{next(self._numbers)}")
