"""Bytes that are hardly HTTP, to a real server: no 500, no effect, no echo, and it goes on serving."""

import asyncio
import os
import re
from collections import Counter
from pathlib import Path
from random import Random

import apsw

from kit.server import Company, Customer, Key, Server, running

from .bodies import CANARY
from .reference import signature, string_to_sign
from .world import HELP, NOT_DELIVERED

CONNECTIONS = int(os.environ.get("DIYALOG_TEST_CONNECTIONS", "3000"))
SEED = int(os.environ.get("DIYALOG_TEST_SEED", "20261118"))
TOGETHER = 40
ANSWERED_S = 20.0
PATIENCE_S = 0.2
ALLOWED = {200, 400, 401, 403, 404, 405, 408, 413, 415, 426, 431, 101, 204}
TEXT = b"content-type: text/plain; charset=utf-8"
PROBLEM = b"content-type: application/problem+json"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


class Wire:
    """Makes connections' worth of bytes; what is properly signed names no wait that exists."""

    def __init__(self, rng: Random, key: Key, date: str) -> None:
        self._rng = rng
        self._key = key
        self._date = date

    def connection(self) -> bytes:
        rng = self._rng
        way = rng.random()
        if way < 0.05:
            return rng.choice(_STRANGERS)
        parts = [self._request() for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        sent = b"".join(parts)
        if way < 0.15:
            return sent[: rng.randrange(len(sent))]
        if way < 0.45:
            changed = bytearray(sent)
            for _ in range(rng.randint(1, 6)):
                place = rng.randrange(min(len(changed), 600))
                changed[place : place + rng.randrange(3)] = (
                    rng.choice(_CRUMBS) if rng.random() < 0.5 else rng.randbytes(1)
                )
            return bytes(changed)
        return sent

    def _request(self) -> bytes:
        rng = self._rng
        if rng.random() < 0.6:
            return self._company()
        lines = [
            b"%b %b HTTP/1.1" % (rng.choice((b"GET", b"POST", b"DELETE", b"OPTIONS")), rng.choice(_TARGETS)),
            b"Host: h",
            b"Authorization: Bearer " + CANARY.encode(),
            b"Content-Type: application/json",
        ]
        return self._framed(lines, b'{"helpType":"chat","x":"%b"}' % CANARY.encode())

    def _company(self) -> bytes:
        rng = self._rng
        body = b'{"interactionId": "%b"}' % CANARY.encode()
        proof = signature(self._key.secret, string_to_sign("POST", "application/json", self._date, body, NOT_DELIVERED))
        if rng.random() < 0.5:
            proof = "A" * 43 + "="
        lines = [
            f"POST {NOT_DELIVERED} HTTP/1.1".encode(),
            b"Host: h",
            b"Content-Type: application/json",
            f"x-dlg-date: {self._date}".encode(),
            f"x-dlg-requester-userid: {CANARY}".encode(),
            f"x-dlg-authorization: DLGA {self._key.access_key_id}:{proof}".encode(),
        ]
        return self._framed(lines, body)

    def _framed(self, lines: list[bytes], body: bytes) -> bytes:
        """Say how long the body is, mostly rightly; add headers that do not belong there."""
        rng = self._rng
        length = b"Content-Length: %d" % len(body)
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        framing, content = rng.choice(
            (
                *(([length], body),) * 4,
                ([b"Transfer-Encoding: chunked"], chunked),
                (
                    [b"Transfer-Encoding: chunked"],
                    b"%x;a=%b\r\n%b\r\n0\r\nX-Dlg-Date: x\r\n\r\n" % (len(body), b"b" * 99, body),
                ),
                (
                    [b"Transfer-Encoding: chunked"],
                    rng.choice((b"zz\r\n", b"-1\r\n", b"fffffffffffffffff\r\n", b"1\r\nab\r\n")),
                ),
                ([b"Transfer-Encoding: chunked", length], chunked),
                ([b"Transfer-Encoding: gzip, chunked"], chunked),
                ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"], chunked),
                ([length, b"Content-Length: 5"], body),
                ([length, length], body),
                (
                    [b"Content-Length: " + rng.choice((b"-1", b"+5", b"0x10", b"99999999999999999999", b"5, 5", b""))],
                    body,
                ),
                ([b"Content-Length: 70000"], body.ljust(70_000)),
                ([b"Content-Length: %d" % (len(body) + 9)], body),
                ([], body),
            )
        )
        lines += framing
        if rng.random() < 0.3:
            lines.insert(rng.randint(1, len(lines)), rng.choice(_ODD_LINES))
        end = b"\r\n" if rng.random() < 0.95 else b"\n"
        return end.join((*lines, b"", b"")) + content


_TARGETS = (
    HELP.encode(),
    f"{HELP}/{CANARY}".encode(),
    b"/v1/client/activations",
    b"/v1/client/events",
    b"/v1/staff/events",
    b"/v1/staff/queue",
    b"/v1/staff/conversations",
    b"http://h/v1/client/help",
    b"http://h?x",
    b"/%00%ff",
    b"*",
    b"//",
    b"/\xc5\x9f",
    b"/\xff\xfe",
    b"/a b",
    b"h:443",
    b"/" + b"a" * 40_000,
    b"/livez",
    b"/docs",
    b"/app/../../secret.key",
    b"/app/%2e%2e/%2e%2e/secret.key",
    b"/app/help.html%00",
)
_UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
)
_ODD_LINES = (
    b"Host: other",
    b"Host:",
    b" folded: " + CANARY.encode(),
    b"Name : value",
    b": nameless",
    b"NoColon",
    b"X: a\0b",
    b"X: a\rb",
    b"X: \xff\xfe",
    b"X\xc5: a",
    b"Expect: 100-continue",
    b"Expect: " + CANARY.encode(),
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x",
    _UPGRADE,
    b"Connection: close, " + CANARY.encode(),
    b"Keep-Alive: timeout=99999",
    b"X-Forwarded-For: " + b"1.2.3.4, " * 200,
    b'Forwarded: for="[::1";;;=',
    b"Idempotency-Key: " + b"x" * 300,
    b"Origin: null\r\nAccess-Control-Request-Method: POST",
    b"X: " + b"x" * 33_000,
    b"X: a\r\n" * 500 + b"X: a",
)
_CRUMBS = (b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b":", b" ", b"\t", b"\xff", b"\x7f", b"HTTP/9.9", b"%", b"0", b"")
_STRANGERS = (
    b"",
    b"\r\n" * 50,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 400,
    b"GET / HTTP/0.9\r\n\r\n",
    b"GET /\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"get /livez HTTP/1.0\r\n\r\n",
    b"GET /livez HTTP/1.0\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 60,
    b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n" + CANARY.encode(),
    b"SSH-2.0-x\r\n",
    b"\0" * 5000,
    b"A" * 40_000,
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"GET " + b"/" * 33_000,
    *(
        b"GET /v1/client/events HTTP/1.1\r\nHost: h\r\n%b\r\n\r\n%b" % (_UPGRADE, frames)
        for frames in (
            b"",
            b"\x81\x05hello",  # not masked
            b"\x81\x85\0\0\0\0hello",
            b"\x82\x81\0\0\0\0x",
            b"\x81\x81\0\0\0\0\xff",
            b"\x81\xff" + b"\xff" * 12,
            b"\x89\xfe\x01\x00" + b"\0" * 260,
            b"\xf1\x80\0\0\0\0",
            b"\x80\x80\0\0\0\0",
            b"\x88\x81\0\0\0\0x",
            b"\x81\x8f\0\0\0\0" + b'{"type":"ping"}' * 2,
            b"GET / HTTP/1.1\r\n\r\n" + CANARY.encode(),
        )
    ),
)


