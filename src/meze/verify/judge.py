"""Say what every caller may do with every row, by a reading of the rules that shares no code with what serves them.

The user's own expressions are evaluated in Python over rows in memory (`three.py`), as they were declared. Nothing of
`access/{read,rule,policy}.py` is used here: a fault there must not be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal

from sqlalchemy import ForeignKeyConstraint, and_, false, or_
from sqlalchemy.sql.elements import AsBoolean, False_, True_
from sqlalchemy.sql.visitors import iterate

from meze.access.caller import ADMIN, Caller
from meze.access.tenant import InTenant
from meze.access.terms import Anyone, HasRole
from meze.access.words import expression_words
from meze.resources.registry import Registry
from meze.resources.resource import Relation, Resource
from meze.verify.callers import Actor
from meze.verify.three import Evaluator, Truth, is_negation, shape_of
from meze.verify.world import Row, World

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
        self._wholes: dict[tuple[str, str], Any] = {}

    def over(self, world: World) -> Judge:
        """Return a judge of the same rules over other rows, such as those after a request."""
        other = Judge(world, self.resources, self.evaluator.over(world))
        other._wholes = self._wholes
        return other

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
        return self.evaluator.truth(self._whole(resource, action), {resource.table: row}, caller)

    def _whole(self, resource: Resource, action: str) -> Any:
        """Return what an action asks of a row and a caller, as one expression: the rule as it was declared, with the
        admin's passage, the tenant's bounds and the kinds of a class hierarchy."""
        at = (resource.name, action)
        if at not in self._wholes:
            rule = resource.rules.get(action)
            whole = self._bounded(resource, action, false() if rule is None else rule)
            if resource.restriction is not None:
                whole = resource.restriction if _is(whole, True) else and_(resource.restriction, whole)
            self._wholes[at] = whole
        return self._wholes[at]

    def _bounded(self, resource: Resource, action: str, rule: Any) -> Any:
        passable = _or_admin(rule) if resource.admin else rule
        tenants = self.evaluator.tenants
        if tenants is None or not tenants.bounds(
            resource.name, action, is_tenant=resource.table is tenants.tenancy.tenant
        ):
            return passable
        member = InTenant(tenants.tenancy.declaration, None)
        if resource.admin and tenants.tenancy.admin:
            return _or_admin(_both(member, rule))
        return _both(_or_admin(member) if tenants.tenancy.admin else member, passable)

    def settled(self, actor: Actor, action: str, resource: Resource) -> Truth:
        """Return what the caller alone decides of an action: True or False for every row, None where rows are asked.

        Where it is False the whole of the address is refused with 401 or 403, whichever row is named. Of update and
        delete `read` is not asked along with it here.
        """
        if not reaches(actor.caller, resource.name, action):
            return False
        return self.evaluator.settled(self._whole(resource, action), actor.caller)

    def visible(self, actor: Actor, resource: Resource) -> tuple[Row, ...]:
        """Return the rows of a resource that an actor may read, in the order of the table's key."""
        return tuple(row for row in self.world.of(resource) if self.allows(actor, "read", resource, row))

    def keeps_tenant(
        self, resource: Resource, key: ForeignKeyConstraint, row: Row, old: Row | None, target: Row
    ) -> bool:
        """Say whether a foreign key of `row`, which was `old` (None: it is made), may lead to `target` as far as
        tenants go, whoever calls; always, where there are none."""
        tenants, there = self.evaluator.tenants, self.resources.of_table(target.table)
        if tenants is None or there is None:
            return True
        return tenants.keep((resource.name, there.name), key, (row, old, target), self.world)

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
        for column in relation.compared:
            if column.table is relation.through and between is None:
                continue
            holder = next((each for each in (resource, target, between) if each and each.table is column.table), None)
            field = None if holder is None else holder.field_of(column)
            if holder is None or field is None or self._readable(actor.caller, holder, field.name, None) != "open":
                return False
        return True

    def related(self, resource: Resource, name: str, row: Row) -> list[Row]:
        """Return the rows that a relation of `row` leads to, whoever may read them, in the order of their keys."""
        relation = resource.relations[name]
        target = self.resources.of(relation.model)
        assert target is not None
        return [found for found in self.world.of(target) if self.evaluator.is_related(relation, row, found)]

    # Why -------------------------------------------------------------------------------------------------------

    def reason(self, actor: Actor, action: str, resource: Resource, row: Row) -> tuple[str, ...]:
        """Return the clauses, in words, that let an actor do `action` with a row or keep them from it.

        The scopes of a key stand beside the rule: where they do not reach, the scope that is missing is the reason.
        """
        if not reaches(actor.caller, resource.name, action):
            return (f"key: needs scope {resource.name}:{action}",)
        whole = self._whole(resource, action)
        clauses = self.evaluator.why(whole, {resource.table: row}, actor.caller)
        return tuple(expression_words(each) for each in clauses)


def _or_admin(rule: Any) -> Any:
    """Return the rule with the role admin let through, first. What holds for everyone needs no passage."""
    admin = HasRole(ADMIN, None)
    if _is(rule, True) or _is(rule, False):
        return rule if _is(rule, True) else admin
    return or_(admin, shape_of(rule))


def _both(one: Any, other: Any) -> Any:
    if _is(one, True) or _is(other, False):
        return other
    return one if _is(other, True) or _is(one, False) else and_(shape_of(one), shape_of(other))


def _is(rule: Any, value: bool) -> bool:
    """Say whether a rule is the same for everyone: true, or false."""
    element = shape_of(rule)
    if is_negation(element):
        return isinstance(element, AsBoolean) and _is(element.element, not value)
    return isinstance(element, Anyone | True_ if value else False_)


def reaches(caller: Caller, resource_name: str, action: str) -> bool:
    """Say whether the scopes of a key reach as far as `action`; a caller without any is not limited."""
    scopes = caller.scopes
    if scopes is None or "write" in scopes or "admin" in scopes:
        return True
    if action == "read" and "read" in scopes:
        return True
    return any(f"{resource_name}:{scope}" in scopes for scope in _GRANTS[action])
