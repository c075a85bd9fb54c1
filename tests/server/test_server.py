"""Starting, draining and stopping a server, in this process and as one of its own."""

import asyncio
import logging
import re
import signal
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect

from diyalog.server.options import ServerOptions
from diyalog.server.server import Server, StartError
from diyalog.server.state import log_error

from .world import LIMIT, Application, Wire, handshake, masked, process, serving

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


async def _closed_with(wire: Wire) -> tuple[int, str, float]:
    """Wait for the server's close frame, answer it, and tell code, reason and when."""
    while True:
        first, payload = await wire.frame()
        if first == 0x88:
            wire.send(masked(0x88, payload))
            await wire.ended()
            return int.from_bytes(payload[:2], "big"), payload[2:].decode(), asyncio.get_running_loop().time()


async def test_drain_spreads_the_closings_and_paces_the_return() -> None:
    async with serving(drain_seconds=0.6) as served:
        wires = [await served.handshaken() for _ in range(12)]
        began = asyncio.get_running_loop().time()
        served.server.stop()
        assert served.server.draining
        assert served.drains == ["draining"]
        closings = await asyncio.gather(*map(_closed_with, wires))
        async with asyncio.timeout(LIMIT):
            await served.done
    assert {code for code, _, _ in closings} == {1012}
    assert all(re.fullmatch(r"\d+\.\d\d", reason) for _, reason, _ in closings)
    times = sorted(when - began for _, _, when in closings)
    assert times[0] < 0.3  # the first at once, the last near the end
    assert 0.4 < times[-1] < 2.0
    # Everybody comes back only after this node's drain.
    assert all(when - began + float(reason) >= 0.6 for _, reason, when in closings)
    assert len({reason for _, reason, _ in closings}) > 1


async def test_customers_of_other_nodes_return_within_a_second() -> None:
    async with serving(drain_seconds=0.0, other_nodes=True) as served:
        wire = await served.handshaken()
        served.server.stop()
        code, reason, _ = await _closed_with(wire)
    assert code == 1012
    assert 0.0 <= float(reason) <= 1.0


async def test_drain_without_connections_is_immediate() -> None:
    async with serving(drain_seconds=60.0) as served:
        served.server.stop()
        served.server.stop()
        async with asyncio.timeout(LIMIT):
            await served.done
        assert served.drains == ["draining"]
        assert served.application.ended


async def test_drain_still_answers_but_opens_no_more_sockets() -> None:
    async with serving(drain_seconds=3.0) as served:
        kept = await served.connect()
        kept.send(GET)
        await kept.answer()
        stubborn = [await served.handshaken() for _ in range(2)]
        served.server.stop()
        fresh = await served.connect()
        for wire in (kept, fresh):
            wire.send(GET)
            status, head, body = await wire.answer()
            assert (status, body) == (200, b"GET /x ")
            assert b"\r\nconnection: close\r\n" in head
            assert await wire.rest() == b""
        refused = await served.exchange(handshake())
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 3\r\n" in refused
        await asyncio.gather(*map(_closed_with, stubborn))


