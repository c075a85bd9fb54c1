"""Shows that the generator catches a server that lies, so that its silence means something."""

from __future__ import annotations

from typing import Final

from contestants import Limit
from generator import read_report, started
from toolchain import Programs

LIES: Final = {
    "none": set[str](),
    "wrong": {"mismatches", "missing"},
    "drop": {"missing"},
    "alter": {"mismatches", "missing"},
    "twice": {"duplicates"},
    "forged": {"forgery accepted, HTTP status"},
    "repeat": {"repeat accepted, errorCode"},
}
"""What the limit server does wrong on purpose, and the faults that must be reported for it, no fewer."""

_OPTIONS: Final = ("--customers", "2000", "--batches", "1", "--check", "--quiet", "1")


def selfcheck(programs: Programs) -> bool:
    """Run the generator against every lie; True when each was caught and the honest server was not blamed."""
    good = True
    for lie, expected in LIES.items():
        with Limit(programs, lie).start() as server, started(programs.load, server, "end", _OPTIONS) as load:
            faults = read_report(load.wait_for("report"), checked=True).faults
        caught = expected <= faults.keys() if expected else not faults
        good = good and caught
        print(f"{'ok  ' if caught else 'FAIL'} lie {lie}: reported {faults or 'nothing'}")
    return good
