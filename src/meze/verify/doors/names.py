"""Names of what is hidden: asked for in every parameter, they are answered as names of what does not exist."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

from meze.resources.resource import Resource
from meze.verify.client import Reply
from meze.verify.conditions import paths
from meze.verify.knock import Knock

_PARAMETERS = ("q", "sort", "limit", "cursor", "page", "count", "etag", "fields", "expand", "aggregate", "group")
_HINT = re.compile(r" Did you mean '[^']*'\?|你是指“[^”]*”吗？")
_NONE = "zqxjkvwzq"


def knock(at: Knock) -> None:
    if at.shut("read"):
        return
    for before, resource in [((), at.resource), *at.some(paths(at, at.resource, 1), 1, 6)]:
        names = [*_closed_fields(at, resource), *_closed_relations(at, resource)]
        for name in names:
            for ask in at.some(_questions(at, resource, before, name), 2, 8 if before else 30):
                _compare(at, resource, name, ask)
            for ask in at.some(_questions(at, resource, before, name), 1, 4):
                _misspelt(at, resource, name, ask)


def _closed_fields(at: Knock, resource: Resource) -> list[str]:
    return [name for name, state in at.sight.states(resource).items() if state != "open"]


def _closed_relations(at: Knock, resource: Resource) -> list[str]:
    known = at.sight.relations(resource)
    return [name for name in resource.relations if name not in known]


Question = tuple[str, str, Any]
"""Method, query and body, where {} stands for the name."""


def _questions(at: Knock, resource: Resource, before: tuple[str, ...], name: str) -> Iterator[Question]:
    path = "".join(f"{each}__" for each in before)
    state = at.sight.states(resource).get(name)
    for query in (
        f"{path}{{}}=1",
        f"{path}{{}}__isnull=true",
        f"{path}{{}}__ne=1",
        f"{path}{{}}__in=1,2",
        f"{path}{{}}__startswith=c",
        f"sort={path}{{}}",
        f"sort=-{path}{{}}",
        f"aggregate=count&group={path}{{}}",
        f"aggregate=max:{path}{{}}",
        f"aggregate=count:{path}{{}}",
        f"aggregate=count_distinct:{path}{{}}",
        f"format=csv&sort={path}{{}}",
        f"format=ndjson&{path}{{}}__gt=1",
    ):
        yield "GET", query, None
    yield "QUERY", "", {"where": {f"{path}{{}}": 1}}
    yield "QUERY", "", {"where": {"not": {f"{path}{{}}__isnull": True}}}
    yield "QUERY", "", {"sort": [f"{path}{{}}"]}
    if not before and at.sight.refusal(at.resource, "delete") is None and not at.resource.require_match:
        yield "DELETE", f"{path}{{}}=1", None
    if state != "masked":
        yield "GET", f"fields={path}{{}}", None
        yield "GET", f"expand={path}{{}}", None
    if state is None:
        yield "GET", f"{path}{{}}__id=1", None
        yield "GET", f"{path}{{}}__id__isnull=true", None
        yield "GET", f"fields={path}{{}}__id", None


def _compare(at: Knock, resource: Resource, name: str, question: Question) -> None:
    said, nothing = _ask(at, question, name), _ask(at, question, _NONE)
    what = f"{resource.name}.{name} is hidden, and asked about it is told apart from what does not exist"
    if said.status != 400 or said.code not in ("unknown_field", "unknown_parameter"):
        at.note(what, "400 unknown_field", said.told, said)
        return
    one, other = _plain(said), _plain(nothing).replace(_NONE, name)
    near = difflib.get_close_matches(question[1].split("=")[0].format(name), _PARAMETERS, n=1, cutoff=0.6)
    if not near:
        at.same(what, other, one, said)


def _misspelt(at: Knock, resource: Resource, name: str, question: Question) -> None:
    """Ask for a name that is nearly a hidden one: no answer may suggest that."""
    reply = _ask(at, question, f"{name[:-1]}x" if len(name) > 3 else f"{name}x")
    for entry in (reply.json or {}).get("errors", ()) if isinstance(reply.json, dict) else ():
        if entry.get("params", {}).get("nearest") == name:
            at.note(f"The answer suggests {resource.name}.{name}, which is hidden", "no such hint", reply.told, reply)


def _ask(at: Knock, question: Question, name: str) -> Reply:
    method, query, body = question
    path = at.path() + (f"?{query.replace('{}', name)}" if query else "")
    filled = None if body is None else json.loads(json.dumps(body).replace("{}", name))
    return at.ask(method, path, filled)


def _plain(reply: Reply) -> str:
    """Return a problem without its id and without the hint at what may have been meant."""
    said = dict(reply.json)
    said.pop("request_id", None)
    for entry in said.get("errors", ()):
        entry.get("params", {}).pop("nearest", None)
    return _HINT.sub("", json.dumps(said, ensure_ascii=False))
