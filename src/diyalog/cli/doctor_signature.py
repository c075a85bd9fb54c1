"""`diyalog doctor signature`: says why a signed request is refused."""

import argparse
import asyncio
import difflib
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from diyalog.cli.doctor_request import SentRequest, UsageError, add_arguments, read_file, request_from
from diyalog.cli.settings_flags import add_settings_flags, settings_from
from diyalog.cli.sign import visible
from diyalog.clock import SystemClock
from diyalog.domain.results import KeyRecord
from diyalog.domain.signature import (
    Fault,
    SignatureRefusal,
    SignedHeaders,
    SigningKey,
    parse_date,
    read_headers,
    verify,
)
from diyalog.domain.signature_diagnosis import Mistakes, diagnose, explain_text, first_difference
from diyalog.domain.signature_mistakes import Parts, Surroundings, joined
from diyalog.domain.signature_refusals import explain_clock, explain_headers

RIGHT: Final = 0
REFUSED: Final = 1
WRONG_USE: Final = 2
_KEY_ID, _SECRET = "DIYALOG_ACCESS_KEY_ID", "DIYALOG_ACCESS_KEY_SECRET"
_AUTHORIZATION: Final = b"x-dlg-authorization"
_EPILOG: Final = f"""The secret comes from {_SECRET} in the environment, else from the key store that the settings name.
Exit status: 0 the server would accept the request, 1 it would refuse it, 2 wrong use."""


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor signature`."""
    parser = actions.add_parser(
        "signature",
        help="find out why a signed request is refused",
        description="Say which rule of the signature a request breaks, and by which mistake.",
        epilog=_EPILOG,
        argument_default=argparse.SUPPRESS,  # settings given before this word stay
    )
    add_arguments(parser)
    parser.add_argument("--key-id", default=None, help="the access key id that the request should carry")
    parser.add_argument("--signature", default=None, help="a signature to look at instead of the request's")
    parser.add_argument(
        "--string-to-sign-file", metavar="FILE", default=None, help="what your program signed, to compare"
    )
    parser.add_argument("--received", metavar="DATE", default=None, help="when the server got it; default: now")
    parser.add_argument("--show-signature", action="store_true", default=False, help="print the right signature, too")
    add_settings_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what is wrong; the exit status as the help says. Raises SettingsError."""
    try:
        return _look(arguments, os.environ)
    except UsageError as error:
        sys.stderr.write(f"diyalog doctor signature: {_shown(str(error))}\n")
        return WRONG_USE


def _look(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    request = _claiming(request_from(arguments), arguments, environ)
    now_ms = SystemClock().now_ms() if arguments.received is None else _moment(arguments.received)
    own = None if arguments.string_to_sign_file is None else read_file(arguments.string_to_sign_file)
    for note in request.notes:
        print(note)
    try:
        claimed = read_headers(request.headers)
    except SignatureRefusal as refusal:
        _say_refusal(refusal.fault)
        print("\n".join(visible(line.encode()) for line in explain_headers(request.headers, refusal.fault)))
        return REFUSED
    if arguments.key_id is not None and arguments.key_id != claimed.access_key:
        _say_refusal(Fault.SIGNATURE)
        print(f"The request carries the key id `{claimed.access_key}`, not `{_shown(arguments.key_id)}`.")
        return REFUSED
    parts = Parts(request.method, claimed.content_type, claimed.date, request.body, request.target)
    around = Surroundings(request.headers, claimed.access_key.encode(), claimed.requester.encode())
    if own is not None:
        _compare(parts, around, own)
    secret = _secret(claimed, arguments, environ)
    if secret is None:
        return REFUSED
    return _judge(parts, around, claimed, secret, now_ms, show=arguments.show_signature)


def _claiming(request: SentRequest, arguments: argparse.Namespace, environ: Mapping[str, str]) -> SentRequest:
    """The request with the signature of `--signature`, if given."""
    if arguments.signature is None:
        return request
    scheme, _, rest = request.header(_AUTHORIZATION).partition(b" ")
    carried = rest.partition(b":")[0] if scheme == b"DLGA" else b""
    key_id = carried or (arguments.key_id or environ.get(_KEY_ID, "")).encode("utf-8", "surrogateescape")
    if not key_id:
        raise UsageError("--signature needs the key id, too: give --key-id")
    signature = arguments.signature.encode("utf-8", "surrogateescape").removeprefix(b"DLGA " + key_id + b":")
    return request.with_header(_AUTHORIZATION, b"DLGA " + key_id + b":" + signature)


def _moment(text: str) -> int:
    """A moment in ms since 1970: as in x-dlg-date, or ISO 8601. Raises UsageError."""
    try:
        return parse_date(text.encode("ascii", "replace"))
    except SignatureRefusal:
        try:
            moment = datetime.fromisoformat(text)
            return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        except (ValueError, OverflowError):
            raise UsageError(
                "--received: write it like 'Wed, 14 May 2025 08:05:09 GMT' or 2025-05-14T08:05:09Z"
            ) from None


def _shown(text: str) -> str:
    """Text from outside as any terminal shows it."""
    return visible(text.encode("utf-8", "surrogateescape"))


def _say_refusal(fault: Fault) -> None:
    status, text = fault.value
    print(f"The server answers {status} `{text}`.")


def _compare(parts: Parts, around: Surroundings, own: bytes) -> None:
    mistakes = explain_text(parts, around, own)
    if mistakes is not None:
        print("Your string to sign differs:" if mistakes else "Your string to sign is right, byte for byte.")
        _list(mistakes)
        return
    at, what = first_difference(parts, own)
    where = "at the end" if what == "end" else f"in the {what}"
    print(f"Your string to sign ({len(own)} bytes) differs first at byte {at} (counted from 0), {where}.")


def _list(mistakes: Mistakes) -> None:
    for mistake in dict.fromkeys(mistakes):
        print(f"  - {mistake.words}")


def _secret(claimed: SignedHeaders, arguments: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
    """The secret of the key; None, and said why, when the server would not know the key. Raises UsageError."""
    if secret := environ.get(_SECRET, ""):
        known = environ.get(_KEY_ID, claimed.access_key)
        if known != claimed.access_key:
            _say_refusal(Fault.SIGNATURE)
            print(f"The request carries the key id `{claimed.access_key}`; {_KEY_ID} is `{_shown(known)}`.")
            return None
        try:
            secret.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{_SECRET} is not UTF-8 text") from None
        return secret
    keys = _stored(arguments, environ)
    key = next((key for key in keys if key.key_id == claimed.access_key), None)
    if key is not None and key.secret is not None:
        return key.secret
    _say_refusal(Fault.SIGNATURE)
    print(_unknown_key(claimed.access_key, keys) if key is None else f"The key `{key.key_id}` was revoked.")
    return None


def _unknown_key(key_id: str, keys: Sequence[KeyRecord]) -> str:
    text = f"This server has no access key with the id `{key_id}`."
    ids = {key.key_id.lower(): key.key_id for key in keys}
    near = difflib.get_close_matches(key_id.strip().lower(), ids, n=1, cutoff=0.85)
    if key_id != key_id.strip():
        text += " Blanks stand round the id: exactly one blank follows DLGA, none stands round the colon."
    elif near:
        text += f" There is `{ids[near[0]]}`: letters in another case, or a typing error?"
    return text


def _stored(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Sequence[KeyRecord]:
    """All keys of the store that the settings name. Raises UsageError, SettingsError."""
    # Imported late: elsewhere than on the server no database is needed.
    from diyalog.cli.doctor_machine import known_schema, schema_of
    from diyalog.opening import KEY_FILE_NAME, OpeningError, opened_store
    from diyalog.storage.sqlite import DATABASE_NAME

    settings = settings_from(arguments, environ)
    elsewhere = f"elsewhere than on the server's machine, put the key's secret into {_SECRET}"
    key = settings.secret_key_file or settings.data_dir / KEY_FILE_NAME
    try:
        missing = [path for path in (settings.data_dir / DATABASE_NAME, key) if not path.is_file()]
    except OSError as error:
        raise UsageError(f"the key store in {str(settings.data_dir)!r} cannot be read: {error.strerror}") from None
    if missing:  # opening the store would make them
        raise UsageError(f"no key store: there is no {str(missing[0])!r}; name its folder with --data-dir; {elsewhere}")

    async def read() -> Sequence[KeyRecord]:
        async with opened_store(settings, SystemClock()) as store:
            return await store.keys()

    try:
        # Opening the store would migrate it.
        keys = asyncio.run(read()) if schema_of(settings.data_dir / DATABASE_NAME) == known_schema() else None
    except OpeningError as error:
        raise UsageError(str(error)) from None
    except Exception as error:  # noqa: BLE001 - the database is input here; whatever is in it, one line says it
        raise UsageError(f"the key store cannot be read ({type(error).__name__}); `diyalog doctor` says more") from None
    if keys is None:
        raise UsageError("the database is of another version than this program; `diyalog doctor` says more")
    return keys


def _judge(parts: Parts, around: Surroundings, claimed: SignedHeaders, secret: str, now_ms: int, *, show: bool) -> int:
    key = SigningKey(secret)
    fault = None
    try:
        verify(claimed, method=parts.method, target=parts.target, body=parts.body, now_ms=now_ms, known=(key,))
    except SignatureRefusal as refusal:
        fault = refusal.fault
    if fault is not None:
        _say_refusal(fault)
    if fault is Fault.SIGNATURE:
        _explain_signature(parts, around, claimed.signature, secret)
    else:
        print("The signature is right.")
    print(explain_clock(claimed.date_ms, now_ms))
    if show:
        print(f"The right signature: {key.sign(joined(parts)).decode()}")
    return RIGHT if fault is None else REFUSED


def _explain_signature(parts: Parts, around: Surroundings, signature: bytes, secret: str) -> None:
    mistakes = diagnose(parts, around, signature, secret)
    if mistakes:
        print(
            "The signature comes out exactly as it was sent if" + (" all of this is so:" if len(mistakes) > 1 else ":")
        )
        _list(mistakes)
        return
    print("None of the usual mistakes gives the signature that was sent. The server signs:\n")
    for name, value in parts._asdict().items():
        shown = f"{len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()}" if name == "body" else visible(value)
        print(f"  {name.replace('_', ' '):13} {shown or '(empty)'}")
    text = joined(parts)
    digest = hashlib.sha256(text).hexdigest()
    print(f"\njoined by one line feed each, none at the end: {len(text)} bytes, SHA-256 {digest}")
    print("Write what your program signs to a file and give it with --string-to-sign-file. If it is right, the")
    print("secret is another one (of another key or of another server), or it was changed when it was copied.")
