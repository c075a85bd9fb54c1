"""Decides whether what several parties saw at once could have been seen one call at a time.

A search over orders, as Wing and Gong describe it (Testing and verifying concurrent objects, 1993), that remembers
where it was, as Lowe does (Testing for linearizability, 2017).
"""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeAlias, TypeVar

S = TypeVar("S", bound=Hashable)
O = TypeVar("O")  # noqa: E741  O for operation
R = TypeVar("R")

Model: TypeAlias = Callable[[S, O], tuple[S, R]]
"""What an operation does to a state when nothing else goes on: the state afterwards, and the result."""

LIMIT: Final = 200_000
"""Places the search may see in one history: it is given up rather than run for hours."""


@dataclass(frozen=True, slots=True)
class Call(Generic[O, R]):
    """One call of one process, between two ticks of one clock that all processes share.

    `returned` None: nobody knows how it went. It may have had its effect at any time after `invoked`, may have it
    later, or never; `result` is then None. Raises ValueError when it returned before it was invoked.
    """

    process: str
    operation: O
    invoked: int
    returned: int | None
    result: R | None

    def __post_init__(self) -> None:
        if self.returned is not None and self.returned <= self.invoked:
            raise ValueError(f"returned at {self.returned}, invoked at {self.invoked}")

    def __str__(self) -> str:
        if self.returned is None:
            return f"{self.process} [{self.invoked}, ?] {self.operation}"
        return f"{self.process} [{self.invoked}, {self.returned}] {self.operation} -> {self.result}"


class NotLinearizableError(Exception):
    """No order of the calls gives the results that were seen.

    `prefix` is the part of the history up to the first result that cannot be explained, which is that of its last
    call; what had not returned by then stands there without its result.
    """

    def __init__(self, prefix: Sequence[Call[Any, Any]]) -> None:
        self.prefix = tuple(prefix)
        lines = "\n".join(f"  {call}" for call in prefix)
        super().__init__(f"no order of these calls explains the result of the last one:\n{lines}")


class UndecidedError(Exception):
    """The search saw as many places as it may and found no order."""


def check(history: Iterable[Call[O, R]], model: Model[S, O, R], initial: S, *, limit: int = LIMIT) -> None:
    """Assert that a history is linearisable; raises NotLinearizableError, UndecidedError."""
    calls = list(history)
    if find_order(calls, model, initial, limit=limit) is None:
        raise NotLinearizableError(_smallest_prefix(calls, model, initial, limit))


def find_order(
    history: Iterable[Call[O, R]], model: Model[S, O, R], initial: S, *, limit: int = LIMIT
) -> list[Call[O, R]] | None:
    """An order in which the model gives every result that was seen, None when there is none.

    A call that returned before another was invoked stands before it. Calls without a known result are in the order
    only if they changed something. Raises UndecidedError.
    """
    calls = sorted(history, key=lambda call: call.invoked)
    known = sum(1 << index for index, call in enumerate(calls) if call.returned is not None)
    seen = {(0, initial)}
    order: list[int] = []
    path = [(0, iter(_next(calls, 0, model, initial)))]
    while path:
        done, choices = path[-1]
        if known & ~done == 0:
            return [calls[index] for index in order]
        choice = next(choices, None)
        if choice is None:
            path.pop()
            if order:
                order.pop()
            continue
        index, state = choice
        place = (done | 1 << index, state)
        if place in seen:
            continue
        if len(seen) >= limit:
            raise UndecidedError(f"{len(seen)} places seen, {len(calls)} calls")
        seen.add(place)
        order.append(index)
        path.append((place[0], iter(_next(calls, place[0], model, state))))
    return None


def _next(calls: Sequence[Call[O, R]], done: int, model: Model[S, O, R], state: S) -> list[tuple[int, S]]:
    """The calls that may come next after those that are done, each with the state after it.

    A call that fits and changes nothing can always come at once: whatever order there is otherwise, it remains one
    with this call in front. For the same reason one of unknown result that would change nothing never need come.
    """
    choices: list[tuple[int, S]] = []
    first_return: float = math.inf
    for index, call in enumerate(calls):
        if done >> index & 1:
            continue
        if call.invoked > first_return:
            break  # so are all that follow: something that is not done had returned before
        after, result = model(state, call.operation)
        if call.returned is None:
            if after != state:
                choices.append((index, after))
            continue
        first_return = min(first_return, call.returned)
        if result == call.result:
            if after == state:
                return [(index, after)]
            choices.append((index, after))
    return choices


def _smallest_prefix(calls: Sequence[Call[O, R]], model: Model[S, O, R], initial: S, limit: int) -> list[Call[O, R]]:
    """What had happened when the first result came that cannot be explained.

    Found by halving: what explains a history explains each beginning of it.
    """
    ticks = sorted({call.returned for call in calls if call.returned is not None})
    low, high = 0, len(ticks) - 1
    while low < high:
        middle = (low + high) // 2
        if find_order(_until(calls, ticks[middle]), model, initial, limit=limit) is None:
            high = middle
        else:
            low = middle + 1
    return sorted(_until(calls, ticks[low]), key=lambda call: (call.returned or -1, call.invoked))


def _until(calls: Iterable[Call[O, R]], tick: int) -> list[Call[O, R]]:
    """The history as it stood at a tick."""
    return [
        call if call.returned is not None and call.returned <= tick else replace(call, returned=None, result=None)
        for call in calls
        if call.invoked <= tick
    ]
