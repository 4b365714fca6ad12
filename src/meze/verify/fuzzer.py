"""Ask the operations of an OpenAPI document for what schemathesis makes up of it, each request as several callers.

What the answers are held to is in `promises.py`. A route of the user's own is no operation of ours: it is not in the
document, and where it stands in the place of one that is (`/`, `/health/live`, one key's address), it is not asked.
"""

from __future__ import annotations

import heapq
import random
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode, Response
from schemathesis.core.failures import CustomFailure, Failure, FailureGroup
from schemathesis.generation.feedback import NO_FEEDBACK
from werkzeug.exceptions import HTTPException

from meze.databases.own import OwnBase
from meze.verify import wire
from meze.verify.callers import Actor
from meze.verify.client import Exchange, Reply
from meze.verify.finding import Finding
from meze.verify.knock import Scene
from meze.verify.promises import CHECKS, configuration, not_of
from meze.verify.restore import restore
from meze.verify.stage import Stage
from meze.verify.world import World

DOOR = "fuzz"
_CASES = 4
"""How many requests are made up for one turn."""
_WIDE = 10
"""Of more parameters that may be left out, so many are looked at in a turn: all at once take seconds to make up."""
_TURNS = 12
"""After so many turns an operation has been asked enough, whatever time is left."""
_KNOWN = 0.75
"""How many of the keys in addresses are those of rows that are there."""
_LONGEST = 400
_ORIGIN = "http://localhost:8000"
_OF_TRANSPORT = {"content-length", "user-agent", "accept-encoding", "connection", "authorization"}
_OURS = "meze"
"""The endpoint that Flask's map has for what Meze answers."""
_BOUNDED = hypothesis.settings(
    max_examples=_CASES + 1,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


class Fuzzer:
    """Reads the document of the stage's app. `left_out` says why it could not be read, where it could not."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._seed = seed
        self._scene = Scene(stage)
        tables = dict.fromkeys((*stage.world.tables, *OwnBase.metadata.tables.values()))
        self._before = World.read(stage.database.engine, tables)
        wanted = [actor for actor in stage.actors if actor.name in ("admin", "alice")]
        self._actors = (*wanted, stage.actors[0])
        self._known: set[tuple[str, str]] = set()
        self.operations = 0
        self.left_out: str | None = None
        self._document: Any = self._read()

    @property
    def requests(self) -> int:
        return self._scene.client.sent

    def close(self) -> None:
        self._scene.close()

    def turns(self, until: float) -> Iterator[list[Finding]]:
        """Ask every operation in turns until that moment of the monotonic clock, and yield what each turn found."""
        found = [each.ok() for each in self._document.get_all_operations()] if self._document is not None else []
        # However short the time is, some are reached of every kind.
        random.Random(self._seed).shuffle(found)  # noqa: S311 - no secret
        waiting = [(0.0, number, each, 0) for number, each in enumerate(found)]
        while waiting and time.monotonic() < until:
            used, number, operation, turn = heapq.heappop(waiting)
            self.operations += turn == 0
            begun = time.monotonic()
            yield self._turn(operation, turn)
            if turn + 1 < _TURNS:
                heapq.heappush(waiting, (used + time.monotonic() - begun, number, operation, turn + 1))

    def _read(self) -> Any:
        actor = self._actors[0]
        reply = self._scene.client.send(Exchange("GET", "/openapi.json", actor.headers))
        if reply.status != 200 or not isinstance(reply.json, dict) or "openapi" not in reply.json:
            self.left_out = f"/openapi.json is no OpenAPI document: {reply.told}"
            return None
        return schemathesis.openapi.from_dict(reply.json, config=configuration())

    # Making up -------------------------------------------------------------------------------------------------

    def _turn(self, operation: Any, turn: int) -> list[Finding]:
        found: list[Finding] = []
        chance = random.Random(f"{self._seed} {operation.label} {turn}")  # noqa: S311 - no secret
        for case in self._cases(self._narrowed(operation, chance), turn, chance):
            for actor in self._actors:
                found += self._asked(case, actor)
        return found

    def _narrowed(self, operation: Any, chance: random.Random) -> Any:
        """Return an operation with as many parameters as can be made up in no time, other ones each time."""
        raw = self._document.raw_schema
        item = raw["paths"][operation.path]
        said = item[operation.method]
        free = [each for each in said.get("parameters", ()) if _may_be_left_out(raw, each)]
        if len(free) <= _WIDE:
            return operation
        left_out = chance.sample(free, len(free) - _WIDE)
        kept = [each for each in said["parameters"] if each not in left_out]
        paths = {operation.path: {**item, operation.method: {**said, "parameters": kept}}}
        narrow = schemathesis.openapi.from_dict({**raw, "paths": paths}, config=configuration())
        return narrow[operation.path][operation.method.upper()]

    def _cases(self, operation: Any, turn: int, chance: random.Random) -> list[Case[Any]]:
        """Return what is sent in a turn: the document's examples, then what fits it and what does not by turns."""
        mode = GenerationMode.NEGATIVE if turn % 2 else GenerationMode.POSITIVE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            strategies = operation.get_strategies_from_examples(feedback=NO_FEEDBACK) if turn == 0 else ()
            cases = [case for each in strategies for case in _drawn(each, chance)[:1]]
            # The first is the simplest of all, in every turn.
            made = _drawn(operation.as_strategy(mode, feedback=NO_FEEDBACK), chance)
        cases += made if turn < len(GenerationMode) else made[1:]
        if mode.is_positive:
            for case in cases:
                self._lead_somewhere(case, chance)
        for case in cases:
            assert case.meta is None or case.meta  # what was changed is looked at again, and then it is settled
            case.freeze_metadata()
        return cases

    def _lead_somewhere(self, case: Case[Any], chance: random.Random) -> None:
        """Let an address be that of a row that is there, most of the time."""
        name = case.path.removeprefix(f"{self._stage.prefix}/").partition("/")[0]
        resource = self._stage.resources.named(name)
        if resource is None or list(case.path_parameters) != ["key"] or chance.random() > _KNOWN:
            return
        rows = self._stage.world.of(resource)
        if rows:
            row = chance.choice(rows)
            first = wire.shown(resource.key[0], row.of(resource.key[0]))
            single = len(resource.key) == 1 and isinstance(first, int)
            case.path_parameters = {"key": first if single else unquote(wire.key_of(resource, row))}

    # Asking ----------------------------------------------------------------------------------------------------

    def _asked(self, case: Case[Any], actor: Actor) -> Iterator[Finding]:
        """Send a request as a caller, bring back the rows that it changed, and yield what is wrong with the answer."""
        prepared = requests.Request(**case.as_transport_kwargs(base_url=_ORIGIN)).prepare()
        exchange = _exchange(prepared, actor)
        if self._is_theirs(exchange):
            return
        scene = self._scene
        scene.watch.changed()
        try:
            reply = scene.client.send(exchange)
        except Exception as error:
            self._bring_back()
            yield from self._new(case, actor, exchange, "The app let an exception out", "an answer", repr(error))
            return
        changed = scene.watch.changed()
        if changed:
            self._bring_back()
        # What was changed may be shown in the answer, though it was not to be seen before.
        for leak in () if changed and reply.status < 400 else scene.leaks(actor, reply):
            what = "The answer holds a value that this caller may not read"
            yield from self._new(case, actor, exchange, what, "no such value", leak)
        failure = _broken(case, reply, prepared)
        if failure is not None:
            what, expected = _told(failure)
            yield from self._new(case, actor, exchange, what, expected, reply.told, kind=failure.title)

    def _new(
        self,
        case: Case[Any],
        actor: Actor,
        exchange: Exchange,
        what: str,
        expected: str,
        got: str,
        *,
        kind: str | None = None,
    ) -> Iterator[Finding]:
        """Yield a finding, the first of its kind of this operation alone."""
        label = case.operation.label
        if (label, kind or what) in self._known:
            return
        self._known.add((label, kind or what))
        name = case.path.removeprefix(f"{self._stage.prefix}/").partition("/")[0]
        what = f"{label}: {what}"
        yield Finding(DOOR, name, actor.name, what, expected[:_LONGEST], got[:_LONGEST], exchange.curl)

    def _is_theirs(self, exchange: Exchange) -> bool:
        """Say whether a route of the user's own answers this request."""
        url_map = getattr(self._stage.wsgi, "url_map", None)
        if url_map is None:
            return False
        path = unquote(exchange.path.partition("?")[0])
        try:
            endpoint, _ = url_map.bind("localhost").match(path, method=exchange.method)
        except HTTPException:
            return False
        return bool(endpoint != _OURS)

    def _bring_back(self) -> None:
        """Undo what a request did, to accounts too: every token is good again."""
        changed = restore(self._stage.database.engine, self._before)
        own = set(OwnBase.metadata.tables.values())
        accounts = self._stage.accounts
        if accounts is not None and any(change.table in own for change in changed):
            for actor in self._actors:
                if actor.caller.id is not None:
                    accounts.sessions.forget(actor.caller.id)
        self._scene.watch.changed()


def _may_be_left_out(document: Any, parameter: Any) -> bool:
    named = parameter.get("$ref", "").removeprefix("#/components/parameters/")
    said = document["components"]["parameters"][named] if named else parameter
    return said["in"] == "query" and not said.get("required", False)


def _drawn(strategy: SearchStrategy[Case[Any]], chance: random.Random) -> list[Case[Any]]:
    """Return what Hypothesis draws, the simplest first; nothing where nothing can be drawn."""
    drawn: list[Case[Any]] = []

    @hypothesis.seed(chance.getrandbits(64))
    @_BOUNDED
    @hypothesis.given(strategy)
    def draw(case: Case[Any]) -> None:
        drawn.append(case)

    # An operation without parameters cannot be asked wrongly.
    with suppress(Unsatisfiable):
        draw()
    return drawn


def _exchange(prepared: requests.PreparedRequest, actor: Actor) -> Exchange:
    """Return a request as it is sent, and as curl sends it again."""
    headers = {
        name: value if isinstance(value, str) else value.decode("latin1")
        for name, value in prepared.headers.items()
        if name.lower() not in _OF_TRANSPORT and not name.lower().startswith("x-schemathesis")
    }
    body = prepared.body or b""
    content = body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogatepass")
    known = actor.name if actor.headers else None
    return Exchange(prepared.method or "GET", prepared.path_url, {**headers, **actor.headers}, content, known)


def _broken(case: Case[Any], reply: Reply, prepared: requests.PreparedRequest) -> Failure | None:
    """Return what the document promises and an answer does not keep, the first of several."""
    headers = {name: [value] for name, value in reply.headers.items()}
    answer = Response(reply.status, headers, reply.body, prepared, elapsed=0.0, verify=False)
    try:
        case.validate_response(answer, checks=CHECKS, excluded_checks=list(not_of(case)))
    except FailureGroup as failed:
        return min((each for each in failed.exceptions if isinstance(each, Failure)), key=_rank)
    return None


def _rank(failure: Failure) -> int:
    """Return how far behind a failure stands: in the order of the checks, those of our own last."""
    names = [check.__name__ for check in CHECKS]
    return min((names.index(name) for name in failure.checks if name in names), default=len(names))


def _told(failure: Failure) -> tuple[str, str]:
    """Return what is wrong, and what the document says."""
    message = " ".join(failure.message.split())
    if isinstance(failure, CustomFailure):
        return message, "what the OpenAPI document says"
    return failure.title, message
