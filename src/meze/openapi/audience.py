"""What some caller may see and do: rules folded for every standing that they tell apart.

The document is one for all callers, so it names what any of them may meet, and nothing that none of them may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from meze.access.caller import NOBODY, Standing
from meze.access.policy import Policy
from meze.access.rule import EVERYBODY, NOBODY_AT_ALL, roles_in
from meze.resources.registry import Registry
from meze.resources.resource import ACTIONS, Field, Relation, Resource

_ROLES_TOGETHER = 8
"""With up to so many roles in a resource's rules every set of them is tried; with more, those of up to two, and all."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Who may try an action: anyone at all, or only who is signed in; and whether somebody may be told 403."""

    by_anyone: bool
    may_refuse: bool


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A resource as far as somebody may know of it.

    `fields` and `relations` are those that some caller may read, `askable` the fields that some caller may ask about,
    and `masked` those that are null for some caller on some rows. `open` are the names that some caller may write, by
    action (create, update), and `always_open` those that everyone may write who may do the action.
    """

    resource: Resource
    fields: Mapping[str, Field]
    askable: Mapping[str, Field]
    masked: frozenset[str]
    relations: Mapping[str, Relation]
    actions: Mapping[str, Passage]
    open: Mapping[str, frozenset[str]]
    always_open: Mapping[str, frozenset[str]]


def everything_seen(resources: Registry, policy: Policy) -> dict[str, Seen]:
    """Return each resource that somebody may meet, by its name."""
    found = {resource.name: _seen(resource, resources, policy) for resource in resources}
    return {name: seen for name, seen in found.items() if seen.actions}


def _seen(resource: Resource, resources: Registry, policy: Policy) -> Seen:
    standings = tuple(_standings(resource, resources, policy))
    able = {action: [each for each in standings if _may(resource, action, policy, each)] for action in ACTIONS}
    knowing = [each for each in standings if each in able["read"] or each in able["create"]]
    views = [policy.view(resource, each) for each in knowing]
    names = {name for view in views for name in view.fields}
    askable = {name for view in views for name in view.askable}
    related = {name for view in views for name in view.relations}
    writable = {action: [policy.writable(resource, each) for each in able[action]] for action in ("create", "update")}
    sometimes = [policy.conditional(resource, "write", each) for each in able["update"]]
    always = [names.difference(some) for names, some in zip(writable["update"], sometimes, strict=True)]
    return Seen(
        resource=resource,
        fields={name: each for name, each in resource.fields.items() if name in names},
        askable={name: each for name, each in resource.fields.items() if name in askable},
        masked=frozenset(name for view in views for name in view.fields.keys() - view.askable.keys()),
        relations={name: each for name, each in resource.relations.items() if name in related},
        actions={
            action: _passage(resource, action, policy, standings, able[action]) for action in ACTIONS if able[action]
        },
        open={action: frozenset().union(*sets) for action, sets in writable.items()},
        always_open={
            action: frozenset.intersection(*sets) if sets else frozenset()
            for action, sets in (writable | {"update": always}).items()
        },
    )


def _may(resource: Resource, action: str, policy: Policy, standing: Standing) -> bool:
    return all(policy.rule(resource, each, standing) != NOBODY_AT_ALL for each in _asked(action))


def _asked(action: str) -> tuple[str, ...]:
    """Return the rules that an action must pass: what may be changed is what may be read."""
    return (action,) if action in ("read", "create") else ("read", action)


def _passage(
    resource: Resource, action: str, policy: Policy, standings: tuple[Standing, ...], able: list[Standing]
) -> Passage:
    asked = _asked(action)
    # A row that may not be read is told as missing, so reading is refused only to callers who may read no row at all.
    refused = [each for each in standings if each.signed_in and each not in able]
    partly = [
        each for each in able if action != "read" and any(policy.rule(resource, a, each) != EVERYBODY for a in asked)
    ]
    return Passage(by_anyone=policy.standing(NOBODY) in able, may_refuse=bool(refused or partly))


def _standings(resource: Resource, resources: Registry, policy: Policy) -> Iterator[Standing]:
    """Yield every standing that the rules of the resource, or the reading of what it relates to, can tell apart."""
    yield policy.standing(NOBODY)
    roles = sorted(_roles(resource, resources, policy))
    sizes = range(len(roles) + 1) if len(roles) <= _ROLES_TOGETHER else (0, 1, 2, len(roles))
    for size in sizes:
        for held in combinations(roles, size):
            yield Standing(True, False, frozenset(held))
            yield Standing(True, True, frozenset(held))


def _roles(resource: Resource, resources: Registry, policy: Policy) -> frozenset[str]:
    targets = [resources.of(relation.model) for relation in resource.relations.values()]
    rules = [policy.declared(resource, action) for action in ACTIONS]
    rules += [policy.declared(target, "read") for target in targets if target is not None]
    rules += [
        policy.declared_field(resource, name, action) for name in resource.field_rules for action in ("read", "write")
    ]
    # Admins pass where a rule of a field does not let them through by itself.
    named = frozenset[str]().union(*(roles_in(rule) for rule in rules))
    return named | {"admin"} if resource.field_rules else named
