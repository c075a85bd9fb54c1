"""Ports for servers that must come back on the port they had."""

import socket
from random import SystemRandom

_RANGE = range(15_000, 30_000)
"""Below the ports that systems give to outgoing connections: one of these could take a stopped server's port."""
_TRIES = 100


def free_port() -> int:
    """A TCP port on the loopback address that nobody listens on now."""
    chance = SystemRandom()
    for _ in range(_TRIES):
        port = chance.choice(_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")
