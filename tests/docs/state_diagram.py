"""Writes docs/states.md from the table of transitions: `python tests/docs/state_diagram.py > docs/states.md`."""

import sys

from diyalog.domain.transitions import ENDINGS, KEEPS_INTERACTION, Ending
from diyalog.domain.wait import OPEN_STATES, Outcome, State

_HEAD = """# The states of a wait

Written from `src/diyalog/domain/transitions.py` by `tests/docs/state_diagram.py`; do not edit it here.

Two rules stand above the table. The first committed transition wins; one that finds the wait elsewhere changes nothing
and reports what is stored. An outcome is written once: nothing leads out of `ENDED`.

```mermaid
stateDiagram-v2
    [*] --> REQUESTED: start
    [*] --> WAITING: start, in the built-in queue
    REQUESTED --> WAITING: queue_took
"""
_TABLE = """
| event | from | outcome | reason | the queue is told to drop it |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    arrows = "".join(f"    {state} --> {State.ENDED}: {_endings_of(state)}\n" for state in OPEN_STATES)
    rows = "".join(_row(ending) for ending in ENDINGS.values())
    kept = " and ".join(f"`{outcome}`" for outcome in KEEPS_INTERACTION)
    return (
        f"{_HEAD}{arrows}    {State.ENDED} --> [*]\n```\n{_TABLE}{rows}\n"
        "Events marked with a clock happen only once the wait's due time has passed by the database's clock. "
        f"After {kept}\nDeleteInteraction is never sent, not even for an id learned late.\n{_unused()}"
    )


def _endings_of(state: State) -> str:
    return ", ".join(ending.event for ending in ENDINGS.values() if state in ending.sources)


def _row(ending: Ending) -> str:
    clock = " (clock)" if ending.timed else ""
    drops = "yes" if ending.deletes_interaction else "no"
    sources = ", ".join(f"`{state}`" for state in ending.sources)
    return f"| `{ending.event}`{clock} | {sources} | `{ending.outcome}` | `{ending.reason}` | {drops} |\n"


def _unused() -> str:
    """What the table does not lead to yet."""
    missing = [outcome for outcome in Outcome if outcome not in {ending.outcome for ending in ENDINGS.values()}]
    return "".join(f"\n`{outcome}` is reserved: no event leads to it in this version.\n" for outcome in missing)


if __name__ == "__main__":
    sys.stdout.write(page())
