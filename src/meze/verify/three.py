"""What a rule says of rows in memory, in SQL's three-valued logic: True, False, or None for unknown.

The user's own SQLAlchemy expressions are read here once more, by code that is shared with nothing that serves requests.

    three.py    the shape of a rule: terms, `and`, `or`, `not`, `.has()` and `.any()`
    values.py   comparisons, and the values that they compare
    leaf.py     what Python cannot work out (a function of the database, say) is asked of the database, as one value

A comparison with a `me` that is null is unknown as a whole, whatever it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import BinaryExpression, Column, Engine, Integer, String, Table
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    AsBoolean,
    BooleanClauseList,
    ClauseElement,
    False_,
    Grouping,
    True_,
    UnaryExpression,
)
from sqlalchemy.sql.selectable import Exists, Select
from sqlalchemy.sql.visitors import iterate

from meze.access.caller import Caller
from meze.access.tenant import InTenant
from meze.access.terms import Anyone, HasRole, MeValue, SignedIn, Term
from meze.resources.resource import Relation
from meze.resources.rewrite import plain as bare
from meze.verify.leaf import Leaf
from meze.verify.patterns import Beyond
from meze.verify.tenants import Tenants
from meze.verify.values import Frames, Values, table_of
from meze.verify.world import Row, World

if TYPE_CHECKING:
    from meze.access.tenancy import Tenancy

Truth: TypeAlias = bool | None
Says: TypeAlias = Callable[[Frames, Caller, World], Truth]


def conjunction(parts: Iterable[Truth]) -> Truth:
    known = list(parts)
    return False if False in known else None if None in known else True


def disjunction(parts: Iterable[Truth]) -> Truth:
    known = list(parts)
    return True if True in known else None if None in known else False


def negation(part: Truth) -> Truth:
    return None if part is None else not part


class Evaluator:
    """Evaluates rules over `world`. `leaf` counts what had to be asked of the database."""

    def __init__(self, world: World, engine: Engine, tenancy: Tenancy | None = None) -> None:
        self.world = world
        self.tenants = None if tenancy is None else Tenants(tenancy, engine.dialect)
        self.leaf = Leaf(engine)
        self._values = Values(engine.dialect)
        self._read: dict[int, tuple[Any, Says]] = {}
        self._joins: dict[Relation, tuple[Any, ...]] = {}

    def over(self, world: World) -> Evaluator:
        """Return an evaluator of the same rules over other rows."""
        other = object.__new__(Evaluator)
        vars(other).update(vars(self) | {"world": world})
        return other

    def truth(self, rule: Any, frames: Frames, caller: Caller) -> Truth:
        """Return what a rule says of the row in `frames`, which are rows by their table."""
        return self._says(rule)(frames, caller, self.world)

    def settled(self, rule: Any, caller: Caller, *, positive: bool = True) -> Truth:
        """Return what the caller alone decides: True or False for every row, None where rows have to be asked.

        `positive` is False under an odd number of negations: what is never true counts there as what keeps the rule
        from holding.
        """
        element = shape_of(rule)
        match element:
            case InTenant():
                return False if caller.id is None else None
            case Term() | True_() | False_():
                return self.truth(element, {}, caller)
            case BooleanClauseList():
                parts = [self.settled(part, caller, positive=positive) for part in element.clauses]
                return conjunction(parts) if element.operator is operators.and_ else disjunction(parts)
            case Exists():
                inner = [self.settled(part, caller) for part in select_of(element)._where_criteria]
                return False if conjunction(inner) is False else None
            case UnaryExpression() if is_negation(element):
                return negation(self.settled(element.element, caller, positive=not positive))
        return not positive if self._unknown(element)(caller) else None

    def why(self, rule: Any, frames: Frames, caller: Caller) -> Iterator[Any]:
        """Yield the clauses that are the reason that a rule is true, or is not, each as it is asked for: with a `not`
        about it where the rule asks for the opposite.

        Of an `or` that is true it is the first part that is, of an `and` that is not the first that is not; else every
        part. A negation turns the question around.
        """
        holds = self.truth(rule, frames, caller) is True
        yield from self._why(rule, frames, caller, value=True, holds=holds)

    def _why(self, rule: Any, frames: Frames, caller: Caller, *, value: bool, holds: bool) -> Iterator[Any]:
        element = shape_of(rule)
        if is_negation(element):
            yield from self._why(element.element, frames, caller, value=not value, holds=holds)
        elif isinstance(element, BooleanClauseList):
            is_either = element.operator is operators.or_
            one_is_enough = is_either if value == holds else not is_either
            for part in element.clauses:
                speaks = (self.truth(part, frames, caller) is value) is holds
                if speaks or not one_is_enough:
                    yield from self._why(part, frames, caller, value=value, holds=holds)
                if speaks and one_is_enough:
                    return
        else:
            yield element if value else UnaryExpression(element, operator=operators.inv)

    def is_related(self, relation: Relation, row: Row, other: Row) -> bool:
        """Say whether a relation leads from `row` to `other`."""
        if relation not in self._joins:
            near, far = row.table.alias(), other.table.alias()
            if relation.through is None:
                self._joins[relation] = (near, None, far, (relation.joined(near, far),))
            else:
                between = relation.through.alias()
                self._joins[relation] = (near, between, far, relation.joined_through(near, between, far))
        near, between, far, conditions = self._joins[relation]
        frames: dict[Any, Row] = {near: row, far: other}
        rows = [None] if between is None else self.world.rows(table_of(between))
        for link in rows:
            if link is not None:
                frames[between] = link
            if all(self.truth(condition, frames, Caller()) is True for condition in conditions):
                return True
        return False

    def _says(self, rule: Any) -> Says:
        found = self._read.get(id(rule))
        if found is None:
            # The rule is kept beside what was read of it: its id would serve another one after it.
            found = self._read[id(rule)] = (rule, self._condition(rule))
        return found[1]

    def _condition(self, rule: Any) -> Says:
        element = shape_of(rule)
        match element:
            case Anyone() | True_():
                return lambda *_: True
            case False_():
                return lambda *_: False
            case SignedIn():
                return lambda _, caller, __: caller.id is not None
            case HasRole():
                role = element.role
                return lambda _, caller, __: role in caller.roles
            case InTenant():
                return self._in_tenant(element)
            case BooleanClauseList():
                parts = [self._condition(part) for part in element.clauses]
                joined = conjunction if element.operator is operators.and_ else disjunction
                return lambda *at: joined(part(*at) for part in parts)
            case Exists():
                return self._exists(element)
            case UnaryExpression() if is_negation(element):
                part = self._condition(element.element)
                return lambda *at: negation(part(*at))
        return self._atom(element)

    def _in_tenant(self, term: InTenant) -> Says:
        tenants = self.tenants
        assert tenants is not None, "a term of a tenant stands in a rule, and no tenancy was given"
        # The first frame is the row that the rule is about; what `.has()` and `.any()` cross to follows.
        return lambda frames, caller, world: tenants.is_member(
            next(iter(frames.values())), caller, world, term.as_roles
        )

    def _atom(self, element: Any) -> Says:
        is_unknown = self._unknown(element)
        try:
            worked_out = self._values.condition(element)
        except Beyond:
            worked_out = None

        def says(frames: Frames, caller: Caller, _: World) -> Truth:
            if is_unknown(caller):
                return None
            if worked_out is not None:
                try:
                    return worked_out(frames, caller)
                except Beyond:
                    pass
            return self.leaf.truth(element, frames, caller)

        return says

    def _unknown(self, element: Any) -> Callable[[Caller], bool]:
        uses = {part.attribute for part in iterate(element) if isinstance(part, MeValue)}
        return lambda caller: any(getattr(caller, attribute) is None for attribute in uses)

    def _exists(self, element: Exists) -> Says:
        inner = select_of(element)
        own = [bare(table) for table in inner._correlate_except or ()]
        conditions = list(_conjuncts(inner._where_criteria))
        read = [self._condition(each) for each in conditions]
        steps: list[tuple[Any, Callable[[Frames, World], Iterable[Row]]]] = []
        left = list(own)
        while left:
            step = next(
                (each for each in ((table, _lookup(table, left, conditions)) for table in left) if each[1] is not None),
                (left[0], None),
            )
            left.remove(step[0])
            steps.append((step[0], step[1] or _all_rows(step[0])))

        def says(frames: Frames, caller: Caller, world: World) -> Truth:
            return any(
                all(part(found, caller, world) is True for part in read) for found in _product(steps, frames, world)
            )

        return says


def shape_of(rule: Any) -> Any:
    """Return the element that says what kind of part this is, without what only wraps it."""
    while not isinstance(rule, ClauseElement):
        rule = rule.__clause_element__()
    element = bare(rule)
    while isinstance(element, Grouping) or (
        isinstance(element, AsBoolean) and element.operator is operators.is_true and _is_rule(element.element)
    ):
        element = bare(element.element)
    return element


def is_negation(element: Any) -> bool:
    """Say whether an element is the negation of a part that has a shape of its own, and not of a value."""
    if isinstance(element, AsBoolean):
        return element.operator is operators.is_false and _is_rule(element.element)
    return isinstance(element, UnaryExpression) and element.operator is operators.inv


def _is_rule(element: Any) -> bool:
    element = bare(element)
    while isinstance(element, Grouping):
        element = bare(element.element)
    return isinstance(element, Term | BooleanClauseList | Exists)


def select_of(element: Exists) -> Select[Any]:
    """Return the statement whose rows an EXISTS asks for."""
    inner: Any = element.element
    while not isinstance(inner, Select):
        inner = inner.element
    return inner


def _conjuncts(criteria: Iterable[Any]) -> Iterator[Any]:
    for each in criteria:
        element = shape_of(each)
        if isinstance(element, BooleanClauseList) and element.operator is operators.and_:
            yield from _conjuncts(element.clauses)
        else:
            yield element


def _product(
    steps: list[tuple[Any, Callable[[Frames, World], Iterable[Row]]]], frames: Frames, world: World
) -> Iterator[Frames]:
    if not steps:
        yield frames
        return
    (table, rows), rest = steps[0], steps[1:]
    for row in rows(frames, world):
        yield from _product(rest, {**frames, table: row}, world)


def _all_rows(table: Any) -> Callable[[Frames, World], Iterable[Row]]:
    stored = table_of(table)
    return lambda _, world: world.rows(stored)


def _lookup(table: Any, unbound: list[Any], conditions: list[Any]) -> Callable[[Frames, World], Iterable[Row]] | None:
    """Return what finds the rows of `table` that a condition lets through by equality with a row that is known.

    The condition itself is asked afterwards all the same.
    """
    for each in conditions:
        if not isinstance(each, BinaryExpression) or each.operator is not operators.eq:
            continue
        for own, other in ((bare(each.left), bare(each.right)), (bare(each.right), bare(each.left))):
            if not (isinstance(own, Column) and isinstance(other, Column)):
                continue
            known = bare(other.table)
            if bare(own.table) is table and known not in unbound and _are_plain(own, other):
                return _equal_rows(table_of(table), own.key, known, other.key)
    return None


def _equal_rows(stored: Table, column: str, known: Any, key: str) -> Callable[[Frames, World], Iterable[Row]]:
    def rows(frames: Frames, world: World) -> Iterable[Row]:
        value = frames[known][key]
        return () if value is None else world.where(stored, column, value)

    return rows


def _are_plain(*columns: Any) -> bool:
    """Say whether equal values of these columns are equal in Python: whole numbers, and text without a collation."""
    types = [column.type for column in columns]
    return all(isinstance(each, Integer) for each in types) or all(
        type(each) in (String,) and each.collation is None for each in types
    )
