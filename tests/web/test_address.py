"""The client's address is the one that a trusted proxy saw, whatever the client writes."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from meze.web.address import client_address, visitor_of
from meze.web.messages import Request

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        pytest.param("203.0.113.7", None, "203.0.113.7", id="no-proxy"),
        pytest.param("203.0.113.7", "198.51.100.1", "203.0.113.7", id="who-is-no-proxy-may-write-what-it-likes"),
        pytest.param("10.0.0.1", "198.51.100.1", "198.51.100.1", id="behind-a-proxy"),
        pytest.param("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1", id="what-the-client-wrote-itself-is-left"),
        pytest.param("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1", id="behind-two-proxies"),
        pytest.param("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3", id="only-proxies"),
        pytest.param("10.0.0.1", "unknown", "10.0.0.1", id="garbage-ends-the-chain"),
        pytest.param("10.0.0.1", "198.51.100.1, x, 10.0.0.2", "10.0.0.2", id="garbage-ends-it-at-the-last-good-hop"),
        pytest.param("10.0.0.1", "", "10.0.0.1", id="an-empty-header"),
        pytest.param("10.0.0.1", "198.51.100.1:4711", "198.51.100.1", id="with-a-port"),
        pytest.param("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1", id="ipv6-with-a-port"),
        pytest.param("10.0.0.1", "2001:DB8:0::1", "2001:db8::1", id="ipv6-in-another-spelling"),
        pytest.param("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1", id="ipv4-within-ipv6"),
        pytest.param("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1", id="a-proxy-within-ipv6"),
        pytest.param("fd00::1", "198.51.100.1", "198.51.100.1", id="a-proxy-on-ipv6"),
        pytest.param("10.0.0.1", "fe80::1%" + "x" * 500, "10.0.0.1", id="a-zone-may-be-any-text"),
        pytest.param("10.0.0.1", "9" * 5000, "10.0.0.1", id="a-long-number"),
        pytest.param(None, "198.51.100.1", None, id="a-unix-socket"),
        pytest.param("", "198.51.100.1", None, id="a-peer-without-address"),
    ],
)
def test_the_address_is_the_nearest_that_is_no_trusted_proxy(remote, forwarded, address):
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}

    assert client_address(remote, headers, TRUSTED) == address


def test_nobody_is_trusted_unless_named():
    assert client_address("10.0.0.1", {"x-forwarded-for": "198.51.100.1"}, ()) == "10.0.0.1"


def test_a_visitor_is_told_by_address_device_and_language():
    headers = {"user-agent": "  Browser\r\n\x1b[31m/" + "7" * 500}

    visitor = visitor_of(Request("GET", "/", headers=headers, remote="203.0.113.7", language="zh"), ())

    assert visitor.address == "203.0.113.7"
    assert visitor.language == "zh"
    assert visitor.device is not None
    assert visitor.device.startswith("Browser[31m/777")
    assert len(visitor.device) <= 200


def test_a_device_that_says_nothing_is_not_known():
    assert visitor_of(Request("GET", "/", headers={"user-agent": " \t "}), ()).device is None
