"""A small coverage-guided fuzzer: what reaches a new place in the traced files is kept and changed further.

Arcs, pairs of lines that follow each other in one call, are seen by `sys.settrace`; how often does not count. What a
regular expression or a C extension tells apart has no lines, so a new kind of result counts as a new place too.
Nothing depends on time or on hashes: the same seed and number of runs try the same inputs.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from types import FrameType, ModuleType
from typing import Any

LONGEST = 8192
"""Bytes; a longer input is cut."""
RECENT = 16
"""The newest inputs of the corpus are chosen more often: they are the ones nobody has changed yet."""
PROBES = 3
STRANGE = (0, 1, 9, 10, 13, 32, 34, 44, 58, 92, 125, 126, 127, 128, 137, 255)
Place = tuple[str, int, int]
Check = Callable[[bytes], str]


@dataclass(frozen=True)
class Target:
    """What is tried. `check` raises when a property does not hold, otherwise it names the kind of result.

    `tokens` are put into inputs whole; `traced` are the modules whose arcs count.
    """

    name: str
    check: Check
    seeds: Sequence[bytes]
    tokens: Sequence[bytes]
    traced: Sequence[ModuleType]


class BrokenError(AssertionError):
    """A property does not hold for `data`."""

    def __init__(self, target: str, number: int, data: bytes) -> None:
        super().__init__(f"{target}, run {number}: {data!r}")
        self.data = data


@dataclass
class Search:
    """The corpus of one target, and the places that it has reached: arcs, and kinds of result."""

    target: Target
    seed: int
    corpus: list[bytes] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._dice = Random(self.seed)
        self._files = {str(module.__file__) for module in self.target.traced}
        self._run = 0

    def work(self, runs: int) -> None:
        """Try the seeds, then so many changed inputs; raises BrokenError with the shortest such input found nearby."""
        for data in self.target.seeds:
            self._try(data)
        for _ in range(runs):
            self._try(self._changed(self._choose()))

    def _try(self, data: bytes) -> None:
        self._run += 1
        reached = self._reached(data)
        if not reached <= self.places:
            self.places |= reached
            self.corpus.append(data)

    def _reached(self, data: bytes) -> set[Place]:
        found: set[Place] = set()
        files = self._files

        def enter(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:  # noqa: ANN401 - as sys.settrace has it
            code = frame.f_code
            if code.co_filename not in files:
                return None
            last, name = 0, code.co_qualname

            def step(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:  # noqa: ANN401 - as above
                nonlocal last
                if event == "line":
                    found.add((name, last, frame.f_lineno))
                    last = frame.f_lineno
                elif event == "return":
                    found.add((name, last, 0))
                elif event == "exception":
                    found.add((name, last, -1))
                return step

            return step

        before = sys.gettrace()
        sys.settrace(enter)
        try:
            kind = self.target.check(data)
        except Exception as error:
            sys.settrace(before)
            raise BrokenError(self.target.name, self._run, shortened(self.target.check, data)) from error
        finally:
            sys.settrace(before)
        found.add((kind, 0, 0))
        return found

    def _choose(self) -> bytes:
        dice = self._dice
        return dice.choice(self.corpus[-RECENT:] if dice.random() < 0.5 else self.corpus)

    def _changed(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(self._dice.choice((1, 1, 2, 3, 5, 8))):
            self._dice.choice(_CHANGES)(self, changed)
        return bytes(changed[:LONGEST])

    def _span(self, data: bytearray) -> tuple[int, int]:
        start = 0
        for _ in range(PROBES):
            start = self._dice.randrange(len(data) + 1)
            if not data[start - 1 : start].isalnum():
                break  # words and numbers are cut less often than what stands between them
        return start, min(len(data), start + self._dice.choice((1, 1, 2, 4, 16, 64)))

    def _byte(self) -> int:
        return self._dice.choice(STRANGE) if self._dice.random() < 0.5 else self._dice.randrange(256)

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._dice.randrange(len(data))] ^= 1 << self._dice.randrange(8)

    def _set(self, data: bytearray) -> None:
        if data:
            place = self._dice.randrange(len(data))
            data[place] = self._byte()

    def _insert(self, data: bytearray) -> None:
        start = self._dice.randrange(len(data) + 1)
        data[start:start] = bytes([self._byte()])

    def _remove(self, data: bytearray) -> None:
        start, end = self._span(data)
        del data[start:end]

    def _repeat(self, data: bytearray) -> None:
        start, end = self._span(data)
        data[start:start] = data[start:end] * self._dice.choice((1, 1, 2, 40))

    def _put_token(self, data: bytearray) -> None:
        start, end = self._span(data)
        data[start : self._dice.choice((start, end))] = self._dice.choice(self.target.tokens)

    def _cross(self, data: bytearray) -> None:
        other = self._dice.choice(self.corpus)
        start, end = self._span(data)
        data[start : self._dice.choice((end, len(data)))] = other[self._dice.randrange(len(other) + 1) :]


_CHANGES: tuple[Callable[[Search, bytearray], None], ...] = (
    Search._flip,
    Search._set,
    Search._insert,
    Search._remove,
    Search._repeat,
    Search._put_token,
    Search._put_token,
    Search._cross,
)


def shortened(check: Check, data: bytes) -> bytes:
    """The input without the parts that the failure does not need."""
    width = max(1, len(data) // 2)
    while width:
        start = 0
        while start < len(data):
            fewer = data[:start] + data[start + width :]
            if _fails(check, fewer):
                data = fewer
            else:
                start += width
        width //= 2
    return data


def _fails(check: Check, data: bytes) -> bool:
    try:
        check(data)
    except Exception:  # noqa: BLE001 - whatever a parser raises is what is looked for
        return True
    return False
