"""What must not be shown, even to those who are told why: what hidden columns hold, and columns named like secrets.

A value that stands in a comparison with such a column is masked as the column's own is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Column, literal
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import iterate

from meze.access.caller import Standing
from meze.access.policy import Policy
from meze.access.rule import Compared, Either, Every, Negated, Related, Rule
from meze.databases import Statement
from meze.resources.registry import Registry
from meze.resources.rewrite import plain, rebuilt

MASK = "***"
_SECRET = re.compile(
    r"pass(word|wd|phrase|code)|secret|token|hash|salt|digest|credential|otp|(api|private|secret|access)_?key|"
    r"\b(pin|cvc|cvv|ssn|iban)\b",
    re.IGNORECASE,
)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class BoundValue:
    """A value as a statement has it. `name` is that of its place."""

    name: str
    value: Any


class Masks:
    """Knows the columns that are masked, by table and name: those that no field rule lets anybody read, those named
    like secrets, and those that Meze does not serve. With `standing` also what such a caller may not read everywhere.
    """

    def __init__(self, resources: Registry, policy: Policy, standing: Standing | None = None) -> None:
        self._open: set[tuple[str, str]] = set()
        for resource in resources:
            known = resource.fields if standing is None else policy.view(resource, standing).askable
            for name, each in known.items():
                rules = resource.field_rules.get(name)
                if (rules is None or not rules.hidden) and not _SECRET.search(each.column.name):
                    self._open.add((resource.table.name, each.column.name))

    def hides(self, column: Any) -> bool:
        """Say whether the values of a column are masked."""
        table = getattr(plain(getattr(column, "table", None)), "element", plain(getattr(column, "table", None)))
        return (getattr(table, "name", ""), column.name) not in self._open

    def shown(self, column: Any, value: Any) -> Any:
        """Return a column's value as it may be shown."""
        return MASK if value is not None and self.hides(column) else written(value)

    def touches(self, clause: ClauseElement) -> bool:
        """Say whether a masked column stands anywhere inside of `clause`."""
        return any(isinstance(each, Column) and self.hides(each) for each in iterate(clause))

    def masked(self, rule: Rule) -> Rule:
        """Return the rule with a mask for each value that it compares with a masked column."""
        match rule:
            case Compared() if self.touches(rule.expression):
                return Compared(rebuilt(rule.expression, _without_value), rule.uses)
            case Related():
                return replace(rule, where=self.masked(rule.where))
            case Every():
                return Every(tuple(self.masked(each) for each in rule.parts))
            case Either():
                return Either(tuple(self.masked(each) for each in rule.parts))
            case Negated():
                return Negated(self.masked(rule.part))
        return rule

    def values(self, statement: Statement, values: Mapping[str, Any]) -> list[BoundValue]:
        """Return what a statement is run with, in the order of its places."""
        compiled: Any = statement.clause.compile(dialect=statement.dialect)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        given = {name: values[bind.key] for name, bind in binds.items() if bind.key in values}
        state = compiled.construct_expanded_state(given, escape_names=False)
        order = state.parameters if state.positiontup is None else state.positiontup
        of = {each: name for name, expanded in state.parameter_expansion.items() for each in expanded}
        masked = self._masked_binds(statement.clause)
        return [
            BoundValue(name, MASK if binds[of.get(name, name)].key in masked else written(state.parameters[name]))
            for name in order
        ]

    def _masked_binds(self, clause: ClauseElement) -> Collection[str]:
        found: set[str] = set()
        for each in iterate(clause):
            if isinstance(each, BinaryExpression | FunctionElement) and self.touches(each):
                found.update(inner.key for inner in iterate(each) if isinstance(inner, BindParameter))
        return found


def _without_value(element: Any) -> Any:
    return literal(MASK) if isinstance(element, BindParameter) else None


def written(value: Any) -> Any:
    """Return a value as JSON can hold it; what is long is cut."""
    if isinstance(value, list | tuple):
        return [written(each) for each in value]
    plainly = msgspec.to_builtins(value, enc_hook=str)
    if isinstance(plainly, str) and len(plainly) > _LONGEST:
        return f"{plainly[:_LONGEST]}… ({len(plainly)} characters)"
    return plainly
