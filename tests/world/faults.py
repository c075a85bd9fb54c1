"""What may go wrong in the simulated world, how often, and how often it did."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from random import Random
from typing import Final


class Fault(StrEnum):
    """One kind of thing that goes wrong."""

    CRASH = "the server is killed between two steps"
    CRASH_BEFORE_COMMIT = "the server is killed in an open transaction"
    CRASH_AFTER_COMMIT = "the server is killed after a commit, before it learns of it"
    COMMIT_ANSWER_LOST = "a commit happens and is reported as failed"
    STORE_AWAY = "a transaction fails"
    READ_FAILS = "a read fails"
    STOP = "the server is stopped in good order"
    ZOMBIE = "a server stands still while its successor works, then goes on"
    EPOCH_RENEWED = "the epoch is renewed"
    REQUEST_LOST = "a request does not arrive"
    REPLY_LOST = "an answer does not arrive"
    SLOW_NETWORK = "a message takes long and is overtaken"
    REPEATED = "a request is sent twice"
    SOCKET_CUT = "an event stream breaks"
    APP_RESTARTS = "an app forgets what it knew"
    QUEUE_NOT_REACHED = "a call does not reach the queue, and that is certain"
    QUEUE_CALL_LOST = "a call does not reach the queue"
    QUEUE_ANSWER_LOST = "the queue acts and its answer is lost"
    QUEUE_SLOW = "the queue acts late"
    QUEUE_ANSWERS_LATE = "the queue's answer takes long"
    QUEUE_REFUSES = "the queue refuses"
    QUEUE_GATEWAY = "something before the queue refuses"
    QUEUE_ASKED_TWICE = "a call reaches the queue twice"


USUAL: Final[Mapping[Fault, float]] = {
    Fault.CRASH: 0.25,
    Fault.CRASH_BEFORE_COMMIT: 0.006,
    Fault.CRASH_AFTER_COMMIT: 0.006,
    Fault.COMMIT_ANSWER_LOST: 0.004,
    Fault.STORE_AWAY: 0.01,
    Fault.READ_FAILS: 0.006,
    Fault.STOP: 0.05,
    Fault.ZOMBIE: 0.15,
    Fault.EPOCH_RENEWED: 0.05,
    Fault.REQUEST_LOST: 0.04,
    Fault.REPLY_LOST: 0.06,
    Fault.SLOW_NETWORK: 0.06,
    Fault.REPEATED: 0.05,
    Fault.SOCKET_CUT: 0.05,
    Fault.APP_RESTARTS: 0.1,
    Fault.QUEUE_NOT_REACHED: 0.04,
    Fault.QUEUE_CALL_LOST: 0.06,
    Fault.QUEUE_ANSWER_LOST: 0.1,
    Fault.QUEUE_SLOW: 0.12,
    Fault.QUEUE_ANSWERS_LATE: 0.12,
    Fault.QUEUE_REFUSES: 0.05,
    Fault.QUEUE_GATEWAY: 0.04,
    Fault.QUEUE_ASKED_TWICE: 0.05,
}
"""How likely each is, each time that it could happen."""


class Faults:
    """Decides what goes wrong, until `stop`; `fired` counts it."""

    def __init__(self, random: Random, rates: Mapping[Fault, float] = USUAL) -> None:
        self.random = random
        self.fired: Counter[Fault] = Counter()
        self._rates = dict(rates)

    def strikes(self, fault: Fault) -> bool:
        rate = self._rates.get(fault, 0.0)
        if rate == 0.0 or self.random.random() >= rate:
            return False
        self.fired[fault] += 1
        return True

    def stop(self) -> None:
        """Let everything go well from now on."""
        self._rates = {}

    @property
    def over(self) -> bool:
        return not self._rates
