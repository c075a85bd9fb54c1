"""Every setting of the server: one frozen tree, read once at the start, checked as a whole, then passed on.

A setting has one name. `queue_timeout` is the flag `--queue-timeout`, the environment variable
`DIYALOG_QUEUE_TIMEOUT` and the key `queue_timeout` of the TOML file; the first of these that is given counts, then
the default. What can be wrong with one value stands in `setting_kinds.py`; what can be wrong with several together
stands in `settings_loading.py`. `docs/settings.md` lists the same settings for operators; a test compares the two.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, get_type_hints

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
    USERS,
    Kind,
)

PREFIX: Final = "DIYALOG_"


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
    routing_file: Annotated[
        Path | None, About(FILE, "TOML file of the built-in queue's rules: opening hours, skills, when to give up.")
    ] = None
    supervisors: Annotated[tuple[str, ...], About(USERS, "User ids of the staff who may do what supervisors may.")] = ()
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
    keep_transcript_days: Annotated[
        float | None, About(SPAN, "Days messages and notes are kept after a conversation; unset: as long as its wait.")
    ] = None
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


def _of(tree: type[Struct], prefix: str) -> list[Setting]:
    hints = get_type_hints(tree, include_extras=True)
    return [
        Setting(prefix + field.name, about.kind, about.meaning, field.default)
        for field in fields(tree)
        for about in getattr(hints[field.name], "__metadata__", ())
    ]
