"""The benchmark suite. `python bench/run.py --help`; method and reading in bench/README.md."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import chats
import scaling
import single
from contestants import EXPRESS, FASTIFY, OTHER_CORE, SERVER_CORE, Contestant, Diyalog, Limit
from figures import Result, goals_table
from measurements import QUICK, ROUND_ERRORS, Bench, Scale, acknowledged, latency, not_delivered, note, pause
from postgres import version
from selfcheck import selfcheck
from toolchain import BENCH, MissingToolError, build, describe_machine, describe_python, install_peer

MEASUREMENTS: Final[Mapping[str, Callable[[Bench], Result]]] = {
    "not-delivered": not_delivered,
    "acknowledged": acknowledged,
    "latency": latency,
    "idle": single.idle,
    "starts": single.starts,
    "pause": pause,
    "history": single.history,
    "startup": single.startup,
    "durability": single.durability,
    "postgres": scaling.postgres,
    "nodes": scaling.nodes,
    "across": scaling.across,
    "chats": chats.chats,
}
CONTESTANTS: Final = ("diyalog", "limit", "express", "fastify")


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Measure Diyalog beside its references.")
    parser.add_argument("what", choices=["selfcheck", *MEASUREMENTS, "all"])
    parser.add_argument("--quick", action="store_true", help="fewer customers: a look, not a figure to quote")
    parser.add_argument("--customers", type=int, help="customers who wait at once")
    parser.add_argument("--rounds", type=int, help="rounds of which the median counts")
    parser.add_argument("--batches", type=int, help="measured batches a round")
    parser.add_argument("--history", type=int, help="past waits of the history measurement")
    parser.add_argument("--only", default=",".join(CONTESTANTS), help=f"of {','.join(CONTESTANTS)}")
    parser.add_argument("--diyalog", type=Path, default=BENCH.parent / ".venv/bin/diyalog", help="the program")
    parser.add_argument("--out", type=Path, help="also write the tables to this file")
    return parser.parse_args(arguments)


def prepare(options: argparse.Namespace) -> Bench:
    """Build and install what the chosen measurement needs. Raises MissingToolError."""
    programs = build()
    scale = QUICK if options.quick else Scale()
    given = {name: getattr(options, name) for name in ("customers", "rounds", "batches", "history")}
    scale = replace(scale, **{name: value for name, value in given.items() if value is not None})
    diyalog = Diyalog(options.diyalog.absolute())
    known: dict[str, Contestant] = {
        "diyalog": diyalog,
        "limit": Limit(programs),
        "express": EXPRESS,
        "fastify": FASTIFY,
    }
    chosen = [name for name in options.only.split(",") if name]
    if unknown := set(chosen) - set(known):
        raise MissingToolError(f"--only knows {', '.join(known)}, not {', '.join(sorted(unknown))}")
    return Bench(programs, diyalog, _installed(chosen, known), scale)


def _installed(chosen: Sequence[str], known: Mapping[str, Contestant]) -> list[Contestant]:
    able = []
    for name in chosen:
        try:
            if name in (EXPRESS.folder, FASTIFY.folder):
                install_peer(name)
        except MissingToolError as missing:
            note(f"{name} does not take part: {missing}")
            continue
        able.append(known[name])
    return able


def measure(names: Sequence[str], bench: Bench) -> tuple[list[Result], list[str]]:
    """Run measurements one after another; one that cannot be done is named and the others go on."""
    results, undone = [], []
    for name in names:
        note(f"{name} ...")
        try:
            results.append(MEASUREMENTS[name](bench))
        except ROUND_ERRORS as error:
            undone.append(f"**{name} was not measured**: {type(error).__name__}: {error}")
            note(undone[-1])
    return results, undone


def document(results: Sequence[Result], undone: Sequence[str], bench: Bench, machine: Sequence[str]) -> str:
    """One markdown page."""
    scale, today = bench.scale, dt.datetime.now(tz=dt.UTC).date()
    lines = [
        f"## Measured on {today.isoformat()}\n",
        *(f"- {line}" for line in machine),
        f"- servers pinned to core {SERVER_CORE}, generator, stores, NATS and company stub to core {OTHER_CORE}",
        (
            f"- {scale.customers:,} customers, {scale.connections} connections, median of {scale.rounds} rounds "
            f"in turn, {scale.batches} measured batches a round after {scale.warmup} to warm up\n"
        ),
        goals_table(results),
        *(result.markdown() for result in results),
        *undone,
    ]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 when everything asked for was measured, 1 when something was not, 2 when nothing can be."""
    options = read_arguments(arguments)
    machine = describe_machine()
    try:
        bench = prepare(options)
    except MissingToolError as missing:
        note(f"bench: {missing}")
        return 2
    if options.what == "selfcheck":
        return 0 if selfcheck(bench.programs) else 1
    machine.append(describe_python(bench.diyalog.environment))
    with contextlib.suppress(MissingToolError):
        machine.append(version(bench.diyalog.environment))
    names = list(MEASUREMENTS) if options.what == "all" else [options.what]
    results, undone = measure(names, bench)
    page = document(results, undone, bench, machine)
    print(page)
    out: Path | None = options.out
    if out is None and options.what == "all" and not options.quick:
        out = BENCH / "results" / f"{dt.datetime.now(tz=dt.UTC).date().isoformat()}.md"
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
        note(f"written to {out}")
    return 1 if undone or any("has no figure" in remark for result in results for remark in result.remarks) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
