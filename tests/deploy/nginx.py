"""A real nginx with deploy/nginx.conf, before servers of a test."""

import asyncio
import os
import re
import shutil
import signal
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.certificates import Authority
from kit.ports import free_port

CONF = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
START_S = 20.0
STOP_S = 20.0


@dataclass(frozen=True)
class Proxy:
    """Where nginx listens, and what it wrote of its requests."""

    port: int
    plain_port: int
    log: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


def adapted(folder: Path, nodes: Sequence[str], port: int, plain_port: int) -> str:
    """The file as it is, but for what its first lines say to change, ports, and places that take no root."""
    text = CONF.read_text("utf-8")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in _TEMPORARY)
    changes = {
        r"(?m)^( +)server node1:8080(.*)\n +server node2:8080.*$": "\n".join(
            rf"\g<1>server {node}\g<2>" for node in nodes
        ),
        r"listen 80;": f"listen 127.0.0.1:{plain_port};",
        r"listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        r"help\.example\.com": "localhost",
        r"/etc/nginx/tls": str(folder),
        r"/var/log/nginx": str(folder),
        r"include mime\.types;": f"include /etc/nginx/mime.types;\n{temporary}",
        r"worker_processes auto;": "worker_processes 1;",
        r"worker_rlimit_nofile \d+;": "",
        r"worker_connections \d+;": "worker_connections 256;",
    }
    for pattern, replacement in changes.items():
        text, found = re.subn(pattern, replacement, text)
        assert found, f"deploy/nginx.conf has no {pattern}"
    return text


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@asynccontextmanager
async def proxy(folder: Path, authority: Authority, *nodes: str) -> AsyncIterator[Proxy]:
    """Runs nginx before `nodes` (host:port)."""
    assert NGINX is not None, "the continuous integration needs nginx"
    made = Proxy(free_port(), free_port(), folder / "access.log")
    _write(folder, authority, adapted(folder, nodes, made.port, made.plain_port))
    own = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log notice;"
    user = " user root;" if os.geteuid() == 0 else ""
    process = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"), "-g", own + user
    )
    try:
        await _listening(made.port, process)
        yield made
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), STOP_S)


def _write(folder: Path, authority: Authority, conf: str) -> None:
    folder.mkdir()
    certificate, key = authority.issue("localhost")
    certificate.rename(folder / "fullchain.pem")
    key.rename(folder / "privkey.pem")
    (folder / "nginx.conf").write_text(conf, "utf-8")


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
    raise AssertionError("nginx ended; its error log says why")


def trusting(authority: Authority) -> ssl.SSLContext:
    """What a client needs to speak to the proxy."""
    return ssl.create_default_context(cafile=authority.certificate)
