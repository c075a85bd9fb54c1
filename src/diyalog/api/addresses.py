"""Who is at the other end: the peer, or whom a trusted proxy says it speaks for."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from diyalog.api.exchange import Scope

_QUOTED: Final = r'"(?:[^"\\]|\\.)*+"'
_BALANCED: Final = re.compile(rf'(?:[^"]|{_QUOTED})*+', re.DOTALL)
_ELEMENTS: Final = re.compile(rf'(?:[^,"]|{_QUOTED})++', re.DOTALL)
_PAIRS: Final = re.compile(rf'(?:[^;"]|{_QUOTED})++', re.DOTALL)
_MOST_HOPS: Final = 16
_IPV6_CUSTOMER_BITS: Final = 64


class ClientAddresses:
    """Finds a request's client address. `trusted` are proxies, as addresses or networks (DIYALOG_TRUSTED_PROXIES)."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ip_network(network, strict=False) for network in trusted)

    def of(self, scope: Scope) -> str:
        """The client's address, of an IPv6 address its /64, which is what one customer has; empty when unknown.

        `Forwarded` (RFC 7239), else `X-Forwarded-For`, counts only from a trusted proxy, and is read from its end:
        the last address that is not a trusted proxy itself is the client.
        """
        client = scope.get("client")
        address = _parse(client[0]) if client else None
        if address is not None and self._trusts(address):
            for hop in reversed(_hops(scope["headers"])[-_MOST_HOPS:]):
                named = _parse(hop)
                if named is None:
                    break
                address = named
                if not self._trusts(address):
                    break
        return _key(address)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def _hops(headers: Sequence[tuple[bytes, bytes]]) -> list[str]:
    forwarded = ",".join(value.decode("latin-1") for name, value in headers if name == b"forwarded")
    if forwarded:
        # Quoted first: proxies put what the client sent into host="...", and it may look like a list of its own.
        elements = _ELEMENTS.findall(forwarded) if _BALANCED.fullmatch(forwarded) else ()
        return [_for(element) for element in elements]
    values = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return ",".join(values).split(",") if values else []


def _for(element: str) -> str:
    """The value of `for` in one element of `Forwarded`; empty without one."""
    for pair in _PAIRS.findall(element):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return str(value.strip().strip('"'))
    return ""


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _key(address: IPv4Address | IPv6Address | None) -> str:
    if address is None:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Address(int(address) >> _IPV6_CUSTOMER_BITS << _IPV6_CUSTOMER_BITS))
