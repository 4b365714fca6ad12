"""Go through every door of every resource as every caller, as far as the time reaches."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from meze.resources.resource import Resource
from meze.verify.callers import Actor
from meze.verify.doors import DOORS, Door
from meze.verify.finding import Finding
from meze.verify.knock import Enough, Knock, Scene
from meze.verify.stage import Stage

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is tried: names of doors, resources and callers; everything where none is named. `first`: no further than
    to the first finding."""

    doors: Collection[str] = ()
    resources: Collection[str] = ()
    actors: Collection[str] = ()
    first: bool = False


@dataclass(slots=True)
class Attack:
    """What a run came to. `skipped` are the doors that the time did not reach, by the number of their knocks."""

    findings: list[Finding] = field(default_factory=list)
    requests: int = 0
    writes: int = 0
    knocks: int = 0
    seconds: float = 0.0
    skipped: dict[str, int] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)


def attack(stage: Stage, chosen: Chosen, seconds: float, progress: Progress = lambda _done, _all: None) -> Attack:
    """Try what is chosen for at most so many seconds, doors in their order."""
    started, done = time.monotonic(), Attack()
    scene = Scene(stage)
    knocks = list(_knocks(stage, chosen))
    try:
        for at, (door, actor, resource) in enumerate(knocks):
            begun = time.monotonic()
            if begun - started > seconds or (chosen.first and done.findings):
                done.skipped[door.name] = done.skipped.get(door.name, 0) + 1
                continue
            progress(at, len(knocks))
            done.findings += _tried(door, actor, resource, scene)
            done.knocks += 1
            done.timings[door.name] = done.timings.get(door.name, 0.0) + time.monotonic() - begun
    finally:
        scene.close()
    done.requests, done.writes = scene.client.sent, scene.writes
    done.seconds = time.monotonic() - started
    return done


def _knocks(stage: Stage, chosen: Chosen) -> Iterator[tuple[Door, Actor, Resource]]:
    for door in DOORS.values():
        for resource in stage.resources.served:
            for actor in stage.actors:
                wanted = ((chosen.doors, door.name), (chosen.resources, resource.name), (chosen.actors, actor.name))
                if all(not names or name in names for names, name in wanted):
                    yield door, actor, resource


def _tried(door: Door, actor: Actor, resource: Resource, scene: Scene) -> list[Finding]:
    knock = Knock(door.name, actor, resource, scene)
    with suppress(Enough):
        door.knock(knock)
    return knock.found
