"""Read what is asked to be explained: `GET /api/v1/trips?public=true`, and the body where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from meze.errors import Mistake
from meze.records.urls import key_values
from meze.resources.registry import Registry
from meze.resources.resource import Resource, nearest

ACTIONS_OF_METHODS = {
    "GET": "read",
    "HEAD": "read",
    "QUERY": "read",
    "POST": "create",
    "PUT": "update",
    "PATCH": "update",
    "DELETE": "delete",
}
FORM = "query"
"""What stands in the place of a key where a POST asks for a list."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request, as far as rules are concerned. `key` is None for the collection, and `address` the key's text.

    `bad_key` says that the address holds what is no key of the resource's.
    """

    method: str
    path: str
    query: str
    resource: Resource
    action: str
    address: str | None = None
    key: tuple[Any, ...] | None = None

    @property
    def bad_key(self) -> bool:
        return self.address is not None and self.key is None

    @property
    def changes(self) -> bool:
        """Say whether the request would change anything."""
        return self.action != "read"

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f"?{self.query}" if self.query else "")


def split_request(written: str) -> tuple[str, str, str]:
    """Return method, decoded path and query of `GET /path?query`; GET where no method is written.

    Raises:
        Mistake: it is no request.
    """
    method, _, address = written.strip().partition(" ")
    if not address and method.startswith("/"):
        method, address = "GET", method
    parts = urlsplit(address.strip())
    if not method.isalpha() or not parts.path.startswith("/"):
        raise Mistake(f"`{written}` is no request.", 'Write method and path: meze explain "GET /api/v1/trips?sort=-id"')
    return method.upper(), unquote(parts.path), parts.query


def question_at(method: str, path: str, query: str, prefix: str, resources: Registry) -> Question | None:
    """Return what a request asks of a resource, None where it is answered by none."""
    inside = path[len(prefix) + 1 :] if path.startswith(f"{prefix}/") else ""
    name, slash, address = inside.partition("/")
    resource = resources.named(name)
    if resource is None or not resource.served or (slash and not address) or method not in ACTIONS_OF_METHODS:
        return None
    if not slash:
        return None if method == "PUT" else Question(method, path, query, resource, ACTIONS_OF_METHODS[method])
    if address == FORM and method == "POST":
        return Question(method, path, query, resource, "read")
    if method in ("POST", "QUERY"):
        return None
    return one_row(method, path, query, resource, ACTIONS_OF_METHODS[method], address)


def one_row(method: str, path: str, query: str, resource: Resource, action: str, address: str) -> Question:
    """Return the question about one row, by its key as it stands in an address."""
    values = key_values(resource.key, address)
    return Question(method, path, query, resource, action, address, None if values is None else tuple(values))


def question_of(method: str, path: str, query: str, prefix: str, resources: Registry) -> Question:
    """Return what a request asks of a resource.

    Raises:
        Mistake: no rule has a part in answering it.
    """
    found = question_at(method, path, query, prefix, resources)
    if found is not None:
        return found
    served = [each.name for each in resources.served]
    if method not in ACTIONS_OF_METHODS:
        raise Mistake(f"{method} is not explained.", f"Explain one of {', '.join(ACTIONS_OF_METHODS)}.")
    near = nearest(path.removeprefix(f"{prefix}/").partition("/")[0], served)
    hint = f"Did you mean {prefix}/{near}? " if near else ""
    raise Mistake(
        f"{method} {path} is answered by no rule: only the addresses of resources are.",
        f"{hint}The resources are {', '.join(f'{prefix}/{each}' for each in served) or 'none yet'}.",
    )


def row_of(written: str, action: str, prefix: str, resources: Registry) -> Question:
    """Return the question about the row that `trips/7` names.

    Raises:
        Mistake: it names none.
    """
    name, _, address = unquote(written.strip("/")).partition("/")
    resource = resources.named(name)
    if resource is None or not resource.served or not address:
        served = [each.name for each in resources.served]
        near = nearest(name, served) or next(iter(served), "trips")
        raise Mistake(f"`{written}` names no row.", f"Write a resource and a key: --why {near}/7")
    return one_row("GET", f"{prefix}/{name}/{address}", "", resource, action, address)
