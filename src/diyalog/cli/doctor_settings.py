"""`diyalog doctor`: what is set, what is odd, what is unsafe."""

import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from diyalog.cli.doctor_finding import Finding, fail, ok, warn
from diyalog.settings import Settings, every_setting
from diyalog.settings_loading import is_loopback

CHECK: Final = "settings"
_SECRETS: Final = frozenset({"callout_token", "database_url", "bus_url"})
_ADDRESSES: Final = ("queue_url", "customer_auth_url", "staff_auth_url")


def check_settings(settings: Settings, flags: Collection[str], config: Path | None) -> list[Finding]:
    """Look at settings that were read and fit together. `flags`: names of those that were given as flags."""
    return [
        ok(CHECK, _what_is_set(settings)),
        *_reachable(settings),
        *_others_addresses(settings),
        *_disclosing(settings, flags, config),
        *_odd(settings),
    ]


def _what_is_set(settings: Settings) -> str:
    texts = []
    for setting in every_setting():
        limit = setting.name.removeprefix("limit_")
        value = getattr(settings, setting.name) if limit == setting.name else getattr(settings.limits, limit)
        if value != setting.default:
            texts.append(f"{setting.name}={_shown(setting.name, value)}")
    return "set: " + " ".join(texts) if texts else "nothing is set, all defaults"


def _shown(name: str, value: object) -> str:
    if name in _SECRETS:
        return "(secret)"
    if name in _ADDRESSES:
        return origin(str(value)) + urlsplit(str(value)).path
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(map(str, value))
        case float():
            return f"{value:.15g}"
        case _:
            return str(value)


def origin(url: str) -> str:
    """The address of a URL, without a user and password that it may hold."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _reachable(settings: Settings) -> Iterator[Finding]:
    """Who gets in, and how safely."""
    outside = not is_loopback(settings.host)
    if settings.open_access and outside:
        yield fail(
            CHECK,
            f"open access on {settings.host}: whoever reaches this address gets in as any customer or agent",
            "remove DIYALOG_OPEN_ACCESS, or listen on 127.0.0.1",
        )
    elif settings.open_access:
        yield warn(
            CHECK,
            "open access: customers and staff are not checked",
            "remove DIYALOG_OPEN_ACCESS before anybody relies on it",
        )
    if outside and settings.tls_cert is None and not settings.trusted_proxies:
        yield fail(
            CHECK,
            f"plain HTTP on {settings.host}: tokens and personal data can be read on the way",
            "set DIYALOG_TLS_CERT and DIYALOG_TLS_KEY, or name the TLS proxy in DIYALOG_TRUSTED_PROXIES",
        )
    if outside and not settings.production:
        yield warn(CHECK, "not in production mode", "set DIYALOG_PRODUCTION=true, which refuses unsafe settings")
    if settings.production and settings.i_know_this_is_open:
        yield warn(CHECK, "i_know_this_is_open has no effect here", "remove DIYALOG_I_KNOW_THIS_IS_OPEN")


def _others_addresses(settings: Settings) -> Iterator[Finding]:
    """Addresses of proxies, services and pages."""
    for network in settings.trusted_proxies:
        if network.endswith("/0"):
            yield fail(
                CHECK,
                f"trusted_proxies={network}: everybody may name a false client address",
                "name only your proxy's address in DIYALOG_TRUSTED_PROXIES",
            )
    for name in _ADDRESSES:
        url = getattr(settings, name)
        if url is not None and urlsplit(url).scheme == "http" and not is_loopback(urlsplit(url).hostname or ""):
            found = f"{name} is not https: the token and personal data go there in clear"
            yield warn(CHECK, found, f"give an https address in DIYALOG_{name.upper()}")
    for kind in ("allowed_origins", "frame_ancestors"):
        for page in getattr(settings, kind):
            if page.startswith("http:") and not is_loopback(urlsplit(page).hostname or ""):
                yield warn(
                    CHECK, f"{kind} names {page}: such a page can be changed on the way", "name its https origin"
                )


def _disclosing(settings: Settings, flags: Collection[str], config: Path | None) -> Iterator[Finding]:
    """What tells others too much, or lets them try too often."""
    if "callout_token" in flags:
        found = "the call-out token was given as a flag: everybody who lists processes sees it"
        yield warn(CHECK, found, "give it as DIYALOG_CALLOUT_TOKEN in the environment")
    if (
        config is not None
        and settings.callout_token is not None
        and config.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    ):
        yield warn(CHECK, f"others may read {config}", f"if it holds the token: chmod 600 {config}")
    if settings.limits.auth_failures == 0:
        yield warn(CHECK, "failed authentications are not limited", "remove DIYALOG_LIMIT_AUTH_FAILURES=0")
    if settings.debug_signatures:
        yield warn(CHECK, "refused signatures are explained in the log", "remove DIYALOG_DEBUG_SIGNATURES when done")


def _odd(settings: Settings) -> Iterator[Finding]:
    if settings.queue_timeout >= settings.wait_limit:
        found = f"the queue may take {settings.queue_timeout:g} s, and a wait ends after {settings.wait_limit:g} s"
        yield warn(CHECK, found, "make DIYALOG_QUEUE_TIMEOUT much smaller than DIYALOG_WAIT_LIMIT")
    if settings.abandon_after > settings.wait_limit:
        found = f"abandon_after={settings.abandon_after:g} never counts: waits end after {settings.wait_limit:g} s"
        yield warn(CHECK, found, "make DIYALOG_ABANDON_AFTER smaller than DIYALOG_WAIT_LIMIT")
    if settings.hash_lifetime > settings.token_lifetime:
        yield warn(CHECK, "a transaction hash lives longer than the token it brings", "look at DIYALOG_HASH_LIFETIME")
    if settings.callout_token is not None and all(getattr(settings, name) is None for name in _ADDRESSES):
        yield warn(CHECK, "callout_token is set, and no service is called", "set the service's address, or remove it")
    for name in ("header_bytes", "body_bytes", "frame_bytes"):
        size = getattr(settings.limits, name)
        if 0 < size < 1024:
            yield warn(CHECK, f"limit_{name}={size} refuses usual requests", f"raise DIYALOG_LIMIT_{name.upper()}")
