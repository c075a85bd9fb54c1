"""Play seeds of the simulated world: `python tests/world/play.py FIRST [LAST [--files]]`; prints what they have shown.

That is JSON. With `--files` it names the files of this checkout that they loaded, too.
"""

import gc
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from world.database import Database
from world.simulation import ViolationError, simulate

_MOST = 20
"""After so many broken promises there is nothing more to learn from going on."""


def play(first: int, last: int) -> dict[str, object]:
    """All seeds from `first` to `last`: the digest of their traces, what struck, how waits ended, what was broken."""
    trace = steps = waits = 0
    fired: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    routed: Counter[str] = Counter()
    broken: list[str] = []
    with Database() as database:
        for seed in range(first, last + 1):
            gc.collect()  # between worlds, where it finds their cycles at once, not again and again within one
            try:
                shown = simulate(seed, database=database)
            except ViolationError as error:
                broken.append(str(error))
                if len(broken) == _MOST:
                    break
                continue
            trace = (trace * 31 + shown.trace) & 0xFFFFFFFF
            steps += shown.steps
            fired.update({fault.name: count for fault, count in shown.fired.items()})
            outcomes.update(shown.outcomes)
            routed.update(shown.routed)
            waits += shown.outcomes.total()
    return {
        "seeds": last - first + 1,
        "trace": trace,
        "steps": steps,
        "waits": waits,
        "fired": dict(sorted(fired.items())),
        "outcomes": dict(sorted(outcomes.items())),
        "routed": dict(sorted(routed.items())),
        "broken": broken,
    }


def loaded_files() -> list[str]:
    """The files of this checkout that are loaded."""
    root = Path(__file__).resolve().parents[2]
    files = {
        Path(file).resolve() for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))
    }
    return sorted(str(file) for file in files if file.is_relative_to(root) and ".venv" not in file.parts)


def main() -> int:
    gc.freeze()  # the program itself is not garbage
    gc.disable()  # play() collects
    first = int(sys.argv[1])
    shown = play(first, int(sys.argv[2]) if len(sys.argv) > 2 else first)
    if "--files" in sys.argv:
        shown["files"] = loaded_files()
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    return 1 if shown["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
