"""What this package takes for granted of the libraries below it. A new minor version starts here."""

import inspect
from importlib.metadata import version

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState
from wsproto import frame_protocol

from diyalog.server.http_protocol import HttpProtocol
from diyalog.server.server import Server


def test_minor_versions_that_the_subclasses_were_written_for() -> None:
    assert version("uvicorn").startswith("0.54.")
    assert version("httptools").startswith("0.9.")
    assert version("wsproto").startswith("1.3.")


def test_uvicorns_http_protocol_has_what_is_used_and_nothing_that_is_not_replaced() -> None:
    own = set(vars(HttpProtocol))
    stock = {name for name, value in vars(HttpToolsProtocol).items() if inspect.isfunction(value)}
    assert stock - own == {
        # Used as they are.
        "on_url",
        "eof_received",
        # Not reached, as their callers are replaced.
        "_get_upgrade",
        "_should_upgrade",
        "_should_upgrade_to_ws",
        "_start_asgi_task",
        "_unset_keepalive_if_required",
        "_unsupported_upgrade_warning",
        "handle_websocket_upgrade",
        "on_response_complete",
        "send_400_response",
        "timeout_keep_alive_handler",
    }
    assert list(inspect.signature(HttpToolsProtocol.__init__).parameters) == [
        "self",
        "config",
        "server_state",
        "app_state",
        "_loop",
    ]
    assert STATUS_LINE[431] == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


def test_uvicorns_server_has_the_steps_that_are_replaced() -> None:
    steps = {"capture_signals", "startup", "main_loop", "shutdown"}
    assert steps <= set(vars(uvicorn.Server)) & set(vars(Server))
    source = inspect.getsource(uvicorn.Server._serve)
    assert source.index("self.startup(") < source.index("self.main_loop(") < source.index("self.shutdown(")
    assert set(vars(ServerState())) == {"total_requests", "connections", "tasks", "default_headers"}


def test_parser_names_the_first_byte_behind_an_upgrade() -> None:
    class Callbacks:
        """The parser needs no callback."""

    parser = httptools.HttpRequestParser(Callbacks())
    head = b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\n"
    with pytest.raises(httptools.HttpParserUpgrade) as caught:
        parser.feed_data(head + b"body")
    assert caught.value.args == (len(head),)


def test_wsprotos_decoder_shows_what_is_outstanding() -> None:
    decoder = frame_protocol.FrameDecoder(client=False)
    decoder.receive_bytes(b"\x81\x85\0\0\0\0he")
    assert decoder.process_buffer() == frame_protocol.Frame(frame_protocol.Opcode.TEXT, b"he", False, True)
    header = decoder.header
    assert header is not None
    assert (header.payload_len, decoder.payload_consumed, len(decoder.buffer)) == (5, 2, 0)
    assert frame_protocol.MessageDecoder().opcode is None
