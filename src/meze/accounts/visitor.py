"""From where somebody calls, as far as a request tells: for limits, the audit trail and the language of mail."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visitor:
    """`address` is the client's own, behind trusted proxies; `device` is what its User-Agent says, shortened."""

    address: str | None = None
    device: str | None = None
    language: str = "en"

    @property
    def network(self) -> str:
        """What attempts are counted by: one household has a whole IPv6 /64 to call from."""
        if self.address is None:
            return "unknown"
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address
        if address.version == 4:
            return str(address)
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))

    @property
    def site(self) -> str:
        """What one customer has at most: an IPv6 /48, or an IPv4 address."""
        network = self.network
        if "/" not in network:
            return network
        return str(ipaddress.ip_network(network).supernet(new_prefix=48))
