"""Say a rule in words near SQL: `public is true or (signed in and owner_id = me.id)`.

One reading of SQLAlchemy's elements serves both a Rule, whose comparisons are such elements, and an expression as the
user wrote it; so the same condition has the same words wherever a person meets it. A name without a table before it
is of the row that is spoken of: the resource's own, or behind a relation the related one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    AsBoolean,
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    Case,
    Cast,
    ClauseList,
    CollationClause,
    ColumnClause,
    Extract,
    False_,
    Grouping,
    Null,
    True_,
    UnaryExpression,
)
from sqlalchemy.sql.expression import FromClause
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import Exists, Select

from meze.access.relation import flat, is_join, join_shape, joins_of, relation_of, same_list, table_name, ungrouped
from meze.access.rule import Always, Compared, Either, Every, IfRole, IfSignedIn, Negated, Related, Rule
from meze.access.terms import MeValue, Term
from meze.resources.rewrite import plain

ANYONE, NOBODY = "anyone", "nobody"
COMPUTED = "(computed)"
"""Stands for a value that is found anew at each request."""

_SIGNS: dict[Any, str] = {
    operators.eq: "=",
    operators.ne: "!=",
    operators.lt: "<",
    operators.le: "<=",
    operators.gt: ">",
    operators.ge: ">=",
    operators.is_: "is",
    operators.is_not: "is not",
    operators.is_distinct_from: "is distinct from",
    operators.is_not_distinct_from: "is not distinct from",
    operators.in_op: "in",
    operators.not_in_op: "not in",
    operators.like_op: "like",
    operators.not_like_op: "not like",
    operators.ilike_op: "like (any case)",
    operators.not_ilike_op: "not like (any case)",
    operators.contains_op: "contains",
    operators.not_contains_op: "does not contain",
    operators.startswith_op: "starts with",
    operators.not_startswith_op: "does not start with",
    operators.endswith_op: "ends with",
    operators.not_endswith_op: "does not end with",
    operators.icontains_op: "contains (any case)",
    operators.not_icontains_op: "does not contain (any case)",
    operators.istartswith_op: "starts with (any case)",
    operators.not_istartswith_op: "does not start with (any case)",
    operators.iendswith_op: "ends with (any case)",
    operators.not_iendswith_op: "does not end with (any case)",
    operators.between_op: "between",
    operators.not_between_op: "not between",
    operators.regexp_match_op: "matches",
    operators.not_regexp_match_op: "does not match",
    operators.match_op: "matches (full text)",
    operators.concat_op: "||",
    operators.add: "+",
    operators.sub: "-",
    operators.mul: "*",
    operators.truediv: "/",
    operators.floordiv: "//",
    operators.mod: "%",
    operators.collate: "collate",
}
_INDEXES = (operators.getitem, operators.json_getitem_op, operators.json_path_getitem_op)

Focus: TypeAlias = tuple[FromClause, ...] | None
"""The tables whose columns need no name before them; None where every column is of the row itself."""


def words(rule: Rule) -> str:
    """Return what the rule says. A rule that was folded says what is left of it for that kind of caller."""
    return _rule(rule, None)


def expression_words(element: Any) -> str:
    """Return what a SQLAlchemy expression says that is a rule, or a part of one."""
    return _condition(element.__clause_element__() if hasattr(element, "__clause_element__") else element, None)


def _rule(rule: Rule, focus: Focus) -> str:
    match rule:
        case Always():
            return ANYONE if rule.value else NOBODY
        case IfSignedIn():
            return "signed in"
        case IfRole():
            return f"role {rule.name}"
        case Compared():
            return _condition(rule.expression, focus)
        case Every() | Either():
            kind = type(rule)
            each_part = list(flat(rule.parts, lambda part: part.parts if isinstance(part, kind) else None))
            return _joined("and" if kind is Every else "or", [(_rule(each, focus), _loose(each)) for each in each_part])
        case Negated():
            return _negated(_rule(rule.part, focus), compound=not _is_term(rule.part))
        case Related() if rule.said is not None:
            return rule.said
        case Related():
            inside = list(flat([rule.where], lambda part: part.parts if isinstance(part, Every) else None))
            elements = [part.expression if isinstance(part, Compared) else None for part in inside]
            said = [(_rule(part, rule.tables), _loose(part)) for part in inside]
            return _related(rule.tables, elements, said)


def _condition(element: Any, focus: Focus) -> str:
    """Return the words of a condition: what may stand beside `and` and `or`."""
    match plain(element):
        case Grouping() as group:
            return _condition(group.element, focus)
        case Term() as term:
            return term.words
        case True_():
            return ANYONE
        case False_():
            return NOBODY
        case BooleanClauseList() as many:
            parts = list(flat(many.clauses, lambda part: same_list(part, many.operator)))
            word = "and" if many.operator is operators.and_ else "or"
            return _joined(word, [(_condition(part, focus), _loose_element(part)) for part in parts])
        case AsBoolean() as wrapped if wrapped.operator is operators.is_false:
            return _negation(wrapped.element, focus)
        case AsBoolean() as wrapped:
            return _condition(wrapped.element, focus)
        case Exists() as exists:
            return _exists(exists)
        case UnaryExpression() as unary if unary.operator is operators.inv:
            return _negation(unary.element, focus)
    return _value(element, focus)


def _negation(element: Any, focus: Focus) -> str:
    inner = _condition(element, focus)
    if inner in (ANYONE, NOBODY):
        return NOBODY if inner == ANYONE else ANYONE
    return _negated(inner, compound=not isinstance(ungrouped(element), Term | ColumnClause))


def _exists(element: Exists) -> str:
    inner: Any = element.element
    while not isinstance(inner, Select):
        inner = inner.element
    own = tuple(plain(table) for table in (inner._correlate_except or inner._from_obj))
    parts = list(flat(inner._where_criteria, lambda part: same_list(part, operators.and_)))
    return _related(own, parts, [(_condition(part, own), _loose_element(part)) for part in parts])


def _related(tables: Sequence[FromClause], elements: Sequence[Any], said: Sequence[tuple[str, bool]]) -> str:
    """Return the words for a row in `tables` of which all of `said` is true; `elements` are what it was said of."""
    compared = [None if each is None else join_shape(each) for each in elements]
    marked = {join_shape(each) for each in elements if each is not None and is_join(each)}
    relation = relation_of(elements, marked, {each for each in compared if each is not None})
    joins = marked if relation is None else joins_of(relation)
    name = table_name(tables[0]) if relation is None else relation.key
    to_many = relation is None or bool(relation.uselist)
    asked = [each for each, shape in zip(said, compared, strict=True) if shape not in joins and each[0] != ANYONE]
    if asked:
        return f"{name} {'has any' if to_many else 'has'} ({_joined('and', asked)})"
    return f"{name} has any" if to_many else f"{name} exists"


def _value(element: Any, focus: Focus) -> str:
    bare = plain(element)
    match bare:
        case MeValue():
            return repr(bare)
        case ColumnClause() if bare.table is not None:
            name = str(element._annotations.get("proxy_key", bare.key))
            return name if focus is None or plain(bare.table) in focus else f"{table_name(bare.table)}.{name}"
        case ColumnClause():
            return str(bare.name)
        case BindParameter():
            return COMPUTED if bare.callable is not None else _literal(bare.value)
        case True_() | False_() | Null():
            return _literal(True if isinstance(bare, True_) else False if isinstance(bare, False_) else None)
        case Grouping():
            return f"({_value(bare.element, focus)})"
        case BinaryExpression():
            return _binary(bare, focus)
        case UnaryExpression() if bare.operator is operators.neg:
            return f"-{_value(bare.element, focus)}"
        case FunctionElement():
            return f"{getattr(bare, 'name', 'function')}({_listed(bare.clauses, focus)})"
        case Case():
            start = "case" if bare.value is None else f"case {_value(bare.value, focus)}"
            whens = " ".join(f"when {_condition(when, focus)} then {_value(then, focus)}" for when, then in bare.whens)
            other = "" if bare.else_ is None else f" else {_value(bare.else_, focus)}"
            return f"{start} {whens}{other} end"
        case Cast():
            return f"cast({_value(bare.clause, focus)} as {bare.type!r})"
        case Extract():
            return f"extract({bare.field} from {_value(bare.expr, focus)})"
        case CollationClause():
            return str(bare.collation)
        case ClauseList():
            return f"({_listed(bare.clauses, focus)})"
        case Term() | BooleanClauseList() | AsBoolean() | Exists():
            return f"({_condition(bare, focus)})"
    return f"{bare.__visit_name__}({_listed(bare.get_children(), focus)})"


def _binary(element: Any, focus: Focus) -> str:
    left, operator = _value(element.left, focus), element.operator
    if operator in (operators.between_op, operators.not_between_op):
        low, high = (_value(each, focus) for each in element.right.clauses)
        return f"{left} {_SIGNS[operator]} {low} and {high}"
    right = _value(element.right, focus)
    if operator in _INDEXES:
        return f"{left}[{right}]"
    sign = _SIGNS.get(operator) or getattr(operator, "opstring", None) or getattr(operator, "__name__", "?")
    escape = element.modifiers.get("escape")
    return f"{left} {sign} {right}" + (f" escape {_literal(escape)}" if escape is not None else "")


def _literal(value: Any) -> str:
    """Return a value as it would be written, on one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple | set | frozenset):
        each = [_literal(one) for one in value]
        return f"({', '.join(sorted(each) if isinstance(value, set | frozenset) else each)})"
    if isinstance(value, enum.Enum):
        return repr(value.name)
    if isinstance(value, str | bytes):
        return repr(value)
    return " ".join(str(value).split())


def _listed(elements: Iterable[Any], focus: Focus) -> str:
    return ", ".join(_value(each, focus) for each in elements)


def _joined(word: str, parts: Sequence[tuple[str, bool]]) -> str:
    """Return parts as one condition, those that are `and` or `or` themselves in parentheses."""
    if len(parts) == 1:
        return parts[0][0]
    return f" {word} ".join(f"({said})" if loose else said for said, loose in parts)


def _negated(said: str, *, compound: bool) -> str:
    return f"not ({said})" if compound else f"not {said}"


def _loose(rule: Rule) -> bool:
    """Say whether the words of a rule fall apart beside others. What is within parentheses already does not."""
    if isinstance(rule, Compared):
        return _loose_element(rule.expression)
    return isinstance(rule, Every | Either) and len(rule.parts) > 1


def _loose_element(element: Any) -> bool:
    return isinstance(ungrouped(element), BooleanClauseList)


def _is_term(rule: Rule) -> bool:
    return isinstance(rule, IfSignedIn | IfRole) or (isinstance(rule, Related) and rule.said is not None)
