"""Where webhooks may be sent: to public addresses, and to networks that the operator allows.

Names are resolved here and the connection goes to the address that was looked at, so that a name
which points elsewhere a moment later gains nothing.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx

from shared.settings import Settings, SettingsError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

URL_CHARACTERS_MAX = 2048
PORT_MAX = 65535
RESOLVE_SECONDS_MAX = 5.0
# As it is asked for: in letters of DNS, or an address.
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_PORTS = {"https": 443, "http": 80}
# What of IPv6 is given out to hosts: the rest is local, for tunnels (NAT64) or nobody's.
_UNICAST = ipaddress.ip_network("2000::/3")
# 6to4 leads to any IPv4 address; the others are for protocols, relays and documentation.
_NOT_PUBLIC = tuple(
    map(ipaddress.ip_network, ("2002::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24"))
)
# A thread waits for an answer of DNS as long as the system does: a slow name holds up no other.
_RESOLVERS = ThreadPoolExecutor(64, thread_name_prefix="resolve")


class Refused(Exception):
    """Nothing is sent to this url; the message says why and what was expected."""


class Unresolved(Exception):
    """The name has no address at the moment."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, or of itself."""
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(RESOLVE_SECONDS_MAX):
            found = await asyncio.get_running_loop().run_in_executor(_RESOLVERS, look)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise Unresolved(f"{host} has no address: {type(error).__name__}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(slots=True, frozen=True)
class Guard:
    """`allowed` networks may be sent to although they are not public, also without TLS."""

    allowed: tuple[Network, ...] = ()
    resolve: Resolve = resolve

    async def addresses(self, url: httpx.URL) -> list[str]:
        """The addresses to connect to, one at least; raises Refused and Unresolved."""
        host = host_of(url)
        found = await self.resolve(host, url.port or _PORTS[url.scheme])
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
        for address in addresses:
            if not self._is_allowed(address):
                if not _is_public(address):
                    # Which address is not said: names of networks inside are nobody's business.
                    raise Refused(f"{host} is not public: expected a public address")
                if url.scheme != "https":
                    raise Refused("expected https")
        if not addresses:
            raise Unresolved(f"{host} has no address")
        return [str(address) for address in addresses]

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self.allowed)


def guard(settings: Settings) -> Guard:
    """The guard that the settings ask for; raises SettingsError."""
    texts = [text.strip() for text in settings.tanzhang_webhook_allow.split(",")]
    try:
        return Guard(tuple(ipaddress.ip_network(text) for text in texts if text))
    except ValueError as error:
        raise SettingsError(
            f"TANZHANG_WEBHOOK_ALLOW: {error}; expected networks such as 10.1.0.0/16,fd00::/8"
        ) from error


def parsed(text: str) -> httpx.URL:
    """The url of a receiver; raises Refused with what was expected."""
    expected = "expected an https url with a host, without user, password or fragment"
    if len(text) > URL_CHARACTERS_MAX:
        raise Refused(f"expected at most {URL_CHARACTERS_MAX} characters")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise Refused(expected) from None
    if url.scheme not in _PORTS or url.userinfo or url.fragment:
        raise Refused(expected)
    if not _HOST.fullmatch(host_of(url)):
        raise Refused(expected)
    # httpx reads any whole number.
    if url.port is not None and not 1 <= url.port <= PORT_MAX:
        raise Refused(f"expected a port from 1 to {PORT_MAX}")
    return url


def host_of(url: httpx.URL) -> str:
    """The host as it goes over the wire: a name in letters of DNS, or an address."""
    return url.raw_host.decode("ascii")


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address not in _UNICAST:
            return False
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast
