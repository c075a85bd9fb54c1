"""`diyalog simulate company`: a stand-in for the company's queue and token services."""

import argparse
import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from diyalog.clock import SystemClock
from diyalog.simulator.behaviour import Action, Endpoint, ScriptError
from diyalog.simulator.company import Company
from diyalog.simulator.giving_up import GivingUp

WRONG_USE: Final = 2
_SECRET: Final = "DIYALOG_ACCESS_KEY_SECRET"  # noqa: S105 - the name of a variable


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "simulate",
        help="play the company's systems, for trying out and tests",
        description="Answer CreateInteraction, DeleteInteraction, checkauthtoken and CheckToken as a company would.",
        epilog=f"BEHAVIOUR: ACTION[=VALUE][*TIMES|*forever], used up in order. Actions: {', '.join(Action)}.",
    )
    parser.add_argument("what", choices=["company"])
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=_port, default=0, help="default: any, printed when ready")
    parser.add_argument("--auth-token", metavar="TOKEN", help="refuse requests without this Auth-Token")
    repeatable = parser.add_mutually_exclusive_group()
    repeatable.add_argument(
        "--repeatable",
        action="store_true",
        default=True,
        help="the same sessionId gets the same interactionId (default)",
    )
    repeatable.add_argument("--not-repeatable", dest="repeatable", action="store_false", help="it gets another one")
    parser.add_argument("--attached-data", choices=["any", "object", "array"], default="any", help="accepted form")
    for endpoint in Endpoint:
        parser.add_argument(f"--{endpoint}", metavar="BEHAVIOUR", action="append", default=[])
    giving_up = parser.add_argument_group("giving up", f"Calls interactionisnotdelivered. The secret: {_SECRET}.")
    giving_up.add_argument("--give-up-after", metavar="SECONDS", type=float)
    giving_up.add_argument("--give-up-by", choices=["interaction", "session"], default="interaction")
    giving_up.add_argument("--message", metavar="TEXT", help="what the customer is told")
    giving_up.add_argument("--diyalog-url", default="http://127.0.0.1:8080", help="default: %(default)s")
    giving_up.add_argument("--access-key-id", default=os.environ.get("DIYALOG_ACCESS_KEY_ID"))
    giving_up.add_argument("--requester", default="simulated-company", help="default: %(default)s")
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; 2 when a flag cannot be used, 1 when the address cannot."""
    try:
        return asyncio.run(_serve(args))
    except ScriptError as error:
        return _fail(str(error), WRONG_USE)
    except OSError as error:
        return _fail(f"cannot listen on {args.host} port {args.port}: {error.strerror}", 1)


def _fail(line: str, status: int) -> int:
    print(f"diyalog simulate: {line}", file=sys.stderr)
    return status


def giving_up(args: argparse.Namespace, secret: str | None) -> GivingUp | None:
    """Read when and how to give up; None when not at all. Raises ScriptError."""
    if args.give_up_after is None:
        return None
    if not args.give_up_after >= 0:
        raise ScriptError("--give-up-after: 0 or more seconds")
    if not args.access_key_id or not secret:
        raise ScriptError(f"--give-up-after needs --access-key-id, and {_SECRET} in the environment")
    if urlsplit(args.diyalog_url).scheme not in {"http", "https"}:
        raise ScriptError("--diyalog-url: http://... or https://...")
    terms = GivingUp(
        args.diyalog_url,
        args.access_key_id,
        secret,
        after=args.give_up_after,
        message=args.message,
        by=args.give_up_by,
        requester=args.requester,
    )
    try:
        terms.sign(b"")
    except ValueError as error:
        raise ScriptError(f"giving up cannot be signed: {error}") from None
    return terms


def _log(line: str) -> None:
    now = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC)
    print(now.isoformat(timespec="milliseconds")[11:23], line, flush=True)


async def _serve(args: argparse.Namespace) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    company = Company(
        args.host,
        args.port,
        auth_token=args.auth_token,
        repeatable=args.repeatable,
        attached=args.attached_data,
        giving_up=giving_up(args, os.environ.get(_SECRET)),
        log=_log,
    )
    for endpoint in Endpoint:
        company.script(endpoint, *getattr(args, endpoint))
    print(f"The simulated company answers at {await company.start()}", flush=True)
    await stopping.wait()
    await company.stop()
    return 0
