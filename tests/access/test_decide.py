"""A decision, and the clauses of the rule that are its reason."""

from itertools import product

import pytest
from sqlalchemy import create_engine, literal, null, select, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meze.access.decide import clauses_of, decide, part_at
from meze.access.read import RuleReader
from meze.access.rule import IfSignedIn, lower, or_admin
from meze.access.terms import anyone, me, role, signed_in


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[bool | None]
    b: Mapped[bool | None]
    c: Mapped[bool | None]


A, B, C = Row.a, Row.b, Row.c


def read(written):
    return RuleReader(Row.__table__, None).read(written)


def decided(written, **truth):
    """Decide a rule over a, b and c, whose truths are given by name."""
    rule = read(written)
    clauses = clauses_of(rule)
    return decide(rule, {clause.path: truth[clause.words.removeprefix("not ").strip("()")] for clause in clauses})


@pytest.mark.parametrize(
    ("written", "truth", "allowed", "reasons"),
    [
        pytest.param(A | B | C, (False, True, True), True, ["b"], id="or-true-by-the-first-that-is"),
        pytest.param(A | B, (False, None, True), False, ["a", "b"], id="or-not-true-by-all"),
        pytest.param(A & B, (True, True, False), True, ["a", "b"], id="and-true-by-all"),
        pytest.param(A & B & C, (True, None, False), False, ["b"], id="and-not-true-by-the-first-that-is-not"),
        pytest.param((A & B) | C, (True, False, False), False, ["b", "c"], id="what-is-inside-is-told"),
        pytest.param(~(A | B), (False, False, True), True, ["not (a)", "not (b)"], id="not-or-true-by-all"),
        pytest.param(~(A | B), (False, None, True), False, ["not (b)"], id="not-or-kept-by-the-first-not-false"),
        pytest.param(~(A & B), (True, False, True), True, ["not (b)"], id="not-and-true-by-the-first-false"),
        pytest.param(~(A & B), (None, True, True), False, ["not (a)", "not (b)"], id="not-and-kept-by-all"),
        pytest.param(C & ~(A & ~(B | C)), (True, True, True), True, ["c", "b"], id="negations-cancel"),
    ],
)  # fmt: skip
def test_the_clauses_that_decided_are_named(written, truth, allowed, reasons):
    decision = decided(written, **dict(zip("abc", truth, strict=True)))

    assert decision.allowed is allowed
    assert [clause.words for clause in decision.reasons] == reasons


def test_a_decision_is_the_one_of_the_database():
    engine = create_engine("sqlite://")
    rules = [A | (B & C), ~(A | B) | C, ~(A & ~(B | C)), (A | ~(B & C)) & ~(C & A)]
    constants = {True: true(), False: literal(1) == literal(0), None: null()}
    with engine.connect() as connection:
        for written, values in product(rules, product((True, False, None), repeat=3)):
            given = dict(zip("abc", values, strict=True))
            row = select(*(constants[value].label(name) for name, value in given.items()), literal(1).label("id"))
            over = row.subquery()
            question = select(lower(read(written), {Row.__table__: over}).is_(true())).select_from(over)

            assert decided(written, **given).allowed is bool(connection.scalar(question)), (str(written), given)


def test_the_passage_of_admins_is_a_clause_before_the_others():
    rule = or_admin(read(A))

    assert [clause.words for clause in clauses_of(rule)] == ["role admin", "a"]
    assert [each.words for each in decide(rule, {(0,): True, (1,): True}).reasons] == ["role admin"]


def test_a_clause_knows_its_place_and_its_line():
    rule = read((signed_in & (Row.id == me.id)) | ~role("editor"))
    clauses = clauses_of(rule, "app.py:7")

    assert [(each.path, each.words, each.line) for each in clauses] == [
        ((0, 0), "signed in", "app.py:7"),
        ((0, 1), "id = me.id", "app.py:7"),
        ((1, 0), "not role editor", "app.py:7"),
    ]
    assert part_at(rule, (0, 0)) == IfSignedIn()


def test_a_rule_of_one_clause_is_its_own_reason():
    assert [each.words for each in decide(read(anyone), {(): True}).reasons] == ["anyone"]
