"""From where a request comes: the client's own address, behind proxies that the settings name."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from meze.accounts.visitor import Visitor
from meze.settings import IPNetwork
from meze.web.messages import Request

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_DEVICE_CHARACTERS = 200


def client_address(remote: str | None, headers: Mapping[str, str], trusted: Sequence[IPNetwork]) -> str | None:
    """Return the address that a request came from, None where there is none (a Unix socket).

    Each proxy adds the address of its own peer at the right end of `X-Forwarded-For`; what stands left of the first
    one that is not trusted was written by that client, who may write anything. The header means nothing where the peer
    itself is not trusted, and what cannot be read ends the chain at the last hop that can.
    """
    at = _read(remote or "")
    if at is None:
        return None
    for hop in reversed(headers.get("x-forwarded-for", "").split(",")):
        if not any(at in network for network in trusted):
            break
        before = _read(hop.strip())
        if before is None:
            break
        at = before
    return str(at)


def visitor_of(request: Request, trusted: Sequence[IPNetwork]) -> Visitor:
    """Return from where a request comes, as limits and the audit trail keep it."""
    agent = "".join(letter for letter in request.headers.get("user-agent", "") if letter.isprintable())
    return Visitor(
        address=client_address(request.remote, request.headers, trusted),
        device=agent[:_DEVICE_CHARACTERS].strip() or None,
        language=request.language,
    )


def _read(hop: str) -> IPAddress | None:
    """Return an address as proxies write it, with or without a port; an IPv4 address in IPv6's clothes as itself."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    if "%" in hop:  # the zone of an IPv6 address may be any text
        return None
    try:
        address = ipaddress.ip_address(hop)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
