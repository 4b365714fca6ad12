"""Clients that write as fast as they are answered, and note in the ledger what they were told."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from chaos.ledger import Ledger, Outcome, Write
from chaos.server import Server

PATH = "/api/v1/entries"
NOBODY = 10**12
"""No row has this key."""

# What clients do, and how often of a hundred times. What begins with `refused` must be refused.
SHARES = {
    "create": 42,
    "patch": 30,
    "create three": 8,
    "refused: the marker is taken": 5,
    "refused: a check": 5,
    "refused: a foreign key, at the commit": 5,
    "refused: a trigger that ends the transaction": 3,
    "refused: the last of three": 2,
}
FORBIDDEN = "forbidden"
"""A marker that begins so is refused by a trigger."""


class Clients:
    """So many connections, each with markers of its own, whose writes go into one ledger."""

    def __init__(self, ledger: Ledger, count: int, seed: int, *, only: str | None = None) -> None:
        self._ledger = ledger
        self._numbers = itertools.count(1)
        shares = SHARES if only is None else {only: 1}
        self._clients = [_Client(number, random.Random(f"{seed} {number}"), shares) for number in range(count)]  # noqa: S311 - the same chance in every run

    @contextmanager
    def writing(self, server: Server) -> Iterator[None]:
        """Write while in the `with`. Afterwards every answer was noted, and nothing is under way."""
        over = threading.Event()
        with ThreadPoolExecutor(len(self._clients)) as threads:
            writing = [
                threads.submit(client.write_until, over, server.port, self._ledger, self._numbers)
                for client in self._clients
            ]
            try:
                yield
            finally:
                over.set()
        for client in writing:
            client.result()


class _Client:
    def __init__(self, number: int, chance: random.Random, shares: Mapping[str, int]) -> None:
        self._name = f"client-{number}"
        self._chance = chance
        self._kinds, self._weights = list(shares), list(shares.values())
        self._markers = itertools.count(1)
        self._keys: dict[str, int] = {}
        """The keys of the rows that this client knows to be there."""

    def write_until(self, over: threading.Event, port: int, ledger: Ledger, numbers: Iterator[int]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not over.is_set():
            try:
                connection.connect()
                while not over.is_set():
                    self._write(connection, ledger, numbers)
            except (OSError, http.client.HTTPException):
                over.wait(0.01)
            finally:
                connection.close()

    def _write(self, connection: http.client.HTTPConnection, ledger: Ledger, numbers: Iterator[int]) -> None:
        (kind,) = self._chance.choices(self._kinds, self._weights)
        if not self._keys and kind not in ("create", "create three"):
            kind = "create"
        method, path, body = self._request(kind, numbers)
        bodies = body if isinstance(body, list) else [body]
        rows = {each["marker"]: each["number"] for each in bodies}
        if method == "PATCH":
            body = {name: value for name, value in body.items() if name != "marker"}
        write = Write(rows, time.monotonic_ns(), kind=kind)
        ledger.writes.append(write)
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        write.answered, write.status = time.monotonic_ns(), answer.status
        if answer.status < 300:
            write.outcome = Outcome.ACKNOWLEDGED
            if method == "POST":
                made = json.loads(told)
                self._keys |= {each["marker"]: each["id"] for each in made.get("items", [made])}
        elif answer.status < 500:
            write.outcome = Outcome.REFUSED

    def _request(self, kind: str, numbers: Iterator[int]) -> tuple[str, str, Any]:
        body = self._row(numbers)
        if kind == "create three":
            return "POST", PATH, [body, self._row(numbers), self._row(numbers)]
        if kind == "refused: the last of three":
            last = self._row(numbers)
            return "POST", PATH, [body, self._row(numbers), last | {"number": -last["number"], "twin": -last["number"]}]
        if kind == "patch":
            body["marker"] = self._chance.choice(list(self._keys))
            return "PATCH", f"{PATH}/{self._keys[body['marker']]}", body
        if kind == "refused: the marker is taken":
            body["marker"] = self._chance.choice(list(self._keys))
        elif kind == "refused: a check":
            body["number"] = body["twin"] = -body["number"]
        elif kind == "refused: a foreign key, at the commit":
            body["parent_id"] = NOBODY
        elif kind == "refused: a trigger that ends the transaction":
            body["marker"] = f"{FORBIDDEN} {body['marker']}"
        return "POST", PATH, body

    def _row(self, numbers: Iterator[int]) -> dict[str, Any]:
        number = next(numbers)
        return {"marker": f"{self._name} {next(self._markers)}", "number": number, "twin": number}
