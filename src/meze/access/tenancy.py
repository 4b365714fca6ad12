"""What keeps tenants apart, as data: which rows belong to a tenant and by which way, and what a member is.

A tenant is a row of one table (an organisation); a membership is a row that joins a user to it. A resource belongs to
tenants by a way of foreign keys, each of which leads to one row:

    comments.task_id → tasks.project_id → projects.studio_id → studios

What follows from it is made of the Rules and conditions that every door asks anyway: `member` is a part of each rule of
such a resource (see policy.py), and `kept` of each foreign key that a write sets (see records/foreign_keys.py).
`tenancy_reading.py` finds it from what was declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKeyConstraint, Table, and_, exists, select
from sqlalchemy.sql.expression import FromClause

from meze.access.caller import Caller
from meze.access.rule import Compared, Either, Every, Related, Rule, every, or_admin
from meze.access.tenant import TenantDeclaration, member_words
from meze.access.terms import me
from meze.resources.resource import Resource


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """How the rows of a table belong to a tenant: by `steps`, the last of which refers to the tenant's key; the
    tenant's own rows by none. `tables` stand for what lies between."""

    steps: tuple[ForeignKeyConstraint, ...]
    tables: tuple[FromClause, ...]


@dataclass(frozen=True, slots=True)
class Followed:
    """A way, gone from one row: the conditions that join the tables between, and the tenant's key, by its columns."""

    tables: tuple[FromClause, ...]
    conditions: tuple[ColumnElement[bool], ...]
    tenant: Mapping[Column[Any], ColumnElement[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Tenancy:
    """One declaration of tenants. `ways` are by the names of resources; those in `shared` are not bounded by it.

    `of` is the foreign key of a membership to its tenant, `user` the column that holds whose it is, `role` the one that
    holds what as. `founder` is the role in which whoever makes a tenant is its first member, None where nobody is.
    `admin`: the role admin is held back by no tenant. `astray` says why a shared resource has no way.
    """

    declaration: TenantDeclaration
    membership: Table
    members: FromClause
    tenant: Table
    of: ForeignKeyConstraint
    user: Column[Any]
    role: Column[Any] | None
    founder: Any
    founded: Resource | None
    ways: Mapping[str, Way]
    shared: frozenset[str]
    astray: Mapping[str, str]

    @property
    def admin(self) -> bool:
        return self.declaration.admin

    def bounds(self, resource: Resource, action: str) -> bool:
        """Say whether `action` needs a membership, whatever the resource's own rule says.

        A tenant is made by one who is not its member yet: its own rule alone decides that.
        """
        if resource.name in self.shared or resource.name not in self.ways:
            return False
        return action != "create" or resource.table is not self.tenant

    def bounded(self, rule: Rule, resource: Resource, action: str) -> Rule:
        """Return a resource's own rule with the membership that `action` needs, and the admin's passage of both."""
        passable = or_admin(rule) if resource.admin else rule
        if not self.bounds(resource, action):
            return passable
        member = self.member(resource)
        if resource.admin and self.admin:
            return or_admin(every(member, rule))
        return every(or_admin(member) if self.admin else member, passable)

    def once(self, rule: Rule) -> Rule:
        """Return a rule that was folded without the membership that its other parts ask for too."""
        if not isinstance(rule, Every):
            return rule
        bare = [each for each in rule.parts if self._is_bare(each)]
        rest = [each for each in rule.parts if each not in bare]
        return every(*rest) if any(map(self._implied_by, rest)) else every(*bare[:1], *rest)

    def _implied_by(self, rule: Rule) -> bool:
        """Say whether a rule asks for membership wherever it is true."""
        if isinstance(rule, Every):
            return any(self._implied_by(part) for part in rule.parts)
        if isinstance(rule, Either):
            return all(self._implied_by(part) for part in rule.parts)
        return isinstance(rule, Related) and self.members in rule.tables

    def _is_bare(self, rule: Rule) -> bool:
        return isinstance(rule, Related) and self.members in rule.tables and rule.said == member_words(None)

    def member(self, resource: Resource, as_roles: tuple[Any, ...] | None = None) -> Rule:
        """Return the rule that the caller is a member of the row's tenant, in one of some roles (None: any)."""
        way = self._gone(self.ways[resource.name], resource.table)
        conditions = [self.members.c[each.parent.key] == way.tenant[each.column] for each in self.of.elements] + list(
            way.conditions
        )
        if as_roles is not None:
            assert self.role is not None, "Tenant.role refuses to be asked without one"
            conditions.append(self.members.c[self.role.key].in_(as_roles))
        asked = [Compared(each, frozenset()) for each in conditions]
        asked.append(Compared(self.members.c[self.user.key] == me.id, frozenset({"id"})))
        return Related((self.members, *way.tables), Every(tuple(asked)), member_words(as_roles))

    def first_membership(self, tenant: Resource, key: Sequence[Any], founder: Caller) -> dict[str, Any]:
        """Return the values of the membership of whoever made a tenant, by the names of its fields. `key` begins with
        the new row's key."""
        made = {part.column: value for part, value in zip(tenant.key, key, strict=False)}
        columns: dict[Column[Any], Any] = {each.parent: made[each.column] for each in self.of.elements}
        columns[self.user] = founder.id
        if self.role is not None:
            columns[self.role] = self.founder
        assert self.founded is not None, "founder= was given"
        return {each.name: columns[each.column] for each in self.founded.fields.values() if each.column in columns}

    def keeps(self, constraint: ForeignKeyConstraint, resource: Resource, target: Resource, *, made: bool) -> bool:
        """Say whether a foreign key must stay within a tenant: both of its ends belong to one. Where a row is `made`,
        the key by which it comes to belong to a tenant may lead to any, since its rule asks which."""
        if resource.name not in self.ways or target.name not in self.ways:
            return False
        return not (made and self._first(resource) is constraint)

    def kept(
        self,
        constraint: ForeignKeyConstraint,
        resource: Resource,
        row: FromClause,
        old: FromClause | None,
        target: Resource,
        table: FromClause,
    ) -> ColumnElement[bool]:
        """Return the condition that a foreign key of `row` to a row of `table` (the `target`'s) stays within a tenant.

        The key by which a row belongs to its tenant is compared with the row as it was, `old`; the others with that.
        """
        before = old if old is not None and self._first(resource) is constraint else row
        here = self._gone(_anew(self.ways[resource.name]), before)
        there = self._gone(_anew(self.ways[target.name]), table)
        tables = (*here.tables, *there.tables)
        same = [here.tenant[column] == there.tenant[column] for column in self.tenant.primary_key.columns]
        conditions = [*here.conditions, *there.conditions, *same]
        if not tables:
            return and_(*conditions)
        return exists(select(1).select_from(*tables).where(*conditions).correlate_except(*tables))

    def _first(self, resource: Resource) -> ForeignKeyConstraint | None:
        return next(iter(self.ways[resource.name].steps), None)

    def _gone(self, way: Way, row: FromClause) -> Followed:
        conditions: list[ColumnElement[bool]] = []
        at = row
        for step, table in zip(way.steps, way.tables, strict=False):
            conditions += [table.c[each.column.key] == at.c[each.parent.key] for each in step.elements]
            at = table
        if not way.steps:
            return Followed((), (), {column: row.c[column.key] for column in self.tenant.primary_key.columns})
        tenant = {each.column: at.c[each.parent.key] for each in way.steps[-1].elements}
        return Followed(way.tables, tuple(conditions), tenant)


def way_of(steps: tuple[ForeignKeyConstraint, ...]) -> Way:
    """Return the way that leads along these foreign keys to a tenant."""
    return Way(steps, tuple(step.referred_table.alias() for step in steps[:-1]))


def _anew(way: Way) -> Way:
    """Return the way over tables of its own, so that it can be gone twice in one statement."""
    return way_of(way.steps)
