"""Reading the request that `diyalog doctor signature` looks at: raw HTTP text, or curl-like options."""

import argparse
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

_LARGEST: Final = 16 * 1024 * 1024
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_FIRST_LINE: Final = re.compile(rb"(\S+) (\S+)(?: HTTP/[\d.]+)?")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r?\n")
_ABSOLUTE: Final = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)


class UsageError(Exception):
    """What was given cannot be used; one line that says why."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request as it was sent: header names in lower case. `notes` say what was done to read it."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    notes: tuple[str, ...] = field(default=())

    def with_header(self, name: bytes, value: bytes) -> "SentRequest":
        """The same request with this header instead of those of its name."""
        others = tuple(header for header in self.headers if header[0] != name)
        return replace(self, headers=(*others, (name, value)))

    def header(self, name: bytes) -> bytes:
        """A header's value, empty without one."""
        return next((value for key, value in self.headers if key == name), b"")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what names the request."""
    parser.add_argument(
        "file", metavar="FILE", nargs="?", default=None, help="the request as raw HTTP text; - reads standard input"
    )
    parser.add_argument("--method", default=None, help="instead of FILE: its method (POST)")
    parser.add_argument(
        "--target", default=None, help="instead of FILE: what followed the server's address, ?query too"
    )
    parser.add_argument(
        "--header", metavar="'NAME: VALUE'", action="append", default=None, help="instead of FILE: a header"
    )
    parser.add_argument("--body-file", metavar="FILE", default=None, help="the body's bytes; - reads standard input")


def request_from(arguments: argparse.Namespace) -> SentRequest:
    """The request that the arguments name. Raises UsageError."""
    if arguments.file is not None and (arguments.method or arguments.target or arguments.header):
        raise UsageError("give either FILE or --method, --target and --header, not both")
    if arguments.file is None and arguments.target is None:
        raise UsageError("give the request: a FILE with raw HTTP text (- for standard input), or --target and --header")
    body = None if arguments.body_file is None else read_file(arguments.body_file)
    if arguments.file is not None:
        request = parse_request(read_file(arguments.file), body_elsewhere=body is not None)
    else:
        headers = tuple(_header(line.encode("utf-8", "surrogateescape")) for line in arguments.header or ())
        method = (arguments.method or "POST").encode("utf-8", "surrogateescape")
        request = _with_path(SentRequest(method, arguments.target.encode("utf-8", "surrogateescape"), headers, b""))
    return request if body is None else replace(request, body=body)


def read_file(name: str) -> bytes:
    """A file's bytes; - stands for standard input. Raises UsageError."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(name).open("rb") as stream:
                content = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a file name"
        raise UsageError(f"cannot read {name!r}: {why}") from None
    if len(content) > _LARGEST:
        raise UsageError(f"{name!r} is larger than {_LARGEST // 1024 // 1024} MiB")
    return content


def parse_request(raw: bytes, *, body_elsewhere: bool = False) -> SentRequest:
    """Read raw HTTP text; also the `> ` lines of `curl -v`, whose body stands elsewhere. Raises UsageError."""
    if any(line.startswith(b"> ") for line in raw.splitlines()[:40]):
        sent = [line[2:] for line in raw.splitlines() if line.startswith(b"> ") or line == b">"]
        raw = b"\n".join(sent) + b"\n\n"
    blank = _BLANK_LINE.search(raw)
    head, body = (raw, b"") if blank is None else (raw[: blank.start()], raw[blank.end() :])
    lines = [line.rstrip(b"\r") for line in head.lstrip(b"\r\n").split(b"\n")]
    first = _FIRST_LINE.fullmatch(lines[0])
    if first is None:
        raise UsageError("the first line must be like `POST /v1/application/interactionisnotdelivered HTTP/1.1`")
    headers = tuple(_header(line, number) for number, line in enumerate(lines[1:], start=2) if line)
    request = _with_path(SentRequest(first[1], first[2], headers, body))
    return request if body_elsewhere else _framed(request)


def _header(line: bytes, number: int | None = None) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name.strip():
        where = "--header" if number is None else f"line {number}"
        raise UsageError(f"{where}: a header is `NAME: VALUE`; an empty line ends the headers")
    return name.strip().lower(), value.strip(b" \t\r")


def _with_path(request: SentRequest) -> SentRequest:
    """A target in absolute form stands for what follows the server's address, as on the server."""
    address = _ABSOLUTE.match(request.target)
    if address is None:
        return request
    rest = request.target[address.end() :].partition(b"#")[0]
    note = "The target was given with the server's address; what follows the address was taken."
    return replace(request, target=rest if rest.startswith(b"/") else b"/" + rest, notes=(*request.notes, note))


def _framed(request: SentRequest) -> SentRequest:
    """The body as the headers frame it: files have line ends at their end that were never sent."""
    if request.header(b"transfer-encoding").lower() == b"chunked":
        return replace(request, body=_unchunked(request.body), notes=(*request.notes, "The body's chunks were joined."))
    announced = request.header(b"content-length")
    if not announced and request.body.endswith(b"\n"):
        note = "The text names no Content-Length: the line end after the body was taken as the file's, not the body's."
        return replace(request, body=request.body[:-1].removesuffix(b"\r"), notes=(*request.notes, note))
    if not announced.isdigit() or len(announced) > 12 or int(announced) == len(request.body):
        return request
    have, said = len(request.body), int(announced)
    if have < said:
        note = (
            f"The text holds {have} bytes of body, Content-Length says {said}: was the file changed (CRLF, line ends)? "
            "Give the exact bytes with --body-file."
        )
        return replace(request, notes=(*request.notes, note))
    note = f"The text holds {have - said} bytes more than Content-Length says; they were left out."
    return replace(request, body=request.body[:said], notes=(*request.notes, note))


def _unchunked(raw: bytes) -> bytes:
    pieces: list[bytes] = []
    at = 0
    while True:
        size = _CHUNK.match(raw, at)
        if size is None:
            raise UsageError("the chunks of the body cannot be read; give the body with --body-file")
        length = int(size[1], 16)
        if length == 0:
            return b"".join(pieces)
        pieces.append(raw[size.end() : size.end() + length])
        at = size.end() + length
        at += 2 if raw[at : at + 2] == b"\r\n" else 1
