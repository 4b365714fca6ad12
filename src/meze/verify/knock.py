"""One caller before one door of one resource: what is asked there, what must come, and what is noted where it does not.

The Scene is what all knocks of a run share.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from meze.resources.resource import Resource
from meze.verify import wire
from meze.verify.callers import Actor
from meze.verify.client import JSON, Client, Exchange, Reply
from meze.verify.finding import Finding
from meze.verify.orders import Orders
from meze.verify.sight import Sight
from meze.verify.stage import Stage
from meze.verify.watch import Watch
from meze.verify.world import Change, Row, World, changes_between

T = TypeVar("T")

ENOUGH = 4
"""After so many findings a knock is over: what follows says the same."""
_CANARY = re.compile(rb"canary-[A-Za-z0-9_]+-[A-Za-z0-9_]+-[0-9]+")
_OWN = "meze_"


class Enough(Exception):
    """This knock found what it found."""


class Scene:
    """A stage with what was worked out of it: who sees what, and where each canary lives."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.client = Client(stage.wsgi)
        self.watch = Watch(stage.database.engine)
        self.orders = Orders(stage.database.engine)
        self.writes = 0
        self._sights: dict[str, Sight] = {}
        self._first: dict[Any, str] = {}
        self._canaries = self._homes()

    def close(self) -> None:
        self.watch.close()

    def sight(self, actor: Actor) -> Sight:
        if actor.name not in self._sights:
            self._sights[actor.name] = Sight(self.stage.judge, actor, self.orders)
        return self._sights[actor.name]

    def restored(self) -> World:
        """Bring the rows back to what they were, and return what they had become."""
        after = self.stage.stored()
        self.stage.restore(changes_between(self.stage.world, after))
        return after

    def is_first(self, actor: Actor, resource: Resource) -> bool:
        """Say whether nobody of this kind came before, to whom the rules leave the same questions: a kind is looked at
        closely once, and everyone else in passing."""
        sight, judge = self.sight(actor), self.stage.judge
        seen = [resource, *(sight.target(resource, name) for name in sight.relations(resource))]
        left = tuple((judge.settled(actor, "read", each), tuple(sight.states(each).items())) for each in seen)
        kind = (resource.name, actor.caller.id is None, sight.relations(resource), left)
        return self._first.setdefault(kind, actor.name) == actor.name

    def leaks(self, actor: Actor, reply: Reply) -> Iterable[str]:
        """Yield the values in an answer that the caller may read nowhere, and did not send."""
        sent = reply.exchange.path.encode() + reply.exchange.body
        sight = self.sight(actor)
        for found in dict.fromkeys(_CANARY.findall(reply.body)):
            homes = self._canaries.get(found)
            if homes and found not in sent and not any(sight.may_know(*home) for home in homes):
                resource, row, name = homes[0]
                yield f"{resource.name}.{name} of {wire.key_of(resource, row)}: {found.decode()}"

    def _homes(self) -> dict[bytes, list[tuple[Resource, Row, str]]]:
        homes: dict[bytes, list[tuple[Resource, Row, str]]] = {}
        for resource in self.stage.resources:
            for row in self.stage.world.of(resource):
                for name, field in resource.fields.items():
                    value = row.of(field)
                    if isinstance(value, str):
                        for found in _CANARY.findall(value.encode("utf-8", "replace")):
                            homes.setdefault(found, []).append((resource, row, name))
        return homes


@dataclass(frozen=True, eq=False)
class Written:
    """What a write did: its answer, what became of the rows, and the rows afterwards (the same ones where nothing)."""

    reply: Reply
    changes: tuple[Change, ...]
    world: World


