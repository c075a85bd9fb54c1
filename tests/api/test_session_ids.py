"""Session ids that no database takes."""

import contextlib
import json
import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_nul_in_a_session_id_is_unknown_with_postgresql_too(database_url: str, tmp_path: Path, method: str) -> None:
    settings = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "OPEN_ACCESS": "true", "PORT": "0"}
    environment = {**os.environ, **{f"DIYALOG_{name}": value for name, value in settings.items()}}
    program = [str(Path(sys.executable).with_name("diyalog")), "serve"]
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            address = urlsplit(server.stdout.readline().decode().split()[-1])
            with contextlib.closing(HTTPConnection(str(address.hostname), address.port, timeout=10)) as connection:
                headers = {"Content-Type": "application/json"}
                connection.request("POST", "/v1/client/activations", b'{"customerId":"7"}', headers)
                token = json.loads(connection.getresponse().read())["clientToken"]
                connection.request(method, "/v1/client/help/%00", headers={"Authorization": f"Bearer {token}"})
                assert connection.getresponse().status == 404
        finally:
            server.terminate()
