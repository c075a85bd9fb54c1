"""What the settings mean for each part of the server: units, defaults that depend on the machine, what goes where."""

import resource
from importlib.metadata import version
from pathlib import Path
from typing import Final

from diyalog.api.app import ApiPolicy
from diyalog.api.company_look import CompanyLook, read_look
from diyalog.domain.routing_rules import RoutingRules
from diyalog.protocol.help import HelpLimits
from diyalog.realtime.service import StreamPolicy
from diyalog.routing_file import RoutingFileError, read_routing_rules
from diyalog.server.options import ServerOptions
from diyalog.settings import Settings, SettingsError
from diyalog.usecases.access import AccessPolicy
from diyalog.usecases.waiting import WaitingPolicy

_DAY_MS: Final = 86_400_000
_SOCKET_SHARE: Final = 0.8
_STATIC: Final = Path(__file__).parent / "static"


def milliseconds(seconds: float) -> int:
    """Whole milliseconds of a setting in seconds."""
    return round(seconds * 1000)


def keep_ms(settings: Settings) -> int:
    """How long the data of an ended wait is kept, in milliseconds."""
    return round(settings.keep_days * _DAY_MS)


def keep_transcript_ms(settings: Settings) -> int | None:
    """How long what was written in a conversation is kept after its end, in milliseconds; None: as long as its wait."""
    return None if settings.keep_transcript_days is None else round(settings.keep_transcript_days * _DAY_MS)


def waiting_policy(settings: Settings) -> WaitingPolicy:
    """How long waits last, and by what rules. Raises SettingsError."""
    return WaitingPolicy(
        limit_ms=milliseconds(settings.wait_limit),
        abandon_ms=milliseconds(settings.abandon_after),
        queue_timeout_ms=milliseconds(settings.queue_timeout),
        builtin=settings.queue == "builtin",
        rules=routing_rules(settings),
    )


def routing_rules(settings: Settings) -> RoutingRules:
    """The rules of the built-in queue. Raises SettingsError for an unusable file."""
    if settings.routing_file is None:
        return RoutingRules()
    try:
        return read_routing_rules(settings.routing_file)
    except RoutingFileError as wrong:
        raise SettingsError("DIYALOG_ROUTING_FILE", str(wrong)) from None


def access_policy(settings: Settings) -> AccessPolicy:
    """Who is let in, and for how long."""
    return AccessPolicy(
        open_access=settings.open_access,
        token_lifetime_ms=milliseconds(settings.token_lifetime),
        hash_lifetime_ms=milliseconds(settings.hash_lifetime),
        keep_ms=keep_ms(settings),
    )


def api_policy(settings: Settings, epoch: str, limits: HelpLimits) -> ApiPolicy:
    """What the HTTP API allows and shows. `epoch` is the database's. Raises SettingsError for an unusable look."""
    return ApiPolicy(
        version=version("diyalog"),
        epoch=epoch,
        help_limits=limits,
        static=_STATIC,
        trusted_proxies=settings.trusted_proxies,
        allowed_origins=settings.allowed_origins,
        frame_ancestors=settings.frame_ancestors,
        look=_look(settings),
        auth_failures=settings.limits.auth_failures,
        starts=settings.limits.starts,
        chat=settings.limits.chat,
        body_bytes=settings.limits.body_bytes,
    )


def stream_policy(settings: Settings, limits: HelpLimits) -> StreamPolicy:
    """What event streams allow; `limits` are told to customers' apps."""
    return StreamPolicy(
        help_limits=limits,
        allowed_origins=settings.allowed_origins,
        sockets_per_customer=settings.limits.sockets_per_customer,
        messages_per_minute=settings.limits.messages,
    )


def server_options(settings: Settings) -> ServerOptions:
    """What the listening server is told."""
    limits = settings.limits
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ServerOptions(
        host=settings.host,
        port=settings.port,
        shared_port=settings.workers > 1,
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
        header_bytes=limits.header_bytes,
        frame_bytes=limits.frame_bytes,
        socket_limit=limits.sockets or int(descriptors * _SOCKET_SHARE),
        drain_seconds=settings.drain_seconds,
        other_nodes=settings.database_url is not None,
    )


def _look(settings: Settings) -> CompanyLook:
    try:
        return read_look(settings)
    except ValueError as wrong:
        raise SettingsError("DIYALOG_COMPANY_TEXTS", str(wrong)) from None
