"""What a server is told when it is made: addresses, limits and times."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Addresses, limits (bytes; 0 = no limit) and times (seconds) of one server.

    `header_bytes` bounds request line and headers together, `frame_bytes` a WebSocket message,
    `send_bytes` what may lie unsent for one WebSocket before its reader is too slow (the kernel
    buffers up to about 4 MB before that shows; `kernel_send_bytes` sets SO_SNDBUF, 0 leaves it alone),
    `socket_limit` all WebSockets together.

    `shared_port`: other processes listen on the same port, and the kernel spreads connections over all.

    `other_nodes`: True when other nodes take a closing node's customers over, so that a drained customer
    comes back within a second; False when this node will be back, so that they come after the drain.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    shared_port: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    backlog: int = 2048
    header_bytes: int = 32 * 1024
    frame_bytes: int = 64 * 1024
    send_bytes: int = 256 * 1024
    kernel_send_bytes: int = 0
    socket_limit: int = 0
    head_seconds: float = 10.0
    keep_alive_seconds: float = 65.0
    write_stall_seconds: float = 30.0
    linger_seconds: float = 2.0
    ping_seconds: float = 25.0
    silent_seconds: float = 50.0
    close_seconds: float = 10.0
    drain_seconds: float = 10.0
    finish_seconds: float = 30.0
    other_nodes: bool = False
    handle_signals: bool = True
