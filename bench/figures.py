"""Figures, the numbers they are held against, and the markdown they become."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Goal:
    """A figure held against its first milestone and its goal; at least, or at most, as `higher_is_better` says.

    A bound that is None is not set for this figure.
    """

    what: str
    value: float
    unit: str
    milestone: float | None
    goal: float | None
    higher_is_better: bool = True

    def bound(self, bound: float | None) -> str:
        """A bound for people."""
        return (
            "-" if bound is None else f"{'>=' if self.higher_is_better else '<='} {number(bound)} {self.unit}".rstrip()
        )

    def reached(self, bound: float | None) -> str:
        """Yes or no; nothing without a bound."""
        if bound is None:
            return "-"
        return "yes" if (self.value >= bound if self.higher_is_better else self.value <= bound) else "**no**"


@dataclass
class Result:
    """One measurement: a table of what every server did, remarks, and the figures that have a goal."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def holding(self, goals: Sequence[Goal]) -> Result:
        """The same measurement held against these goals."""
        return replace(self, goals=list(goals))

    def markdown(self) -> str:
        """The measurement as a section."""
        parts = [f"### {self.title}\n", _table(self.columns, self.rows)]
        parts += [f"{remark}\n" for remark in self.remarks]
        return "\n".join(parts)


def goals_table(results: Iterable[Result]) -> str:
    """All figures that have a goal, in one table."""
    goals = [goal for result in results for goal in result.goals]
    rows = [
        (
            goal.what,
            f"{number(goal.value)} {goal.unit}".rstrip(),
            goal.bound(goal.milestone),
            goal.reached(goal.milestone),
            goal.bound(goal.goal),
            goal.reached(goal.goal),
        )
        for goal in goals
    ]
    return _table(("what", "measured", "first milestone", "reached", "goal", "reached"), rows) if rows else ""


def median(values: Iterable[float]) -> float:
    """The median, 0 of nothing."""
    known = list(values)
    return statistics.median(known) if known else 0.0


def number(value: float) -> str:
    """Three significant digits or whole thousands, for people."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """A share of one core in percent."""
    return f"{value * 100:.0f} %"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
