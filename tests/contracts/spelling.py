"""Write a rule of the oracle's language as the SQLAlchemy expression that a user would give to `api.resource`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, not_, or_
from sqlalchemy.orm import aliased

from contracts import rules
from contracts.rules import SIGNS, Rule
from contracts.schema import TABLES, Sort, ToOne
from meze import anyone, me, role, signed_in


class Speller:
    """Writes rules over the mapped classes in `models`; `kinds` are the members of the enum by value."""

    def __init__(self, models: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
        self.models = models
        self.kinds = kinds

    def rule(self, rule: Rule, table: str) -> Any:
        return self._rule(rule, ((table, self.models[table]),))

    def _rule(self, rule: Rule, frames: tuple[tuple[str, Any], ...]) -> Any:
        match rule:
            case rules.Anyone():
                return anyone
            case rules.SignedIn():
                return signed_in
            case rules.HasRole():
                return role(rule.role)
            case rules.Every():
                return and_(*(self._rule(part, frames) for part in rule.parts))
            case rules.Either():
                return or_(*(self._rule(part, frames) for part in rule.parts))
            case rules.Not():
                return not_(self._rule(rule.part, frames))
            case rules.Related():
                return self._related(rule, frames)
        return self._compared(rule, frames)

    def _related(self, rule: rules.Related, frames: tuple[tuple[str, Any], ...]) -> Any:
        table, entity = frames[0]
        relation, crossed = TABLES[table].relations[rule.relation], getattr(entity, rule.relation)
        target = self.models[relation.target]
        if rule.apart:
            target = aliased(target)
            crossed = crossed.of_type(target)
        where = None if rule.where is None else self._rule(rule.where, ((relation.target, target), *frames))
        return crossed.has(where) if isinstance(relation, ToOne) else crossed.any(where)

    def _compared(self, rule: Rule, frames: tuple[tuple[str, Any], ...]) -> Any:
        match rule:
            case rules.Compare():
                return SIGNS[rule.sign](self._column(rule.left, frames), self._operand(rule.right, rule.left, frames))
            case rules.Distinct():
                column, right = self._column(rule.left, frames), self._operand(rule.right, rule.left, frames)
                return column.is_not_distinct_from(right) if rule.opposite else column.is_distinct_from(right)
            case rules.IsNull():
                column = self._column(rule.column, frames)
                return column.is_not(None) if rule.opposite else column.is_(None)
            case rules.IsTruth():
                return self._column(rule.column, frames).is_(rule.value)
            case rules.Flag():
                return self._column(rule.column, frames)
            case rules.OneOf():
                column = self._column(rule.column, frames)
                values = [self._constant(each, rule.column, frames) for each in rule.values]
                return column.not_in(values) if rule.opposite else column.in_(values)
        raise AssertionError(f"{rule!r} has no spelling")

    @staticmethod
    def _column(column: rules.Column, frames: tuple[tuple[str, Any], ...]) -> Any:
        return getattr(frames[column.depth][1], column.name)

    def _operand(self, operand: rules.Operand, beside: rules.Column, frames: tuple[tuple[str, Any], ...]) -> Any:
        match operand:
            case rules.Me():
                return getattr(me, operand.attribute)
            case rules.Constant():
                return self._constant(operand.value, beside, frames)
            case rules.Column():
                return self._column(operand, frames)

    def _constant(self, value: Any, beside: rules.Column, frames: tuple[tuple[str, Any], ...]) -> Any:
        sort = TABLES[frames[beside.depth][0]].columns[beside.name]
        return self.kinds[value] if sort is Sort.KIND else value
