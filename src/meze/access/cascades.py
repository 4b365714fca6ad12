"""Which deletes reach, by ON DELETE, rows that whoever deletes could not delete or change by themselves.

A cascade is done by the database, behind every rule. It is sound where the rule of the row that it reaches follows from
the rule of the row that is deleted. That is decided on the rules alone, erring on the side of "does not follow": the
parent's rule is taken apart into its alternatives, and from each the child's must follow, part by part, where the
foreign key says that a column of the child is one of the parent, and that the related row is the parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Table
from sqlalchemy.sql import operators

from meze.access.policy import Policy
from meze.access.read import RuleReader
from meze.access.rule import (
    NOBODY_AT_ALL,
    Always,
    Compared,
    Either,
    Every,
    IfRole,
    IfSignedIn,
    Related,
    Rule,
    every,
    or_admin,
)
from meze.access.shape import Shape, shape_of
from meze.access.terms import me, signed_in
from meze.access.words import words
from meze.databases.own import OwnBase
from meze.resources.registry import Registry

ALTERNATIVES = 64
"""A rule with more alternatives than this is not taken apart: nothing follows from it but what anyone may do."""

Links = tuple[ForeignKeyConstraint, ...]
"""The way of a cascade: a foreign key to the row that is deleted, then one to the row that this reaches, and so on."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """A delete of a row of `parent` deletes (or, with `action` update, changes) rows of `resource` behind its rule.

    `way` are the foreign keys as `stops.trip_id`. `parent_rule` and `rule` are what the two rules say, `lacking` the
    part of the second that does not follow from the first.
    """

    parent: str
    resource: str
    way: tuple[str, ...]
    on_delete: str
    action: str
    parent_rule: str
    rule: str
    lacking: str
    where: str | None


def cascades(resources: Registry, policy: Policy, users: Table) -> list[Cascade]:
    """Return every cascade whose end is a resource with a rule that does not follow. `users` is the table of accounts,
    where everyone may delete their own row, and admins any."""
    found: list[Cascade] = []
    referring = _referring(resources)
    own = RuleReader(users, None).read(signed_in & (users.c.id == me.id))
    starts = [("an account", users, or_admin(own))]
    for parent in resources.served:
        rule = every(policy.declared(parent, "read"), policy.declared(parent, "delete"))
        if rule != NOBODY_AT_ALL:
            starts.append((parent.name, parent.table, rule))
    for name, table, rule in starts:
        facts = _alternatives(rule)
        for links in _ways(table, referring, ()):
            found += _not_implied(name, rule, facts, links, resources, policy)
    return found


def _referring(resources: Registry) -> Mapping[Table, list[ForeignKeyConstraint]]:
    """Return the foreign keys of every table of the program that do something when what they point at is deleted."""
    found: dict[Table, list[ForeignKeyConstraint]] = {}
    tables = {table for resource in resources for table in resource.table.metadata.tables.values()}
    own = set(OwnBase.metadata.tables.values())
    for table in sorted(tables - own, key=lambda each: each.fullname):
        for key in sorted(table.foreign_key_constraints, key=lambda each: list(each.column_keys)):
            if _action(key) in ("CASCADE", "SET NULL", "SET DEFAULT"):
                found.setdefault(key.referred_table, []).append(key)
    return found


def _action(key: ForeignKeyConstraint) -> str:
    return (key.ondelete or "").upper()


def _ways(table: Table, referring: Mapping[Table, list[ForeignKeyConstraint]], before: Links) -> Iterator[Links]:
    for key in referring.get(table, ()):
        if key in before:
            continue
        yield (*before, key)
        if _action(key) == "CASCADE":
            yield from _ways(key.table, referring, (*before, key))


def _not_implied(
    parent: str, rule: Rule, facts: list[frozenset[Shape]] | None, links: Links, resources: Registry, policy: Policy
) -> Iterator[Cascade]:
    last = links[-1]
    action = "delete" if _action(last) == "CASCADE" else "update"
    for resource in resources.served:
        if resource.table is not last.table:
            continue
        wanted = policy.declared(resource, action)
        lacking = next((left for each in facts or [frozenset()] if (left := _lacking(wanted, links, each))), None)
        if lacking is not None:
            yield Cascade(
                parent=parent,
                resource=resource.name,
                way=tuple(_named(key) for key in links),
                on_delete=_action(last),
                action=action,
                parent_rule=words(rule),
                rule=words(wanted),
                lacking=words(lacking),
                where=resource.where,
            )


def _named(key: ForeignKeyConstraint) -> str:
    return f"{key.table.name}.{', '.join(column.name for column in key.columns)}"


def _alternatives(rule: Rule) -> list[frozenset[Shape]] | None:
    """Return what is certain in each of the alternatives of a rule; None where they are too many."""
    if isinstance(rule, Always):
        return [frozenset()] if rule.value else []
    if isinstance(rule, Either):
        parts = [_alternatives(part) for part in rule.parts]
        joined = [each for part in parts if part is not None for each in part]
        return None if None in parts or len(joined) > ALTERNATIVES else joined
    if isinstance(rule, Every):
        together: list[frozenset[Shape]] = [frozenset()]
        for part in rule.parts:
            some = _alternatives(part)
            if some is None or len(together) * len(some) > ALTERNATIVES:
                return None
            together = [left | right for left in together for right in some]
        return together
    return [frozenset({shape_of(rule)}) | _besides(rule)]


def _besides(rule: Rule) -> frozenset[Shape]:
    """Return what else is certain where a rule holds: nobody who is not known has a role, or an id that is equal."""
    compares = isinstance(rule, Compared) and bool(rule.uses) and _is_equal(rule.expression)
    return frozenset({shape_of(IfSignedIn())}) if isinstance(rule, IfRole) or compares else frozenset()


def _is_equal(expression: Any) -> bool:
    return getattr(expression, "operator", None) is operators.eq


def _lacking(wanted: Rule, links: Links, facts: frozenset[Shape]) -> Rule | None:
    """Return the part of a rule that does not follow from `facts`; None where all of it does.

    The rule is that of the row that the last of `links` belongs to; without links, of the row that is deleted.
    """
    if isinstance(wanted, Always):
        return None if wanted.value else wanted
    if isinstance(wanted, Every):
        return next((left for part in wanted.parts if (left := _lacking(part, links, facts)) is not None), None)
    if isinstance(wanted, Either):
        return wanted if all(_lacking(part, links, facts) is not None for part in wanted.parts) else None
    if shape_of(wanted, _same_columns(links)) in facts:
        return None
    if isinstance(wanted, Related) and links:
        above = _of_the_parent(wanted, links[-1])
        if above is not None and _lacking(above, links[:-1], facts) is None:
            return None
    return wanted


def _same_columns(links: Links) -> dict[Column[Any], Column[Any]] | None:
    """Return, for the columns of the last link's table, the columns of the deleted row that hold the same value.

    A column that no link follows up to the deleted row stands for nothing there. None without links: they are its own.
    """
    if not links:
        return None
    same: dict[Column[Any], Column[Any]] = {each.parent: each.column for each in links[-1].elements}
    for key in reversed(links[:-1]):
        onward = {each.parent: each.column for each in key.elements}
        same = {column: onward[target] for column, target in same.items() if target in onward}
    return same


def _of_the_parent(wanted: Related, link: ForeignKeyConstraint) -> Rule | None:
    """Return what a rule asks of the row that `link` points at; None if it asks another row, or compares the two."""
    if wanted.tables != (link.referred_table,):
        return None
    parts = list(_joined_by_and(wanted.where))
    joins = {shape_of(Compared(each.parent == each.column, frozenset())) for each in link.elements}
    rest = [part for part in parts if shape_of(part) not in joins]
    if len(parts) - len(rest) != len(joins):
        return None
    return every(*rest)


def _joined_by_and(rule: Rule) -> Iterator[Rule]:
    if isinstance(rule, Every):
        for part in rule.parts:
            yield from _joined_by_and(part)
    else:
        yield rule
