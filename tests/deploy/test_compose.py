"""deploy/compose.yaml fits its specification, the files beside it, and the server's settings."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from diyalog.server.options import ServerOptions
from diyalog.server.server import LAST_CLOSE_SECONDS
from diyalog.settings import Settings, every_setting
from diyalog.settings_loading import load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy"
PAGE = ROOT / "docs" / "deployment.md"
NODES = ("node1", "node2")
SCHEMA = "builtin_schemas/vendor/compose-spec.json"
VALIDATOR = importlib.util.find_spec("check_jsonschema")
NATS = Path(sys.executable).with_name("nats-server")


@cache
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    return read


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text[:-1])


def test_it_is_valid_by_the_specification() -> None:
    assert VALIDATOR is not None
    assert VALIDATOR.origin is not None
    schema = json.loads((Path(VALIDATOR.origin).parent / SCHEMA).read_text("utf-8"))
    errors = jsonschema_rs.validator_for(schema).iter_errors(compose())
    assert [f"{error.instance_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("node", [*NODES, "migrate"])
def test_its_variables_are_settings_that_a_production_server_takes(tmp_path: Path, node: str) -> None:
    environment = services()[node]["environment"]
    assert set(environment) <= {setting.variable for setting in every_setting()}
    key, config = tmp_path / "secret.key", tmp_path / "diyalog.toml"
    key.write_text("00" * 32)
    config.write_text('database_url = "postgresql://diyalog:secret@database:5432/diyalog"\n')
    image = image_environment()
    given = {**image, **environment, "DIYALOG_SECRET_KEY_FILE": str(key)}
    settings = load({}, given, config)
    assert settings.production
    assert settings.port == 8080
    assert environment["DIYALOG_SECRET_KEY_FILE"] == "/run/secrets/secret.key"
    [proxy] = settings.trusted_proxies
    assert proxy.removesuffix("/32") == services()["proxy"]["networks"]["outside"]["ipv4_address"]


def image_environment() -> dict[str, str]:
    text = (FOLDER / "Dockerfile").read_text("utf-8")
    return dict(re.findall(r"(DIYALOG_\w+)=(\S+)", text))


def test_every_secret_is_used_and_made_on_the_page() -> None:
    defined = compose()["secrets"]
    used = {secret for service in services().values() for secret in service.get("secrets", [])}
    assert used == set(defined)
    page = PAGE.read_text("utf-8")
    for name, secret in defined.items():
        assert secret["file"] == f"./secrets/{name}"
        assert f"> secrets/{name}\n" in page, "a command that writes it"
    assert (FOLDER / ".gitignore").read_text("utf-8").split()[-2:] == ["secrets/", "tls/"]


def test_every_file_it_mounts_and_builds_from_exists() -> None:
    for service in services().values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            there = source in compose()["volumes"] or source == "./tls" or (FOLDER / source).exists()
            assert there, volume
        if "build" in service:
            assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_nginx_knows_its_nodes_and_everybody_the_port() -> None:
    conf = (FOLDER / "nginx.conf").read_text("utf-8")
    upstreams = re.findall(r"upstream \w+ \{(.*?)\n    \}", conf, re.DOTALL)
    assert len(upstreams) == 2
    for upstream in upstreams:
        assert re.findall(r"server (\S+)", upstream) == [f"{node}:8080" for node in NODES]
    listening = set(re.findall(r"listen (\d+)", conf))
    assert {port.partition(":")[2] for port in services()["proxy"]["ports"]} == listening
    for node in NODES:
        assert "http://127.0.0.1:8080/readyz" in services()[node]["healthcheck"]["test"][-1]
    assert image_environment()["DIYALOG_PORT"] == "8080"


def test_addresses_lie_in_the_network_and_are_different() -> None:
    named = [services()[name]["networks"]["outside"]["ipv4_address"] for name in ("proxy", *NODES)]
    [pool] = compose()["networks"]["outside"]["ipam"]["config"]
    assert pool["subnet"] == "172.30.0.0/24"
    assert all(address.startswith("172.30.0.") for address in named)
    assert len(set(named)) == len(named)
    assert services()["database"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"] == {"internal": True}


@pytest.mark.parametrize("node", NODES)
def test_nobody_is_killed_in_the_drain(node: str) -> None:
    drain = float(services()[node]["environment"]["DIYALOG_DRAIN_SECONDS"])
    needed = drain + LAST_CLOSE_SECONDS + ServerOptions().finish_seconds
    assert seconds(services()[node]["stop_grace_period"]) > needed + 5


def test_the_example_of_settings_is_one(tmp_path: Path) -> None:
    example = (FOLDER / "diyalog.example.toml").read_text("utf-8")
    key = tmp_path / "secret.key"
    key.write_text("00" * 32)
    everything = re.sub(r"^# (\w+ = )", r"\1", example, flags=re.MULTILINE)
    assert len(tomllib.loads(everything)) > len(tomllib.loads(example))
    for text in (example, everything):
        file = tmp_path / "diyalog.toml"
        file.write_text(text.replace("/etc/diyalog/secret.key", str(key)))
        assert isinstance(load({}, {}, file), Settings)


def test_the_pages_nats_configuration_is_one(tmp_path: Path) -> None:
    [line] = re.findall(r'^echo "(.*)" > secrets/nats\.conf$', PAGE.read_text("utf-8"), re.MULTILINE)
    written = line.replace('\\"', '"').replace("$(openssl rand -hex 24)", "ab" * 24)
    file = tmp_path / "nats.conf"
    file.write_text(written)
    checked = subprocess.run([NATS, "-t", "-c", file], capture_output=True, text=True, timeout=30, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_certificate_has_the_names_that_the_page_says() -> None:
    conf, page = (FOLDER / "nginx.conf").read_text("utf-8"), PAGE.read_text("utf-8")
    names = re.findall(r"/etc/nginx/tls/(\S+);", conf)
    assert len(names) == 2
    assert all(f"`tls/{name}`" in page for name in names)
    assert "./tls:/etc/nginx/tls:ro" in services()["proxy"]["volumes"]