async def answered(server: Server, sent: bytes) -> bytes:
    """What comes back until the server is done; the sender closes its side once it has heard something, or soon."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    async with asyncio.timeout(ANSWERED_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(sent)
            try:
                begun = await asyncio.wait_for(reader.read(65_536), PATIENCE_S)
            except TimeoutError:
                begun = b""  # it waits for more
            writer.write_eof()
            return begun + await reader.read()
        except ConnectionError:
            return b""  # it sent on after it was refused
        finally:
            writer.close()


def rows(server: Server) -> list[object]:
    """Every row of every table but those that the server writes by itself: its heartbeat, the links over audit rows."""
    connection = apsw.Connection(str(server.database), flags=apsw.SQLITE_OPEN_READONLY)
    named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    tables = {str(row[0]) for row in connection.execute(named).fetchall()} - {"node", "audit_link"}
    found = [(table, connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()) for table in sorted(tables)]
    connection.close()
    assert len(found) > 5
    return list(found)


async def test_bytes_of_every_kind(tmp_path: Path) -> None:
    statuses: Counter[int] = Counter()
    async with running(tmp_path, limit_auth_failures="0", limit_header_bytes="32768") as server:
        key = await server.new_key()
        async with Company(server.url, key) as company, Customer(server.url, "880214") as customer:
            session = (await customer.start()).json["sessionId"]
            before = rows(server)
            date = (await company.not_delivered(sessionId="unknown")).headers["Date"]
            wire = Wire(Random(SEED), key, date)
            for _ in range(CONNECTIONS // TOGETHER):
                batch = [wire.connection() for _ in range(TOGETHER)]
                for sent, answer in zip(
                    batch, await asyncio.gather(*(answered(server, one) for one in batch)), strict=True
                ):
                    statuses.update(check(sent, answer))
            assert rows(server) == before
            assert (await company.not_delivered(sessionId=session)).json["isSuccess"] is True
        assert '"event":"fault"' not in server.log
        assert CANARY not in server.log
    assert {101, 200, 400, 401, 404, 405, 413, 426, 431} <= statuses.keys(), statuses
    assert statuses.total() > CONNECTIONS, statuses


def check(sent: bytes, answer: bytes) -> list[int]:
    """The statuses of the answers to one connection."""
    found = [(int(match[1]), match[2].lower(), answer[match.end() :]) for match in _STATUS.finditer(answer)]
    assert answer == b"" or found, (sent, answer)
    assert CANARY.encode() not in answer, (sent, answer)
    for status, headers, _ in found:
        assert status in ALLOWED or status == 100, (sent, answer)
        if status in {400, 401, 403, 404, 405, 408, 413, 415, 426, 431}:
            assert TEXT in headers or PROBLEM in headers, (sent, answer)
    return [status for status, _, _ in found]
