"""`diyalog doctor`: the company's services and our own port. Sends nothing that creates or deletes anything."""

import base64
import errno
import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from diyalog.cli.doctor_finding import Finding, fail, ok, warn
from diyalog.cli.doctor_settings import origin
from diyalog.settings import Settings

PORT, CLOCK = "port", "clock"
_STEP_S: Final = 4.0
"""Longest wait for each step: connection, TLS, answer."""
_ANSWER_LIMIT: Final = 65_536
_CLOCK_LIMIT_S, _CLOCK_WARN_S = 900.0, 30.0
_MADE_UP: Final = {
    "deviceId": "diyalog-doctor",
    "dlgToken": "diyalog-doctor-made-up",
    "customerNo": "0",
    "deviceHash": "",
}
_MADE_UP_STAFF: Final = "sessionId=diyalog-doctor&token=diyalog-doctor-made-up&userNo=0"
_DOCUMENTED: Final = frozenset({"InvalidToken", "ExpiredToken", "InvalidDeviceId", "InternalError", "BadRequest"})


class ProbeError(Exception):
    """A step failed: `found` says which and why, `then` what to do."""

    def __init__(self, found: str, then: str) -> None:
        super().__init__(found)
        self.found = found
        self.then = then


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `date_off`: how far our clock is ahead of its Date header (seconds), None without one."""

    status: int
    body: bytes
    seconds: float
    date_off: float | None


def check_queue(settings: Settings) -> list[Finding]:
    """The queue's base address, with one GET of it; and our clock against the answer's Date."""
    if settings.queue_url is None:
        return [ok("queue", "built in, nobody is called")]
    findings, answer = _base("queue", settings.queue_url, settings.callout_token)
    if answer is not None:
        findings.append(_clock(answer))
    return findings


def check_customer_tokens(settings: Settings) -> list[Finding]:
    """checkauthtoken, with a made-up token that must not be confirmed."""
    name, url = "token check", settings.customer_auth_url
    if url is None:
        return [ok(name, "no address is set: customers come by transaction hash")]
    target = urlsplit(url).path.rstrip("/") + "/checkauthtoken"
    try:
        answer = ask(url, "POST", target, settings.callout_token, json.dumps(_MADE_UP).encode())
    except ProbeError as error:
        return [fail(name, error.found, error.then)]
    text = answer.body.decode("utf-8", "replace").strip().strip('"')
    confirmed = text == "Validated" or (False if text in _DOCUMENTED else None)
    about = {"url": url, "target": target, "variable": "DIYALOG_CUSTOMER_AUTH_URL"}
    return [_token_answer(name, answer, confirmed=confirmed, **about)]


def check_staff_tokens(settings: Settings) -> list[Finding]:
    """CheckToken, with a made-up token that must not be confirmed."""
    name, url = "staff token check", settings.staff_auth_url
    if url is None:
        who = "the staff comes unchecked" if settings.open_access else "nobody of the staff can sign in"
        return [ok(name, f"no address is set: {who}")]
    target = urlsplit(url).path.rstrip("/") + "/CheckToken"
    try:
        answer = ask(url, "GET", f"{target}?{_MADE_UP_STAFF}", settings.callout_token)
    except ProbeError as error:
        return [fail(name, error.found, error.then)]
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = None
    success = said.get("success") if isinstance(said, dict) else None
    confirmed = success if isinstance(success, bool) else None
    about = {"url": url, "target": target, "variable": "DIYALOG_STAFF_AUTH_URL"}
    return [_token_answer(name, answer, confirmed=confirmed, **about)]


def _token_answer(
    name: str, answer: Answer, *, confirmed: bool | None, url: str, target: str, variable: str
) -> Finding:
    """What the answer to a made-up token tells. `confirmed`: what it says of the token, None if not as documented."""
    where = f"{origin(url)} answers {answer.status} after {answer.seconds:.2f} s"
    if answer.status in {401, 403}:
        return fail(name, f"{where}: we are not let in", "check DIYALOG_CALLOUT_TOKEN")
    if answer.status < 300 and confirmed:
        then = "see that it confirms real tokens only; the simulated company confirms all"
        return warn(name, f"{where} and confirms a made-up token", then)
    if confirmed is False:
        return ok(name, f"{where}, in the documented words; a made-up token is not confirmed")
    if 300 <= answer.status < 400:
        return fail(name, f"{where}: redirects are not followed", "give the address it redirects to")
    if answer.status == 404:
        then = f"{variable} is the base; {target[target.rindex('/') :]} is added to it"
        return fail(name, f"{where} at {target}", then)
    return warn(
        name, f"{where}, not in the documented words", "look at docs/company_queue.md with the service's people"
    )


def _base(name: str, url: str, token: str | None) -> tuple[list[Finding], Answer | None]:
    try:
        answer = ask(url, "GET", urlsplit(url).path or "/", token)
    except ProbeError as error:
        return [fail(name, error.found, error.then)], None
    where = f"{origin(url)} answers {answer.status} to a GET of its base after {answer.seconds:.2f} s"
    if answer.status in {401, 403}:
        return [warn(name, f"{where}: are we let in?", "check DIYALOG_CALLOUT_TOKEN with the service's people")], answer
    if 300 <= answer.status < 400:
        return [warn(name, f"{where}: redirects are not followed", "give the address it redirects to")], answer
    if answer.status >= 500:
        return [warn(name, f"{where}: is it in order?", "look at the service, or at the proxy before it")], answer
    return [ok(name, where)], answer


def _clock(answer: Answer) -> Finding:
    if answer.date_off is None:
        return ok(CLOCK, "the queue's answers carry no Date to compare with")
    size, side = abs(answer.date_off), "ahead of" if answer.date_off > 0 else "behind"
    found = f"this machine's clock is {size:.0f} s {side} the queue's"
    if size > _CLOCK_LIMIT_S:
        return fail(CLOCK, found, "set the wrong one of the two right (NTP): signed requests are refused beyond 900 s")
    if size > _CLOCK_WARN_S:
        return warn(CLOCK, found, "set the wrong one of the two right (NTP)")
    return ok(CLOCK, found)


def ask(url: str, method: str, target: str, token: str | None, body: bytes | None = None) -> Answer:
    """Send one request to the host of `url`, step by step. Raises ProbeError."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    headers = {"Accept": "*/*", "User-Agent": "Diyalog doctor", "Connection": "close"}
    if token is not None:
        headers["Auth-Token"] = token
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    connected = _connect(host, port)
    try:
        if parts.scheme == "https":
            connected = _encrypt(connected, host, ssl.create_default_context())
        return _exchange(connected, (host, port), Request(method, target, headers, body))
    finally:
        connected.close()


def _connect(host: str, port: int) -> socket.socket:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ProbeError(
            f"the name {host} is not known here", "correct the address, or mend the name service"
        ) from None
    reason = ""
    for family, kind, protocol, _, address in addresses[:4]:
        connecting = socket.socket(family, kind, protocol)
        connecting.settimeout(_STEP_S / min(len(addresses), 4))
        try:
            connecting.connect(address)
        except OSError as error:
            connecting.close()
            reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or "refused"
        else:
            connecting.settimeout(_STEP_S)
            return connecting
    then = "is the service running, and does the firewall let this machine through?"
    raise ProbeError(f"no connection to {host} port {port}: {reason}", then)


def _encrypt(connected: socket.socket, host: str, context: ssl.SSLContext) -> socket.socket:
    try:
        return context.wrap_socket(connected, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message or "not trusted"
        then = "let the service send its whole chain, or add its CA to this machine's certificates"
        raise ProbeError(f"the certificate of {host} is refused: {why}", then) from None
    except TimeoutError:
        raise ProbeError(f"{host} does not finish the TLS handshake", "is this port one for TLS?") from None
    except OSError as error:
        why = error.reason if isinstance(error, ssl.SSLError) and error.reason else "the connection was cut"
        raise ProbeError(f"TLS with {host} fails: {why}", "is this port one for TLS 1.2 or newer?") from None


def _exchange(connected: socket.socket, where: tuple[str, int], request: Request) -> Answer:
    host, port = where
    connection = http.client.HTTPConnection(host, port, timeout=_STEP_S)
    connection.sock = connected
    began, sent_at = time.perf_counter(), time.time()
    try:
        connection.request(request.method, request.target, request.body, dict(request.headers))
        response = connection.getresponse()
        content = response.read(_ANSWER_LIMIT)
    except TimeoutError:
        raise ProbeError(
            f"{host} takes the request and does not answer in {_STEP_S:g} s", "look at the service"
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        then = "is this an HTTP service, and http or https as it should be?"
        raise ProbeError(f"{host} does not answer as an HTTP server ({type(error).__name__})", then) from None
    finally:
        connection.close()
    seconds = time.perf_counter() - began
    return Answer(response.status, content, seconds, _date_off(response.headers.get("Date"), sent_at, seconds))


def _date_off(text: str | None, sent_at: float, seconds: float) -> float | None:
    """Our clock minus the Date header; that is rounded down to a second and lies between sending and answer."""
    try:
        theirs = parsedate_to_datetime(text or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    earliest, latest = sent_at - theirs - 1.0, sent_at + seconds - theirs
    return 0.0 if earliest <= 0 <= latest else earliest if earliest > 0 else latest


def check_port(settings: Settings) -> list[Finding]:
    """The listening port: free, or answered by a Diyalog server."""
    host, port = settings.host, settings.port
    if port == 0:
        return [ok(PORT, "a free one is taken at the start")]
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(1)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            return [_answers(settings)]
        why = getattr(error, "strerror", None) or "no such address"
        then = "set DIYALOG_HOST to an address of this machine and DIYALOG_PORT to a port the user may take"
        return [fail(PORT, f"{host} port {port} cannot be listened on: {why}", then)]
    return [ok(PORT, f"{host} port {port} is free; no server runs there")]


def _answers(settings: Settings) -> Finding:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    where = f"{settings.host} port {settings.port}"
    context = ssl.create_default_context()
    # Only whether our own server stands there is asked, under an address that its certificate need not name.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        connected = _connect(host, settings.port)
        try:
            if settings.tls_cert is not None:
                connected = _encrypt(connected, host, context)
            alive = _exchange(connected, (host, settings.port), Request("GET", "/livez", {"Connection": "close"}))
        finally:
            connected.close()
        if (alive.status, alive.body) == (200, b"ok"):
            return ok(PORT, f"a server answers at {where} (/livez)")
        found = f"another program answers at {where} ({alive.status} to /livez)"
    except ProbeError as error:
        found = f"another program holds {where}: {error.found}"
    return fail(PORT, found, "stop that program, or set another DIYALOG_PORT")
