"""Say what every caller may do with every row, by a reading of the rules that shares no code with what serves them.

The user's own expressions are evaluated in Python over rows in memory (`three.py`), as they were declared. Nothing of
`access/{read,rule,policy}.py` is used here: a fault there must not be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal

from sqlalchemy.sql.visitors import iterate

from meze.access.caller import Caller
from meze.access.terms import HasRole
from meze.resources.registry import Registry
from meze.resources.resource import Field, Relation, Resource
from meze.verify.callers import Actor
from meze.verify.three import Evaluator, Truth, conjunction, disjunction
from meze.verify.world import Row, World, kinds_of

Readable = Literal["open", "shown", "masked", "closed"]
"""`open`: on every row. `shown`, `masked`: the row decides, and this one shows it or has null in its place. `closed`:
as if there were no such field."""

_GRANTS: Mapping[str, tuple[str, ...]] = {
    "read": ("read", "update", "delete", "write"),
    "create": ("create", "write"),
    "update": ("update", "write"),
    "delete": ("delete", "write"),
}
"""Which `<resource>:<scope>` of an API key let it do what."""


class Judge:
    """Judges over the rows of `world`; `over` gives one that judges over those of another moment."""

    def __init__(self, world: World, resources: Registry, evaluator: Evaluator) -> None:
        self.world = world
        self.resources = resources
        self.evaluator = evaluator
        self._truths: dict[tuple[Caller, str, str, int], Truth] = {}

    def over(self, world: World) -> Judge:
        """Return a judge of the same rules over other rows, such as those after a request."""
        return Judge(world, self.resources, self.evaluator.over(world))

    # Rows ------------------------------------------------------------------------------------------------------

    def allows(self, actor: Actor, action: str, resource: Resource, row: Row) -> bool:
        """Say whether an actor may do `action` with `row`: a stored one, or one as it would be (`Row.changed`).

        What is updated or deleted must be readable too. An update asks this of the old row and of the new one, though
        the new one need not be readable: ask `truth` of it.
        """
        asked = ("read", action) if action in ("update", "delete") else (action,)
        return all(self.truth(actor, each, resource, row) is True for each in asked)

    def truth(self, actor: Actor, action: str, resource: Resource, row: Row) -> Truth:
        """Return what the rule of `action` alone says of a row: the admin's passage, the scopes of a key, and the kinds
        of a class hierarchy included. None is SQL's third value, which lets nothing through."""
        stored = row in self.world
        at = (actor.caller, action, resource.name, id(row))
        if stored and at in self._truths:
            return self._truths[at]
        truth = self._truth(actor.caller, action, resource, row)
        if stored:
            self._truths[at] = truth
        return truth

    def _truth(self, caller: Caller, action: str, resource: Resource, row: Row) -> Truth:
        if not reaches(caller, resource.name, action):
            return False
        kinds = kinds_of(resource)
        if kinds is not None:
            discriminator = resource.mapper.polymorphic_on
            assert discriminator is not None
            if row[discriminator.key] not in kinds:
                return False
        rule = resource.rules.get(action)
        said: Truth = False if rule is None else self.evaluator.truth(rule, {resource.table: row}, caller)
        return disjunction((resource.admin and caller.is_admin, said))

    def settled(self, actor: Actor, action: str, resource: Resource) -> Truth:
        """Return what the caller alone decides of an action: True or False for every row, None where rows are asked.

        Where it is False the whole of the address is refused with 401 or 403, whichever row is named. Of update and
        delete `read` is not asked along with it here.
        """
        caller = actor.caller
        if not reaches(caller, resource.name, action):
            return False
        rule = resource.rules.get(action)
        said: Truth = False if rule is None else self.evaluator.settled(rule, caller)
        said = disjunction((resource.admin and caller.is_admin, said))
        return conjunction((None, said)) if kinds_of(resource) is not None else said

    def visible(self, actor: Actor, resource: Resource) -> tuple[Row, ...]:
        """Return the rows of a resource that an actor may read, in the order of the table's key."""
        return tuple(row for row in self.world.of(resource) if self.allows(actor, "read", resource, row))

    def may_refer(self, actor: Actor, field: Field, value: Any) -> bool:
        """Say whether an actor may let a foreign key of one column point at `value`: at a row that they may read."""
        assert field.foreign is not None
        target = self.resources.of_table(field.foreign.table)
        found = self.world.where(field.foreign.table, field.foreign.key, value)
        if target is None:
            return bool(found)
        return any(self.allows(actor, "read", target, row) for row in found)

    # Fields and relations --------------------------------------------------------------------------------------

    def readable_fields(self, actor: Actor, resource: Resource, row: Row | None = None) -> dict[str, Readable]:
        """Return how each field of a resource is shown to an actor: of `row`, or of none in particular.

        Without a row, a field of which the row decides is `masked`: it may not be asked about.
        """
        return {name: self._readable(actor.caller, resource, name, row) for name in resource.fields}

    def _readable(self, caller: Caller, resource: Resource, name: str, row: Row | None) -> Readable:
        rule, passes = self._field_rule(caller, resource, name, "read")
        if passes is not None:
            return "open" if passes else "closed"
        if row is None or self.evaluator.truth(rule, {resource.table: row}, caller) is not True:
            return "masked"
        return "shown"

    def may_write_field(self, actor: Actor, resource: Resource, name: str, *rows: Row) -> bool:
        """Say whether the field's own rule lets an actor write it: true of every one of `rows`.

        A create gives the row as it would be, an update the old row and the new one; without any, whether there may be
        rows where they can. Keys, owners and what the database makes are closed beside this.
        """
        rule, passes = self._field_rule(actor.caller, resource, name, "write")
        if passes is not None:
            return passes
        return all(self.evaluator.truth(rule, {resource.table: row}, actor.caller) is True for row in rows)

    def _field_rule(self, caller: Caller, resource: Resource, name: str, action: str) -> tuple[Any, Truth]:
        """Return the rule of a field as it was written, and what the caller alone decides of it.

        A field that nobody at all may read or write is closed to the role admin too.
        """
        rules = resource.field_rules.get(name)
        if rules is None:
            return None, True
        if rules.hidden:
            return None, False
        rule = rules.read if action == "read" or rules.write is None else rules.write
        if rule is None:
            return None, True
        if resource.admin and caller.is_admin and self._holds_for_some(rule):
            return rule, True
        return rule, self.evaluator.settled(rule, caller)

    def _holds_for_some(self, rule: Any) -> bool:
        roles = sorted({each.role for each in iterate(rule) if isinstance(each, HasRole)})
        held = (frozenset(some) for size in range(len(roles) + 1) for some in combinations(roles, size))
        people = (Caller(id, email, roles=names) for names in held for id, email in ((None, None), (0, "a@b")))
        return any(self.evaluator.settled(rule, each) is not False for each in people)

    def relations(self, actor: Actor, resource: Resource) -> tuple[str, ...]:
        """Return the names of the relations that an actor may know of.

        A relation is known where some row of its target may be read, and of the table between where that is a resource,
        and where every column that it compares is open: where a key leads would tell what the key is.
        """
        return tuple(name for name, each in resource.relations.items() if self._may_cross(actor, resource, each))

    def _may_cross(self, actor: Actor, resource: Resource, relation: Relation) -> bool:
        target = self.resources.of(relation.model)
        if target is None or self.settled(actor, "read", target) is False:
            return False
        between = None if relation.through is None else self.resources.of_table(relation.through)
        if between is not None and self.settled(actor, "read", between) is False:
            return False
        holders = [each for each in (resource, target, between) if each is not None]
        for column in relation.compared:
            if column.table is relation.through and between is None:
                continue
            held = [(each, each.field_of(column)) for each in holders if each.table is column.table]
            known = [self._readable(actor.caller, each, field.name, None) for each, field in held if field is not None]
            if "open" not in known or "closed" in known or "masked" in known:
                return False
        return True

    def related(self, resource: Resource, name: str, row: Row) -> list[Row]:
        """Return the rows that a relation of `row` leads to, whoever may read them, in the order of their keys."""
        relation = resource.relations[name]
        target = self.resources.of(relation.model)
        assert target is not None
        return [found for found in self.world.of(target) if self.evaluator.is_related(relation, row, found)]

    # Why -------------------------------------------------------------------------------------------------------

    def owner_of(self, resource: Resource, row: Row) -> Any:
        """Return who owns a row, None where nobody does or the resource has no owners."""
        return None if resource.owner is None else row.of(resource.owner)


def reaches(caller: Caller, resource_name: str, action: str) -> bool:
    """Say whether the scopes of a key reach as far as `action`; a caller without any is not limited."""
    scopes = caller.scopes
    if scopes is None or "write" in scopes or "admin" in scopes:
        return True
    if action == "read" and "read" in scopes:
        return True
    return any(f"{resource_name}:{scope}" in scopes for scope in _GRANTS[action])
