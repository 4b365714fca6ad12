"""What the rules compare each column with, so that rows can be made for which a comparison holds, and others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CheckConstraint, Column, Table
from sqlalchemy.sql.elements import BinaryExpression, BindParameter
from sqlalchemy.sql.visitors import iterate

from meze.access.tenant import InTenant
from meze.access.terms import MeValue
from meze.resources.resource import Resource
from meze.verify.patterns import PATTERNS
from meze.verify.three import shape_of
from meze.verify.values import table_of

_NUMBER = re.compile(r"(?<![\w.'])-?\d+(?:\.\d+)?(?![\w.'])")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")


@dataclass(slots=True)
class Mention:
    """What one column is compared with: values, attributes of `me`, and other columns."""

    values: list[Any] = field(default_factory=list)
    me: set[str] = field(default_factory=set)
    columns: set[Column[Any]] = field(default_factory=set)


Mentions = dict[Column[Any], Mention]


def mentions_of(resources: Iterable[Resource]) -> Mentions:
    """Return what every rule, of resources and of fields, says of each column."""
    found: Mentions = {}
    for resource in resources:
        rules = [*resource.rules.values()]
        rules += [rule for each in resource.field_rules.values() for rule in (each.read, each.write)]
        for rule in rules:
            if rule is not None:
                _add(found, shape_of(rule))
    return found


def add_memberships(found: Mentions, resources: Iterable[Resource], role: Column[Any] | None) -> None:
    """Add the roles that rules ask of a member of a tenant to what is said of the column that holds them."""
    if role is None:
        return
    mention = found.setdefault(role, Mention())
    for resource in resources:
        for rule in resource.rules.values():
            terms = [each for each in iterate(shape_of(rule)) if isinstance(each, InTenant)]
            mention.values += [name for each in terms for name in each.as_roles or () if name not in mention.values]


def _add(found: Mentions, rule: Any) -> None:
    for element in iterate(rule):
        if isinstance(element, Column) and element.table is not None:
            found.setdefault(_stored(element), Mention())
        if not isinstance(element, BinaryExpression):
            continue
        parts = list(iterate(element))
        columns = [_stored(part) for part in parts if isinstance(part, Column) and part.table is not None]
        values = [value for part in parts if isinstance(part, BindParameter) for value in _values(part)]
        if element.operator in PATTERNS:
            values = [re.sub("[%_/]", "x", value) if isinstance(value, str) else value for value in values]
        for column in columns:
            mention = found.setdefault(column, Mention())
            mention.values += [value for value in values if value not in mention.values]
            mention.me |= {part.attribute for part in parts if isinstance(part, MeValue)}
            mention.columns |= set(columns) - {column}


def _stored(column: Any) -> Column[Any]:
    stored: Column[Any] = table_of(column.table).c[column.key]
    return stored


def _values(bound: BindParameter[Any]) -> Iterator[Any]:
    value = bound.value if bound.callable is None else bound.callable()
    yield from value if isinstance(value, list | tuple | set | frozenset) else (value,)


def checked(table: Table) -> dict[Column[Any], list[str]]:
    """Return the columns that CHECK constraints name, each with the literals beside it, as they are written."""
    found: dict[Column[Any], list[str]] = {}
    constraints = {*table.constraints, *(each for column in table.columns for each in column.constraints)}
    checks = [str(each.sqltext) for each in constraints if isinstance(each, CheckConstraint)]
    for text in sorted(checks):
        quoted = [each.replace("''", "'") for each in _QUOTED.findall(text)]
        bare = _QUOTED.sub("''", text)
        literals = quoted + _NUMBER.findall(bare)
        for column in table.columns:
            if re.search(rf"\b{re.escape(column.name)}\b", bare):
                known = found.setdefault(column, [])
                known += [each for each in literals if each not in known]
    return found
