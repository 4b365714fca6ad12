"""Read the source of a declaration, for what Python would have silently evaluated before we saw it.

`a and b`, `not a`, `a is b` and chained comparisons leave no trace in the expression that arrives: the first returns
one of its sides. So the text of the call, and of the names it uses, is read with `ast` instead.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FrameType

from meze.errors import Mistake

RULE_ARGUMENTS = frozenset({"read", "create", "update", "delete", "write", "fields", "access"})


@dataclass(frozen=True, slots=True)
class Source:
    """What is asked of a module's text, found in one walk: its calls, and for each name the nodes that give it meaning.

    A program declares many resources in one file, and each asks.
    """

    calls: Sequence[ast.Call]
    given: Mapping[str, Sequence[ast.AST]]


def check_source(frame: FrameType | None) -> None:
    """Refuse the words of Python in the rules of the call that `frame` stands at.

    Says nothing where the source cannot be read (a REPL, a frozen program).

    Raises:
        Mistake: with the line of the word itself.
    """
    if frame is None:
        return
    filename, line = frame.f_code.co_filename, frame.f_lineno
    module = _parsed(filename)
    if module is None:
        return
    seen: set[tuple[str, str]] = set()
    for node in module.calls:
        if node.lineno <= line <= (node.end_lineno or line):
            for argument in node.keywords:
                if argument.arg in RULE_ARGUMENTS:
                    _check(argument.value, module, filename, seen)


def lines_of(frame: FrameType | None) -> Mapping[str, str]:
    """Return the `file:line` of each argument of the call of `api.resource` that `frame` stands at.

    Those of a literal `fields={"salary": …}` have theirs as `fields.salary`. Empty where the source cannot be read.
    """
    if frame is None:
        return {}
    filename, line = frame.f_code.co_filename, frame.f_lineno
    module = _parsed(filename)
    calls = [
        node
        for node in (module.calls if module else ())
        if isinstance(node.func, ast.Attribute)
        and node.func.attr == "resource"
        and node.lineno <= line <= (node.end_lineno or line)
    ]
    if not calls:
        return {}
    call = max(calls, key=lambda node: node.lineno)
    lines = {}
    for argument in call.keywords:
        if argument.arg is not None:
            lines[argument.arg] = f"{filename}:{argument.lineno}"
            if argument.arg == "fields" and isinstance(argument.value, ast.Dict):
                literal = [key for key in argument.value.keys if isinstance(key, ast.Constant)]
                lines |= {f"fields.{key.value!s}": f"{filename}:{key.lineno}" for key in literal}
    return lines


def _parsed(filename: str) -> Source | None:
    lines = linecache.getlines(filename)
    return _parse("".join(lines)) if lines else None


@lru_cache(maxsize=16)
def _parse(text: str) -> Source | None:
    try:
        module = ast.parse(text)
    except SyntaxError:  # a file that changed since it was imported
        return None
    calls: list[ast.Call] = []
    given: defaultdict[str, list[ast.AST]] = defaultdict(list)
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            calls.append(node)
        for name in _names_given_by(node):
            given[name].append(node)
    return Source(calls, given)


def _names_given_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return []


def _check(written: ast.expr, module: Source, filename: str, seen: set[tuple[str, str]]) -> None:
    for node in ast.walk(written):
        fault = _fault(node)
        if fault is not None:
            cause, remedy = fault
            raise Mistake(cause, remedy, f"{filename}:{getattr(node, 'lineno', written.lineno)}")
        if isinstance(node, ast.Name) and (filename, node.id) not in seen:
            seen.add((filename, node.id))
            for value, home, home_file in _meanings(node.id, module, filename):
                _check(value, home, home_file, seen)


def _fault(node: ast.AST) -> tuple[str, str] | None:
    if isinstance(node, ast.BoolOp):
        word, sign = ("and", "&") if isinstance(node.op, ast.And) else ("or", "|")
        return (
            f"`{word}` in a rule: Python keeps one of its sides and drops the other.",
            f"Write `{sign}`, with each comparison in parentheses: signed_in {sign} (Trip.owner_id == me.id).",
        )
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return "`not` in a rule: Python turns the rule into a plain True or False.", "Write `~`: ~Trip.public."
    if isinstance(node, ast.IfExp):
        return "`if` in a rule: Python decides it once, at start.", "Combine rules with `&`, `|` and `~`."
    if isinstance(node, ast.Compare):
        if any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            return (
                "`is` in a rule: Python compares the objects, not the rows.",
                "Write .is_(True), .is_(None) or .is_not(None): Trip.public.is_(True).",
            )
        if any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            return "`in` in a rule: Python decides it once, at start.", "Write .in_(...): Trip.state.in_(['new'])."
        if len(node.ops) > 1:
            return (
                "A chained comparison in a rule: Python keeps only one of the two.",
                "Write two comparisons: (1 <= Stop.nights) & (Stop.nights <= 9).",
            )
    return None


def _meanings(
    name: str, module: Source, filename: str, crossed: frozenset[tuple[str, str]] = frozenset()
) -> Iterator[tuple[ast.expr, Source, str]]:
    """Yield what `name` was given in this module or where it is from, or what a function of that name returns.

    `crossed` are the imports that led here, since modules may hand a name round.
    """
    for node in module.given.get(name, ()):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            if node.value is not None:
                yield node.value, module, filename
        elif isinstance(node, ast.FunctionDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield inner.value, module, filename
        elif isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith(("meze", "sqlalchemy")):
            original = next((alias.name for alias in node.names if (alias.asname or alias.name) == name), None)
            source = _file_of(node.module, node.level, filename)
            if original is None or source is None or source == filename or (source, original) in crossed:
                continue
            there = _parsed(source)
            if there is not None:
                yield from _meanings(original, there, source, crossed | {(source, original)})


def _file_of(module: str, level: int, filename: str) -> str | None:
    """Return the file that `from module import ...` in `filename` reads; `level` is the number of dots before it."""
    if not level:
        return getattr(sys.modules.get(module), "__file__", None)
    # Such as `from .app import Flask` in Flask itself, which is no module `app` of the user's.
    parts = module.split(".")
    folder = Path(filename).parents[level - 1]
    places = (folder.joinpath(*parts[:-1], f"{parts[-1]}.py"), folder.joinpath(*parts, "__init__.py"))
    return next((str(place) for place in places if place.is_file()), None)