async def test_requests_in_flight_are_finished_and_idle_connections_closed() -> None:
    async with serving() as served:
        idle, busy = await served.connect(), await served.connect()
        idle.send(GET)
        await idle.answer()
        busy.send(b"GET /gate HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(LIMIT):
            await served.application.arrived.wait()
        served.server.stop()
        assert await idle.rest() == b""
        assert not served.done.done()
        served.application.gate.set()
        answer = await busy.rest()
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.endswith(b"through the gate")
        async with asyncio.timeout(LIMIT):
            await served.done


async def test_requests_on_their_way_when_nobody_is_let_in_any_more_are_answered() -> None:
    async with serving() as served:
        kept, fresh = await served.connect(), await served.connect()
        kept.send(GET)
        await kept.answer()
        served.server.stop()
        async with asyncio.timeout(LIMIT):
            with suppress(ConnectionRefusedError):
                while True:
                    (await served.connect()).close()
        for wire in (kept, fresh):
            wire.send(GET)
            status, head, _ = await wire.answer()
            assert status == 200
            assert b"\r\nconnection: close\r\n" in head
            assert await wire.rest() == b""


async def test_head_that_has_begun_to_arrive_is_in_flight() -> None:
    async with serving() as served:
        wire = await served.connect()
        wire.send(GET[:10])
        untouched = await served.connect()
        await served.exchange(b"GET /marker HTTP/1.0\r\n\r\n")
        served.server.stop()
        late = await served.connect()
        assert await untouched.rest() == b""
        await late.ended()
        wire.send(GET[10:])
        assert (await wire.rest()).endswith(b"GET /x ")
        async with asyncio.timeout(LIMIT):
            await served.done


async def test_request_that_never_ends_is_given_up() -> None:
    async with serving(finish_seconds=0.05) as served:
        busy = await served.connect()
        busy.send(b"GET /gate HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(LIMIT):
            await served.application.arrived.wait()
            served.server.stop()
            await served.done
        await busy.ended()
        assert served.application.ended


async def test_sockets_that_ignore_the_close_do_not_hold_the_drain() -> None:
    async with serving(drain_seconds=0.1) as served:
        wire = await served.handshaken()
        handler = await served.handler()
        served.server.stop()
        assert await wire.close_code() == 1012
        async with asyncio.timeout(LIMIT):
            await handler.gone.wait()
            await served.done


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_repeated_signal_changes_nothing_and_the_exit_code_is_0(number: signal.Signals) -> None:
    async with process(0.5) as (child, port):
        assert child.stdout is not None
        assert child.stderr is not None
        async with connect(f"ws://127.0.0.1:{port}/echo") as first, connect(f"ws://127.0.0.1:{port}/echo") as second:
            child.send_signal(number)
            async with asyncio.timeout(LIMIT):
                assert await child.stdout.readline() == b"draining\n"
                child.send_signal(number)
                await first.wait_closed()
                child.send_signal(number)
                await second.wait_closed()
                assert await child.wait() == 0
                assert await child.stdout.read() == b""
                assert await child.stderr.read() == b""
        assert {first.close_code, second.close_code} == {1012}


# -- starting


async def test_address_in_use_is_a_start_error_and_ends_the_application() -> None:
    async with serving() as served:
        application = Application()
        second = Server(application, ServerOptions(port=served.port, handle_signals=False))
        with pytest.raises(StartError, match=f"can't listen on 127.0.0.1:{served.port}"):
            await second.serve()
        assert application.ended


async def test_application_that_does_not_start_is_a_start_error() -> None:
    async def application(scope: object, receive: object, send: object) -> None:
        del scope, receive, send
        raise ValueError("no database")

    with pytest.raises(StartError):
        await Server(application, ServerOptions(port=0, handle_signals=False)).serve()


async def test_serves_tls(tmp_path: Path) -> None:
    cert, key = _certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(cert))
    async with serving(tls_cert=cert, tls_key=key, host="localhost") as served:
        reader, writer = await asyncio.open_connection("localhost", served.port, ssl=trusting)
        wire = Wire(reader, writer)
        served.wires.append(wire)
        wire.send(b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
        assert (await wire.rest()).endswith(b"\r\n\r\nPOST /x body")
        assert served.application.scopes[0]["scheme"] == "https"
        async with connect(f"wss://localhost:{served.port}/echo", ssl=trusting) as client:
            await client.send("over TLS")
            assert await client.recv() == "over TLS"
            handler = await served.handler()
            assert handler.handshake.secure
            await client.send("a" * 65_537)
            await client.wait_closed()
            assert client.close_code == 1009


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encryption = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return cert_file, key_file


def test_logged_errors_tell_where_and_not_what(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("Ayşe's number")

    with caplog.at_level(logging.ERROR, "diyalog.server"):
        try:
            fail()
        except ValueError as error:
            log_error(error)
    assert "unexpected ValueError at " in caplog.text
    assert "test_server.py" in caplog.text
    assert "Ayşe" not in caplog.text
