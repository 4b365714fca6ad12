"""Which columns requests can ask about, and which of them no index leads to.

Clients ask about what some of them may filter and sort by; a rule asks on their behalf, and so does the database where
it looks for the rows that point at one. A column is waived by its name, `cities.timezone`, or with its whole table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.visitors import iterate

from meze.access.policy import Policy
from meze.access.rule import Compared, Related, Rule, open_for_some, parts_of
from meze.databases.own import OwnBase
from meze.resources.indexes import Advice, advise, is_led
from meze.resources.registry import Registry
from meze.resources.resource import ACTIONS, Resource, nearest
from meze.resources.rewrite import plain

FOLDED = ("contains", "startswith", "endswith")
"""Operators that no index of a column leads."""


@dataclass(frozen=True, slots=True)
class BadWaiver:
    """A waiver that waives nothing, why that is so, and what to do."""

    name: str
    cause: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Lint:
    """`missing` are the indexes that nobody waived, `waived` those that somebody did.

    `folded` are the fields, by resource, that clients may look inside of, which reads every row.
    """

    missing: tuple[Advice, ...]
    waived: tuple[Advice, ...]
    bad_waivers: tuple[BadWaiver, ...]
    folded: tuple[tuple[str, tuple[str, ...]], ...]


def lint(resources: Registry, policy: Policy, metadata: MetaData, waivers: Iterable[str], dialect: Dialect) -> Lint:
    """Return what `meze check` tells of indexes."""
    asked = asked_columns(resources, policy)
    lacking = [advise((column,), why, dialect) for column, why in asked.items() if not is_led(column)]
    names = tuple(dict.fromkeys(waivers))
    waived = [each for each in lacking if each.name in names or each.table in names]
    used = {each.name for each in waived} | {each.table for each in waived}
    return Lint(
        missing=tuple(each for each in lacking if each not in waived),
        waived=tuple(waived),
        bad_waivers=tuple(_bad_waiver(name, metadata) for name in names if name not in used),
        folded=tuple(_folded(resources, policy, names)),
    )


def asked_columns(resources: Registry, policy: Policy) -> dict[Column[Any], tuple[str, ...]]:
    """Return each column that some request asks about, with what asks it. Meze's own tables see to themselves."""
    found: dict[Column[Any], dict[str, None]] = {}
    for resource in resources:
        for column, why in _asked(resource, resources, policy):
            if column.table not in _OWN:
                found.setdefault(column, {})[why] = None
    return {column: tuple(why) for column, why in found.items()}


_OWN = frozenset(OwnBase.metadata.tables.values())


def _asked(resource: Resource, resources: Registry, policy: Policy) -> Iterator[tuple[Column[Any], str]]:
    if policy.possible(resource, "read"):
        for name, each in resource.fields.items():
            if each.type.operators and open_for_some(policy.declared_field(resource, name, "read")):
                yield each.column, "clients filter and sort by it"
        if resource.restriction is not None:
            for column in _columns_in(resource.restriction):
                yield column, f"it tells the rows of {resource.name} from others of the table"
    for column, action in _in_rules(resource, policy):
        yield column, f"the {action} rule of {resource.name} asks it"
    if resource.owner is not None:
        yield resource.owner.column, f"it is the owner of {resource.name}"
    for name, relation in resource.relations.items():
        if resources.of(relation.model) is not None:
            for column in relation.compared:
                yield column, f"the relation {resource.name}.{name} follows it"
    for column in resource.table.columns:
        for key in column.foreign_keys:
            yield column, f"the database looks here when a row of {key.column.table.name} goes"


def _in_rules(resource: Resource, policy: Policy) -> Iterator[tuple[Column[Any], str]]:
    """Yield the columns of the read rule, which chooses among all rows, and where the others cross to other rows.

    A rule to create, update or delete is asked of one row that its key has found.
    """
    for action in ACTIONS:
        rule = policy.declared(resource, action)
        parts = parts_of(rule) if action == "read" else _crossings(rule)
        for part in parts:
            if isinstance(part, Compared):
                for column in _columns_in(part.expression):
                    yield column, action


def _crossings(rule: Rule) -> Iterator[Rule]:
    for part in parts_of(rule):
        if isinstance(part, Related):
            for inner in parts_of(part.where):
                if isinstance(inner, Compared) and len({c.table for c in _columns_in(inner.expression)}) > 1:
                    yield inner


def _columns_in(expression: Any) -> Iterator[Column[Any]]:
    """Yield the columns of the tables themselves, also where an alias of one is named."""
    for element in iterate(expression):
        column: Any = plain(element)
        while not isinstance(getattr(column, "table", None), Table) and getattr(column, "base_columns", None):
            base = next(iter(column.base_columns))
            if base is column:
                break
            column = base
        if isinstance(column, Column) and isinstance(column.table, Table):
            yield column


def _bad_waiver(name: str, metadata: MetaData) -> BadWaiver:
    table_name, _, column_name = name.partition(".")
    table = metadata.tables.get(table_name)
    if table is None:
        near = nearest(table_name, metadata.tables)
        return BadWaiver(name, f"No table is named {table_name!r}.", _did_you_mean(near))
    if column_name and column_name not in table.columns:
        near = nearest(column_name, [column.name for column in table.columns])
        return BadWaiver(
            name,
            f"The table {table_name} has no column {column_name!r}.",
            _did_you_mean(near and f"{table_name}.{near}"),
        )
    if not column_name:
        return BadWaiver(name, f"Every column of {table_name} that is asked has an index.", "Take the waiver out.")
    led = is_led(table.columns[column_name])
    cause = "has an index" if led else "is never asked"
    return BadWaiver(name, f"The column {name} {cause}.", "Take the waiver out.")


def _did_you_mean(near: str | None) -> str:
    return f"Did you mean {near!r}? Else take the waiver out." if near else "Take the waiver out."


def _folded(resources: Registry, policy: Policy, waivers: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for resource in resources.served:
        if resource.table.name in waivers:
            continue
        names = [
            name
            for name, each in resource.fields.items()
            if any(operator in each.type.operators for operator in FOLDED)
            and open_for_some(policy.declared_field(resource, name, "read"))
        ]
        if names and policy.possible(resource, "read"):
            yield resource.name, tuple(names)
