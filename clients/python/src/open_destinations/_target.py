"""Reads a target as gRPC names it, as far as it says whether it is this machine."""

from __future__ import annotations

import ipaddress
import re

_SCHEME = re.compile(r"^(dns|ipv4|ipv6|unix|unix-abstract):", re.IGNORECASE)


def is_local(target: str) -> bool:
    """Whether the target can be no other machine than this one."""
    scheme = _SCHEME.match(target)
    if scheme and scheme[1].lower().startswith("unix"):
        return True
    rest = target[scheme.end() :] if scheme else target
    if rest.startswith("//"):
        rest = rest.removeprefix("//").partition("/")[2]  # dns://resolver/host:port
    return all(_is_local_host(_host(address)) for address in rest.split(","))


def _host(address: str) -> str:
    """The host of host, host:port, [v6] and [v6]:port."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    if address.count(":") > 1:
        return address
    return address.partition(":")[0]


def _is_local_host(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address == ipaddress.ip_address("::1") or address in ipaddress.ip_network("127.0.0.0/8")
