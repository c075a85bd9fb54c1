"""`diyalog sign`: show how one request to the company API is signed, and the curl line that sends it."""

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from diyalog.client import JSON, sign
from diyalog.domain.signature import SignatureRefusal, parse_date, string_to_sign

KEY_VARIABLES: Final = ("DIYALOG_ACCESS_KEY_ID", "DIYALOG_ACCESS_KEY_SECRET")
WRONG_USE: Final = 2


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "sign",
        help="sign a request to the company API and show how it is sent",
        description=f"Print the string to sign, the headers and a curl line. Reads {' and '.join(KEY_VARIABLES)}.",
    )
    parser.add_argument("method", metavar="METHOD", help="POST for every documented operation")
    parser.add_argument("path", metavar="PATH", help="what follows the server's address, e.g. /v1/application/...")
    parser.add_argument("--body", metavar="FILE", help="the body, exactly as it will be sent; - reads standard input")
    parser.add_argument("--content-type", default=JSON, help="default: %(default)s; empty for none")
    parser.add_argument("--date", help="default: now, e.g. 'Wed, 14 May 2025 08:05:09 GMT'")
    parser.add_argument("--requester", default="diyalog-sign", help="x-dlg-requester-userid; default: %(default)s")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the server's address; default: %(default)s")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what was asked for; 2 when a variable is missing or a value cannot be used."""
    missing = [name for name in KEY_VARIABLES if not os.environ.get(name)]
    if missing:
        return _wrong(f"set {' and '.join(missing)} in the environment (`diyalog keys create` prints both)")
    access_key_id, access_key_secret = (os.environ[name] for name in KEY_VARIABLES)
    address = urlsplit(args.url)
    if address.scheme not in {"http", "https"} or not address.netloc or address.path.rstrip("/") or address.query:
        return _wrong("--url: give http:// or https://, host and port only; the path is signed")
    try:
        body = _read(args.body)
        headers = sign(
            args.method,
            args.path,
            body,
            access_key_id=access_key_id,
            access_key_secret=access_key_secret,
            requester_user_id=args.requester,
            date=args.date,
            content_type=args.content_type,
        )
    except OSError as error:
        return _wrong(f"--body: cannot read {args.body}: {error.strerror}")
    except ValueError as error:
        return _wrong(str(error))
    method = args.method.upper()
    date = headers["x-dlg-date"]
    text = string_to_sign(method.encode(), args.content_type.encode(), date.encode(), body, args.path.encode())
    print(f"String to sign ({len(text)} bytes; \\n is one line feed, and none follows the last line):\n")
    print(visible(text))
    print("\nHeaders:\n")
    for name, value in headers.items():
        print(f"{name}: {value}")
    print("\ncurl:\n")
    print(curl(method, f"{address.scheme}://{address.netloc}{args.path}", headers, body))
    _warn_of_date(date)
    return 0


def _wrong(line: str) -> int:
    print(f"diyalog sign: {line}", file=sys.stderr)
    return WRONG_USE


def _read(source: str | None) -> bytes:
    if source is None:
        return b""
    return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()


def _warn_of_date(date: str) -> None:
    try:
        parse_date(date.encode())
    except SignatureRefusal as refusal:
        print(f"diyalog sign: the server will answer {refusal.status} {refusal.text}", file=sys.stderr)


def visible(text: bytes) -> str:
    r"""Show bytes as text in which nothing is hidden: `\n` with a line break after it, `\r`, `\t`, `\xNN`, `\\`."""
    names = {"\n": "\\n\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
    shown = []
    # Bytes that are not UTF-8 come as lone surrogates, 0xDC80 above their value.
    for character in text.decode("utf-8", "surrogateescape"):
        if character in names:
            shown.append(names[character])
        elif character.isprintable():
            shown.append(character)
        else:
            raw = character.encode("utf-8", "surrogateescape")
            shown.append("".join(f"\\x{byte:02x}" for byte in raw))
    return "".join(shown)


def curl(method: str, url: str, headers: dict[str, str], body: bytes) -> str:
    """Make the shell line that sends exactly these bytes, in any POSIX shell.

    A body of printable characters stands in the line as it is; any other is written by printf, byte by byte where it
    must be, because shells and terminals change what they do not show.
    """
    words = ["curl", "--include", "--globoff", "--path-as-is", "--request", method]
    # Without a content type, curl would send one of its own.
    for name, value in ({"Content-Type": ""} | headers).items():
        words += ["--header", f"{name}: {value}" if value else f"{name}:"]
    try:
        plain = body.decode().isprintable()
    except UnicodeDecodeError:
        plain = False
    words += ["--data-raw", body.decode()] if plain else ["--data-binary", "@-"]
    line = shlex.join([*words, url])
    return line if plain else f"printf '{''.join(map(_printf, body))}' | {line}"


def _printf(byte: int) -> str:
    if byte in b"%\\":
        return chr(byte) * 2
    # Besides what is not printable: a quote would end the word, a leading minus would be an option.
    return chr(byte) if 0x20 <= byte <= 0x7E and byte not in b"'-" else f"\\{byte:03o}"
