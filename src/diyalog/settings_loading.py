"""Reading the settings: flags, environment, a TOML file; each value checked, and then all of them together."""

import difflib
import ipaddress
import ssl
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from diyalog.settings import PREFIX, Limits, Setting, Settings, SettingsError, every_setting

Refuse = Callable[[str, str], NoReturn]
"""Raises SettingsError for a setting, by name, saying what to do."""

CLIENT_VARIABLES: Final = frozenset({"DIYALOG_ACCESS_KEY_ID", "DIYALOG_ACCESS_KEY_SECRET", "DIYALOG_URL"})
"""What programs that call the server read (`diyalog sign`); the server itself ignores them."""

_MOST_RADIUS: Final = 24
_LOGO_BYTES: Final = 64 * 1024
_LOGO_HEIGHTS: Final = range(32, 1025)


def load(flags: Mapping[str, str], environ: Mapping[str, str], config_file: Path | None) -> Settings:
    """Read and check the settings; the first of flags, environment, file and defaults that gives one counts.

    `flags` maps setting names (`queue_timeout`) to text. An empty text in flags or environment counts as not given.
    Relative paths are taken from the working directory. Raises SettingsError.
    """
    known = {setting.name: setting for setting in every_setting()}
    _refuse_unknown_variables(environ, known)
    from_file = {} if config_file is None else _read_file(config_file, known)
    values: dict[str, Any] = {}
    given_as: dict[str, str] = {}
    for name, setting in known.items():
        if text := flags.get(name, ""):
            given_as[name] = f"{setting.variable} (given as {setting.flag})"
        elif text := environ.get(setting.variable, ""):
            given_as[name] = setting.variable
        elif name in from_file:
            given_as[name] = f"{setting.variable} (given as {name} in {config_file})"
        else:
            continue
        try:
            values[name] = setting.kind.from_text(text) if text else setting.kind.from_toml(from_file[name])
        except ValueError as wrong:
            raise SettingsError(given_as[name], str(wrong)) from None
    limits = Limits(**{name.removeprefix("limit_"): values.pop(name) for name in list(values) if name[:6] == "limit_"})
    settings = Settings(**values, limits=limits)
    _check(settings, {name: given_as.get(name, f"{setting.variable} (not given)") for name, setting in known.items()})
    return settings


