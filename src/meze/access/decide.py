"""Say what a rule comes to for one row, and which of its clauses are the reason.

A clause is a part of a rule that is looked at as a whole: a condition on the caller, a comparison, a related row. Given
the truth of each, true, false or unknown as in SQL, a rule is true for these reasons, or is not for those:

    a or b     true: the first that is true         not true: all of them
    a and b    true: all of them                    not true: the first that is not true
    not a      why a is false                       why a is not false

Nothing here asks a database; `verify/explain` does, and the attack of `meze verify` reckons the same by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from meze.access.rule import Either, Every, Negated, Rule
from meze.access.words import words

Path: TypeAlias = tuple[int, ...]
"""Where a part stands in a rule: which of the parts, which of its parts, and so on; 0 inside of a negation."""

Truth: TypeAlias = Mapping[Path, bool | None]
"""What each clause comes to for a row and a caller; None is SQL's unknown."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a rule: its place, its words (with `not` where the rule asks for the opposite), and the
    `file:line` that says it."""

    path: Path
    words: str
    line: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a rule lets a row through, and the clauses that made it so, in the order in which they were written."""

    allowed: bool
    reasons: tuple[Clause, ...]


def clauses_of(rule: Rule, line: str | None = None) -> tuple[Clause, ...]:
    """Return the clauses of a rule in the order in which they were written."""
    return tuple(_clauses(rule, (), line, straight=True))


def part_at(rule: Rule, path: Path) -> Rule:
    """Return the part of the rule that stands at `path`."""
    for place in path:
        assert isinstance(rule, Every | Either | Negated), f"{rule!r} has no parts"
        rule = rule.part if isinstance(rule, Negated) else rule.parts[place]
    return rule


def decide(rule: Rule, truth: Truth, line: str | None = None) -> Decision:
    """Decide a rule. `truth` holds an entry for the path of each of its clauses.

    The rule is one that was not folded, so that what depends on the caller alone can be a reason too.
    """
    allowed = _value(rule, (), truth) is True
    named = _Reasons(truth).paths(rule, (), value=True, holds=allowed)
    clauses = {clause.path: clause for clause in clauses_of(rule, line)}
    return Decision(allowed, tuple(clauses[path] for path in named))


def _clauses(rule: Rule, path: Path, line: str | None, *, straight: bool) -> Iterator[Clause]:
    if isinstance(rule, Every | Either):
        for place, part in enumerate(rule.parts):
            yield from _clauses(part, (*path, place), line, straight=straight)
    elif isinstance(rule, Negated):
        yield from _clauses(rule.part, (*path, 0), line, straight=not straight)
    else:
        yield Clause(path, words(rule if straight else Negated(rule)), line)


def _value(rule: Rule, path: Path, truth: Truth) -> bool | None:
    if isinstance(rule, Negated):
        inner = _value(rule.part, (*path, 0), truth)
        return None if inner is None else not inner
    if isinstance(rule, Every | Either):
        deciding = isinstance(rule, Either)
        values = [_value(part, (*path, place), truth) for place, part in enumerate(rule.parts)]
        return deciding if deciding in values else None if None in values else not deciding
    return truth[path]


class _Reasons:
    """Finds why a rule is, or is not, a value. Its four questions are: why true, why not true, why false, why not."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def paths(self, rule: Rule, path: Path, *, value: bool, holds: bool) -> Iterator[Path]:
        """Yield the paths of the clauses for which `rule` is `value` (`holds`), or is not."""
        if isinstance(rule, Negated):
            yield from self.paths(rule.part, (*path, 0), value=not value, holds=holds)
        elif isinstance(rule, Every | Either):
            # One part is enough to make an `or` true and an `and` false, and to keep an `or` from being false and an
            # `and` from being true; else it took all of them.
            one = isinstance(rule, Either) == (value == holds)
            for place, part in enumerate(rule.parts):
                inner = (*path, place)
                if not one or (_value(part, inner, self._truth) is value) is holds:
                    yield from self.paths(part, inner, value=value, holds=holds)
                    if one:
                        return
        else:
            yield path
