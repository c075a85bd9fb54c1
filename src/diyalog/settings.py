"""Every setting of the server: one frozen tree, read once at the start, checked as a whole, then passed on.

A setting has one name. `queue_timeout` is the flag `--queue-timeout`, the environment variable
`DIYALOG_QUEUE_TIMEOUT` and the key `queue_timeout` of the TOML file; the first of these that is given counts, then
the default. What can be wrong with one value stands in `setting_kinds.py`; what can be wrong with several together
stands in `_check` below. `docs/settings.md` lists the same settings for operators; a test compares the two.
"""

import difflib
import ipaddress
import ssl
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, get_type_hints

from msgspec import Struct
from msgspec.structs import fields

from diyalog.setting_kinds import (
    ADDRESS,
    ANCESTORS,
    ATTACHED_DATA,
    COLOUR,
    COUNT,
    DATABASE,
    FILE,
    FOLDER,
    LINKS,
    NAME,
    NETWORKS,
    ORIGINS,
    PHONE,
    PORT,
    QUEUE,
    SECONDS,
    SECONDS_OR_NONE,
    SPAN,
    SWITCH,
    TOKEN,
    URL,
    Kind,
)

Refuse = Callable[[str, str], NoReturn]
"""Raises SettingsError for a setting, by name, saying what to do."""

PREFIX: Final = "DIYALOG_"
CLIENT_VARIABLES: Final = frozenset({"DIYALOG_ACCESS_KEY_ID", "DIYALOG_ACCESS_KEY_SECRET", "DIYALOG_URL"})
"""What programs that call the server read (`diyalog sign`); the server itself ignores them."""


_MOST_RADIUS: Final = 24
_LOGO_BYTES: Final = 64 * 1024
_LOGO_HEIGHTS: Final = range(32, 1025)


class SettingsError(Exception):
    """A setting is wrong, or two contradict each other; the server must not start.

    `setting` names it the way the operator gave it, `what_to_do` says what is wrong and how to put it right.
    Its text is one line and holds no secret.
    """

    def __init__(self, setting: str, what_to_do: str) -> None:
        super().__init__(f"{setting}: {what_to_do}")
        self.setting = setting
        self.what_to_do = what_to_do


class About(Struct, frozen=True):
    """What a field of the tree carries for its reader: how its text is read, and its meaning for people."""

    kind: Kind
    meaning: str


class Limits(Struct, frozen=True, kw_only=True):
    """Limits on rates and sizes; 0 switches one off, except for `sockets`."""

    auth_failures: Annotated[
        int, About(COUNT, "Failed authentications a minute from one address; past it they are answered 429.")
    ] = 300
    starts: Annotated[int, About(COUNT, "Requests for help a minute by one customer.")] = 30
    chat: Annotated[int, About(COUNT, "Messages a minute by one side of one conversation.")] = 60
    sockets_per_customer: Annotated[int, About(COUNT, "Event streams that one customer may hold open.")] = 10
    sockets: Annotated[int, About(COUNT, "Event streams in all; 0 means 80 % of the descriptor limit.")] = 0
    header_bytes: Annotated[int, About(COUNT, "Largest header block of a request, in bytes.")] = 32_768
    body_bytes: Annotated[int, About(COUNT, "Largest body of a request, in bytes.")] = 65_536
    frame_bytes: Annotated[int, About(COUNT, "Largest message of a client on its event stream, in bytes.")] = 65_536
    messages: Annotated[int, About(COUNT, "Messages a minute from a client on one event stream.")] = 600