def is_loopback(host: str) -> bool:
    """Tell whether a listen address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_unknown_variables(environ: Mapping[str, str], known: Mapping[str, Setting]) -> None:
    names = {setting.variable for setting in known.values()}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in names and name not in CLIENT_VARIABLES:
            near = _nearest(name.removeprefix(PREFIX).lower(), known)
            raise _unknown(name, None if near is None else near.variable)


def _read_file(file: Path, known: Mapping[str, Setting]) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            found = tomllib.load(stream)
    except OSError as wrong:
        raise SettingsError(f"--config {file}", f"cannot be read ({wrong.strerror}); name a TOML file") from None
    except ValueError as wrong:  # TOML that does not parse, bytes that are not UTF-8
        raise SettingsError(f"--config {file}", f"is not a TOML file: {wrong}") from None
    for name in found:
        if name not in known:
            near = _nearest(name, known)
            raise _unknown(f"{name} in {file}", None if near is None else near.name)
    return found


def _nearest(name: str, known: Mapping[str, Setting]) -> Setting | None:
    near = difflib.get_close_matches(name, known, n=1)
    return known[near[0]] if near else None


def _unknown(name: str, instead: str | None) -> SettingsError:
    return SettingsError(name, f"there is no such setting; {f'write {instead}, or ' if instead else ''}remove it")


def _check(settings: Settings, named: Mapping[str, str]) -> None:
    """Refuse settings that are right one by one and wrong together, and those that this version does not serve."""

    def refuse(name: str, what_to_do: str) -> NoReturn:
        raise SettingsError(named[name], what_to_do)

    if settings.database_url is not None and not settings.database_url.startswith(("postgresql://", "postgres://")):
        refuse("database_url", "must be a PostgreSQL address: postgresql://user:password@host:5432/database")
    if settings.bus_url is not None and settings.database_url is None:
        refuse(
            "bus_url",
            "nodes that share a bus share a database too; set DIYALOG_DATABASE_URL, or remove it: the embedded "
            "database serves one node",
        )
    if settings.workers == 0:
        refuse("workers", "must be 1 or more")
    if settings.workers > 1 and settings.database_url is None:
        refuse(
            "workers",
            "the embedded database serves one process; set DIYALOG_DATABASE_URL to a PostgreSQL database, or give 1",
        )
    _check_queue(settings, refuse)
    _check_tls(settings, refuse)
    _check_look(settings, refuse)
    if settings.production:
        _check_production(settings, refuse)
    elif settings.open_access and not is_loopback(settings.host) and not settings.i_know_this_is_open:
        refuse(
            "open_access",
            f"lets in anybody who reaches {settings.host}; listen on 127.0.0.1 or set DIYALOG_I_KNOW_THIS_IS_OPEN=true",
        )


def _check_queue(settings: Settings, refuse: Refuse) -> None:
    if settings.queue == "http" and settings.queue_url is None:
        refuse("queue_url", "DIYALOG_QUEUE=http needs it; give the base URL of CreateInteraction")
    if settings.queue == "builtin" and settings.queue_url is not None:
        refuse("queue_url", "contradicts DIYALOG_QUEUE=builtin; set DIYALOG_QUEUE=http or remove it")
    if settings.routing_file is not None and settings.queue != "builtin":
        refuse("routing_file", "is for the built-in queue; set DIYALOG_QUEUE=builtin or remove it")
    if settings.routing_file is not None and not settings.routing_file.is_file():
        refuse("routing_file", f"there is no file {str(settings.routing_file)!r}; name an existing file")


def _check_tls(settings: Settings, refuse: Refuse) -> None:
    if settings.tls_cert is not None and settings.tls_key is None:
        refuse("tls_key", "DIYALOG_TLS_CERT needs it; give the certificate's private key, or remove both")
    if settings.tls_key is not None and settings.tls_cert is None:
        refuse("tls_cert", "DIYALOG_TLS_KEY needs it; give the key's certificate, or remove both")
    for name, file in (("tls_cert", settings.tls_cert), ("tls_key", settings.tls_key)):
        if file is not None and not file.is_file():
            refuse(name, f"there is no file {str(file)!r}; name an existing PEM file")
    if settings.tls_cert is not None and settings.tls_key is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, "")
        except (ssl.SSLError, OSError):
            refuse(
                "tls_cert",
                "it and DIYALOG_TLS_KEY cannot be used together; give a PEM certificate chain and its own private key, "
                "not encrypted",
            )


def _check_look(settings: Settings, refuse: Refuse) -> None:
    if settings.company_radius > _MOST_RADIUS:
        refuse("company_radius", f"must be a whole number from 0 to {_MOST_RADIUS}, not {settings.company_radius}")
    for name, file in (("company_logo", settings.company_logo), ("company_texts", settings.company_texts)):
        if file is not None and not file.is_file():
            refuse(name, f"there is no file {str(file)!r}; name an existing file")
    if settings.company_logo is not None and (wrong := _wrong_with_logo(settings.company_logo.read_bytes())):
        refuse("company_logo", wrong)


def _wrong_with_logo(body: bytes) -> str | None:
    """Say why the bytes are no logo, None if they are one. No SVG: such a drawing may hold scripts."""
    width, height = int.from_bytes(body[16:20], "big"), int.from_bytes(body[20:24], "big")
    if body[:8] != b"\x89PNG\r\n\x1a\n" or body[12:16] != b"IHDR":
        return "must be a PNG file"
    if len(body) > _LOGO_BYTES or height not in _LOGO_HEIGHTS or not height / 2 <= width <= height * 6:
        return "must be at most 64 KiB, 32 to 1024 pixels high, and half to 6 times as wide as high"
    return None


def _check_production(settings: Settings, refuse: Refuse) -> None:
    if settings.open_access:
        refuse("open_access", "refused with DIYALOG_PRODUCTION=true; remove one of the two")
    key = settings.secret_key_file
    if key is None:
        refuse("secret_key_file", "DIYALOG_PRODUCTION=true needs it; name a key file outside the data folder")
    if not key.is_file():
        refuse(
            "secret_key_file", f"there is no file {str(key)!r}; restore it, or make a first one: openssl rand -hex 32"
        )
    if key.resolve().is_relative_to(settings.data_dir.resolve()):
        refuse("secret_key_file", "lies in the data folder that it protects; move it elsewhere")
    encrypted = settings.tls_cert is not None or settings.trusted_proxies
    if not encrypted and not is_loopback(settings.host):
        refuse(
            "host",
            "with DIYALOG_PRODUCTION=true other machines may reach it over TLS only; set DIYALOG_TLS_CERT and "
            "DIYALOG_TLS_KEY, or name the TLS proxy in DIYALOG_TRUSTED_PROXIES",
        )