class Knock:
    """Doors ask and compare through this. `found` fills as they do."""

    def __init__(self, door: str, actor: Actor, resource: Resource, scene: Scene) -> None:
        self.door = door
        self.actor = actor
        self.resource = resource
        self.scene = scene
        self.sight = scene.sight(actor)
        self.judge = scene.stage.judge
        self.closely = scene.is_first(actor, resource)
        self.random = random.Random(f"{scene.stage.seed} {door} {actor.name} {resource.name}")  # noqa: S311 - no secret
        self.found: list[Finding] = []

    # Asking ----------------------------------------------------------------------------------------------------

    def path(self, *rest: str, **parameters: Any) -> str:
        """Return an address of the resource: of a row where `rest` is its key, with a query."""
        return self.path_of(self.resource, *rest, query=list(parameters.items()))

    def path_of(self, resource: Resource, *rest: str, query: Sequence[tuple[str, Any]] = ()) -> str:
        path = "/".join((self.scene.stage.prefix, resource.name, *rest))
        return f"{path}?{urlencode([(name, str(value)) for name, value in query])}" if query else path

    def row_path(self, row: Row, **parameters: Any) -> str:
        return self.path(wire.key_of(self.resource, row), **parameters)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] = {},
        raw: bytes | None = None,
        actor: Actor | None = None,
        moved: bool = False,
    ) -> Reply:
        """Send a request as the caller. What comes is searched for what this caller may not read, unless values were
        `moved` to other rows."""
        actor = actor or self.actor
        content = wire.body(body) if raw is None and body is not None else raw or b""
        typed = {"Content-Type": JSON} if content and "Content-Type" not in headers else {}
        known = actor.name if actor.headers else None
        exchange = Exchange(method, path, {**actor.headers, **typed, **headers}, content, known)
        reply = self.scene.client.send(exchange)
        if reply.status >= 500:
            self.note("The request ended in an error of the server", "no 5xx", reply.told, reply)
        for leak in () if moved else self.scene.leaks(actor, reply):
            self.note("The answer holds a value that this caller may not read", "no such value", leak, reply)
        return reply

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def write(self, method: str, path: str, body: Any = None, **options: Any) -> Written:
        """Send a request that may change rows, see what it did, and bring the rows back to what they were."""
        scene = self.scene
        scene.watch.changed()
        before = scene.stage.world
        try:
            reply = self.ask(method, path, body, **options)
        except Enough:
            scene.stage.restore()
            raise
        if not scene.watch.changed():
            return Written(reply, (), before)
        after = scene.restored()
        found = changes_between(before, after)
        scene.writes += bool(found)
        return Written(reply, tuple(each for each in found if not each.table.name.startswith(_OWN)), after)

    # Comparing -------------------------------------------------------------------------------------------------

    def note(self, what: str, expected: Any, got: Any, reply: Reply) -> None:
        """Note a finding."""
        self.found.append(
            Finding(
                self.door,
                self.resource.name,
                self.actor.name,
                what,
                _short(expected),
                _short(got),
                reply.exchange.curl,
            )
        )
        if len(self.found) >= ENOUGH:
            raise Enough

    def same(self, what: str, expected: Any, got: Any, reply: Reply) -> bool:
        """Note a finding where what came is not what must come; say whether it is."""
        if expected == got:
            return True
        if isinstance(expected, dict) and isinstance(got, dict):
            expected, got = differing(expected, got)
        self.note(what, expected, got, reply)
        return False

    def status(self, what: str, expected: int | Iterable[int], reply: Reply) -> bool:
        """Note a finding where the status is none of those expected; say whether it is one."""
        allowed = (expected,) if isinstance(expected, int) else tuple(expected)
        if reply.status in allowed:
            return True
        self.note(what, " or ".join(map(str, allowed)), reply.told, reply)
        return False

    def refused(self, what: str, status: int, code: str, reply: Reply) -> bool:
        """Note a finding where an answer is not this problem; say whether it is."""
        if (reply.status, reply.code) == (status, code):
            return True
        self.note(what, f"{status} {code}", reply.told, reply)
        return False

    def closed(self, *actions: str, reply: Reply) -> bool:
        """Say whether no row can pass for this caller, in which case the answer must say so and no more."""
        status = self.sight.refusal(self.resource, *actions)
        if status is None:
            return False
        self.status("Nobody of this kind may do this with any row", status, reply)
        return True

    def shut(self, *actions: str) -> bool:
        """Say whether no row can pass for this caller."""
        return self.sight.refusal(self.resource, *actions) is not None

    def unchanged(self, what: str, written: Written) -> None:
        """Note a finding where a write that was to be refused did something."""
        if written.changes:
            self.note(f"{what}: it was refused, and yet rows were changed", "no change", _told(written), written.reply)

    # Choosing --------------------------------------------------------------------------------------------------

    def some(self, of: Iterable[T], most: int, closely: int | None = None) -> list[T]:
        """Return at most so many at random: `closely` where this caller sees what nobody before saw."""
        chosen = list(of)
        limit = most if not self.closely else closely if closely is not None else len(chosen)
        return chosen if len(chosen) <= limit else self.random.sample(chosen, limit)


def differing(expected: Mapping[str, Any], got: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return of two objects the members in which they differ."""
    names = [
        name for name in {**expected, **got} if (name in expected, expected.get(name)) != (name in got, got.get(name))
    ]
    return (
        {name: expected[name] for name in names if name in expected},
        {name: got[name] for name in names if name in got},
    )


def bare(reply: Reply) -> Any:
    """Return what an answer says without what differs between any two: its status, and its body but for the id."""
    said = reply.json
    if isinstance(said, dict):
        said = {name: value for name, value in said.items() if name != "request_id"}
    return reply.status, said if said is not None else reply.body


def _told(written: Written) -> str:
    parts = []
    for each in written.changes[:3]:
        key = "/".join(map(str, each.key))
        how = (
            "made"
            if each.before is None
            else "deleted"
            if each.after is None
            else f"changed in {', '.join(each.columns)}"
        )
        parts.append(f"{each.table.name} {key} {how}")
    return "; ".join(parts)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 400 else f"{text[:400]}…"