class Settings(Struct, frozen=True, kw_only=True):
    """The server's settings. Times are seconds unless the name says otherwise."""

    host: Annotated[str, About(ADDRESS, "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, About(PORT, "Port to listen on; 0 takes a free one.")] = 8080
    workers: Annotated[int, About(COUNT, "Server processes on this port; more than one need a shared database.")] = 1
    tls_cert: Annotated[
        Path | None, About(FILE, "Certificate chain (PEM), to serve HTTPS without a proxy; needs the key too.")
    ] = None
    tls_key: Annotated[Path | None, About(FILE, "Private key (PEM) of the certificate.")] = None
    trusted_proxies: Annotated[
        tuple[str, ...], About(NETWORKS, "Proxies whose Forwarded headers count: addresses or networks.")
    ] = ()
    production: Annotated[
        bool, About(SWITCH, "Refuse open access, a missing secret key and plain HTTP to the outside.")
    ] = False
    data_dir: Annotated[Path, About(FOLDER, "Folder of the embedded database, and of the secret key unless given.")] = (
        Path("./diyalog-data")
    )
    secret_key_file: Annotated[
        Path | None,
        About(FILE, "Key that encrypts secrets and personal data at rest; unset: made in the data folder."),
    ] = None
    database_url: Annotated[
        str | None,
        About(DATABASE, "PostgreSQL database that nodes share; unset: the embedded one of a single node."),
    ] = None
    bus_url: Annotated[
        str | None, About(DATABASE, "NATS servers that carry wake-ups between many nodes; unset: the database does.")
    ] = None
    queue: Annotated[
        Literal["builtin", "http"], About(QUEUE, "Which queue customers wait in: our own, or the company's over HTTP.")
    ] = "builtin"
    queue_url: Annotated[str | None, About(URL, "Base of CreateInteraction and DeleteInteraction.")] = None
    queue_timeout: Annotated[float, About(SECONDS, "Seconds a customer waits for CreateInteraction.")] = 10.0
    queue_repeatable: Annotated[
        bool, About(SWITCH, "The company answers a repeated CreateInteraction with the same interactionId.")
    ] = False
    attached_data: Annotated[
        Literal["object", "array"], About(ATTACHED_DATA, "Form of attachedData in CreateInteraction.")
    ] = "object"
    customer_auth_url: Annotated[str | None, About(URL, "Base of checkauthtoken, which confirms customers.")] = None
    staff_auth_url: Annotated[str | None, About(URL, "Base of CheckToken, which confirms staff.")] = None
    callout_token: Annotated[
        str | None, About(TOKEN, "Secret sent as Auth-Token to the company's services; better not as a flag.")
    ] = None
    open_access: Annotated[
        bool, About(SWITCH, "Let in customers without hash or token and staff without CheckToken; for trying out.")
    ] = False
    i_know_this_is_open: Annotated[
        bool, About(SWITCH, "Allow open access on an address that other machines reach.")
    ] = False
    allowed_origins: Annotated[
        tuple[str, ...], About(ORIGINS, "Browser origins that may use the APIs, besides the server's own.")
    ] = ()
    frame_ancestors: Annotated[
        tuple[str, ...], About(ANCESTORS, "Origins that may show the pages in a frame; none if unset.")
    ] = ()
    wait_limit: Annotated[float, About(SECONDS, "Seconds until a wait expires.")] = 1800.0
    abandon_after: Annotated[
        float, About(SECONDS, "Seconds without a sign of life of the customer's app until its wait expires.")
    ] = 300.0
    agent_lost_after: Annotated[
        float, About(SECONDS, "Seconds without a sign of life of an agent's desk until its conversations end.")
    ] = 120.0
    token_lifetime: Annotated[
        float, About(SECONDS, "Seconds a client token may start help, and a staff token may do anything.")
    ] = 86_400.0
    hash_lifetime: Annotated[float, About(SECONDS, "Seconds a transaction hash may be used.")] = 300.0
    keep_days: Annotated[float, About(SPAN, "Days an ended wait stays readable before it is deleted.")] = 30.0
    drain_seconds: Annotated[
        float, About(SECONDS_OR_NONE, "Seconds over which streams are closed when the server stops.")
    ] = 10.0
    debug_signatures: Annotated[
        bool, About(SWITCH, "Say in the log which part of a refused request was signed wrongly; for a while.")
    ] = False
    company_name: Annotated[str | None, About(NAME, "The company's name, on top of the customer's page.")] = None
    company_phone: Annotated[
        str | None, About(PHONE, "Number offered where help in the page ends, as people write it.")
    ] = None
    company_colour: Annotated[
        str | None, About(COLOUR, "The company's colour, #rrggbb; the page derives its tones from it.")
    ] = None
    company_links: Annotated[
        tuple[str, ...], About(LINKS, "Other ways to the company: text and address, a space between.")
    ] = ()
    company_hours_tr: Annotated[
        str | None, About(NAME, "When people answer the phone, on the Turkish page, such as Hafta içi 09.00-18.00.")
    ] = None
    company_hours_en: Annotated[str | None, About(NAME, "The same on the English page.")] = None
    company_logo: Annotated[
        Path | None, About(FILE, "Logo on top of the customer's page: a PNG file of at most 64 KiB.")
    ] = None
    company_radius: Annotated[
        int, About(COUNT, "Radius of the corners on the customer's page, in pixels, at most 24.")
    ] = 8
    company_texts: Annotated[Path | None, About(FILE, "TOML file of texts that replace the customer's page's own.")] = (
        None
    )
    limits: Limits = Limits()

    def __repr__(self) -> str:
        """Name the address only: the tree holds a secret."""
        return f"Settings({self.host}:{self.port})"


class Setting(Struct, frozen=True):
    """One setting as the operator meets it. `name` is the TOML key, `default` what holds when nothing is given."""

    name: str
    kind: Kind
    meaning: str
    default: object

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """Its flag on the command line."""
        return "--" + self.name.replace("_", "-")


def every_setting() -> tuple[Setting, ...]:
    """List all settings in the order of the tree, limits last and named `limit_...`."""
    own = (setting for setting in _of(Settings, "") if setting.name != "limits")
    return (*own, *_of(Limits, "limit_"))


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


def _of(tree: type[Struct], prefix: str) -> list[Setting]:
    hints = get_type_hints(tree, include_extras=True)
    return [
        Setting(prefix + field.name, about.kind, about.meaning, field.default)
        for field in fields(tree)
        for about in getattr(hints[field.name], "__metadata__", ())
    ]


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
    if settings.queue == "http" and settings.queue_url is None:
        refuse("queue_url", "DIYALOG_QUEUE=http needs it; give the base URL of CreateInteraction")
    if settings.queue == "builtin" and settings.queue_url is not None:
        refuse("queue_url", "contradicts DIYALOG_QUEUE=builtin; set DIYALOG_QUEUE=http or remove it")
    _check_tls(settings, refuse)
    _check_look(settings, refuse)
    if settings.production:
        _check_production(settings, refuse)
    elif settings.open_access and not is_loopback(settings.host) and not settings.i_know_this_is_open:
        refuse(
            "open_access",
            f"lets in anybody who reaches {settings.host}; listen on 127.0.0.1 or set DIYALOG_I_KNOW_THIS_IS_OPEN=true",
        )


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
