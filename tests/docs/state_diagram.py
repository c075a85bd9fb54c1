"""Writes docs/states.md from the table of transitions: `python tests/docs/state_diagram.py > docs/states.md`."""

import sys

from diyalog.domain.transitions import ENDINGS, KEEPS_INTERACTION, Ending, Event
from diyalog.domain.wait import OPEN_STATES, State

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
    ways = [(state, target) for target in (State.CONNECTED, State.ENDED) for state in OPEN_STATES]
    arrows = "".join(f"    {state} --> {target}: {_endings_of(state, target)}\n" for state, target in ways)
    arrows += f"    {State.CONNECTED} --> {State.ENDED}: {Event.CONVERSATION_ENDED}\n"
    rows = "".join(_row(ending) for ending in ENDINGS.values())
    kept = " and ".join(f"`{outcome}`" for outcome in KEEPS_INTERACTION)
    return (
        f"{_HEAD}{arrows}    {State.ENDED} --> [*]\n```\n{_TABLE}{rows}\n"
        "Events marked with a clock happen only once the wait's due time has passed by the database's clock.\n"
        f"After {kept} DeleteInteraction is never sent, not even for an id learned late.\n\n"
        f"`{Event.CONVERSATION_ENDED}`: the agent, the customer or the company ends the conversation. "
        "The outcome stays.\n"
    )


def _endings_of(state: State, target: State) -> str:
    ways = [ending for ending in ENDINGS.values() if state in ending.sources and ending.state is target]
    return ", ".join(ending.event for ending in ways)


def _row(ending: Ending) -> str:
    clock = " (clock)" if ending.timed else ""
    drops = "yes" if ending.deletes_interaction else "no"
    sources = ", ".join(f"`{state}`" for state in ending.sources)
    reason = "none" if ending.reason is None else f"`{ending.reason}`"
    return f"| `{ending.event}`{clock} | {sources} | `{ending.outcome}` | {reason} | {drops} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
