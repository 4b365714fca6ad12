"""Requests of every kind to the app of the kitchen, and what of an answer must be the same by either door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask

from contracts.kitchen import ANNA, API, EDITOR


def exchanges() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield requests of every kind: method, path, and what else the test client is told."""
    anna, editor = ({"Authorization": f"Bearer {each.token}"} for each in (ANNA, EDITOR))
    for name in ("jazz", "café ü", "a/b", "100% ~"):
        yield "POST", "/labels", {"json": {"name": name, "count": 1}}
    yield "GET", "/labels", {}
    yield "HEAD", "/labels", {}
    yield "GET", "/labels/jazz", {}
    yield "HEAD", "/labels/jazz", {}
    yield "GET", "/labels/caf%C3%A9%20%C3%BC?fields=name", {}
    yield "GET", "/labels/a~1b", {}
    yield "GET", "/labels/a%2Fb", {}
    yield "GET", "/labels/%FF", {}
    yield "GET", "/labels?name__in=jazz,caf%C3%A9%20%C3%BC&sort=-name&limit=1&count=true", {}
    yield "GET", "/labels?name=%FF", {}
    yield "GET", "/labels?nane=x", {"headers": {"Accept-Language": "zh-CN"}}
    yield "GET", "/labels?format=csv", {}
    yield "HEAD", "/labels?format=csv", {}
    yield "GET", "/labels", {"headers": {"Accept": "application/x-ndjson"}}
    yield "GET", "/labels", {"headers": {"Accept": "text/html"}}
    yield "GET", "/labels/none", {}
    yield "PUT", "/labels/rock", {"json": {"count": 2}}
    yield "PATCH", "/labels/rock", {"json": {"count": 3}, "headers": {"If-Match": '"x"'}}
    yield "PATCH", "/labels/rock", {"json": {"count": "three"}}
    yield "PATCH", "/labels/rock", {"data": b"{", "headers": {"Content-Type": "application/json"}}
    yield "PATCH", "/labels/rock", {"data": b"{}", "headers": {"Content-Type": "text/plain"}}
    yield "POST", "/labels", {"json": {"name": "x" * 3000}}
    yield "POST", "/labels", {"data": b"name\nblues\n", "headers": {"Content-Type": "text/csv"}}
    yield "POST", "/labels", {"data": b'{"name": "cut', "headers": {"Content-Length": "100"}}
    yield "POST", "/labels", {"data": b'{"name": "a"}', "headers": {"Content_Type": "text/plain"}}
    yield "DELETE", "/labels/rock", {}
    yield "DELETE", "/labels/rock", {}
    yield "OPTIONS", "/labels", {}
    yield "OPTIONS", "/labels", {"headers": {"Origin": "https://else.example", "Access-Control-Request-Method": "PUT"}}
    yield "TRACE", "/labels/jazz", {}
    yield "BREW", "/labels", {}
    yield "QUERY", "/labels", {"json": {"where": {"count__gt": 0}, "sort": ["name"]}}
    yield "POST", "/labels/query", {"json": {"where": {}}}
    yield "POST", "/batch", {"json": {"operations": [{"method": "GET", "path": "/labels/jazz"}]}}
    yield "POST", "/notes", {"json": {"title": "mine"}, "headers": anna}
    yield "GET", "/notes/1", {"headers": anna}
    yield "GET", "/notes/1", {"headers": editor}
    yield "GET", "/notes", {"headers": {"Authorization": "Bearer nobody"}}
    yield "GET", "/sealed", {}
    yield "GET", "/nothing/here", {}
    yield "GET", "/labels/", {}
    yield "GET", "//labels", {}
    yield "GET", "", {}
    yield "GET", "/labels", {"headers": {"Host": "else.example"}}
    yield "GET", "/labels?" + "a" * 20_000, {}
    yield "GET", "/labels", {"headers": {"X-Long": "a" * 40_000}}
    yield "POST", "/articles", {"json": {"title": "A callable default"}, "headers": anna}


def told(app: flask.Flask, exchange: tuple[str, str, dict[str, Any]]) -> Any:
    method, path, options = exchange
    answer = app.test_client(use_cookies=False).open(API + path, method=method, **options)
    own = {"X-Request-ID", "Location", "ETag"} if path == "/articles" else {"X-Request-ID"}
    headers = [(name, value) for name, value in answer.headers if name not in own]
    body: Any = answer.data
    if answer.is_json and answer.data:
        # What is by chance: the id, defaults of the model, the nonce of a cursor.
        body = {name: value for name, value in answer.json.items() if name not in ("request_id", "code", "made_at")}
        body["next"] = (body.get("next") or "").partition("&cursor=")[0]
    return answer.status, headers, body
