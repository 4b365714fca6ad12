"""The matrix of `meze access` in the three forms that it is printed in: a terminal, Markdown and JSON.

The Markdown is made to be committed: it holds nothing of the machine, and a changed rule changes its own lines only.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from meze.access.matrix import API_KEY, Cell, Matrix, Verdict
from meze.web.outside import View

KEY_NOTE = "An API key may do what its owner may, with the scope named here, or read or write for every resource."
CONDITION_INDENT = 5
NARROWEST = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is told, with every `file:line` as it is written from the folder of the project."""

    matrix: Matrix
    outside: tuple[View, ...]


def seen_from(folder: Path, matrix: Matrix, outside: Sequence[View]) -> Shown:
    """Return what is to be shown, its files named the same on every machine."""
    cells = tuple(replace(cell, line=_from(folder, cell.line)) for cell in matrix.cells)
    return Shown(Matrix(cells), tuple(replace(view, where=_from(folder, view.where)) for view in outside))


def _from(folder: Path, line: str | None) -> str | None:
    """Return a `file:line` by the path inside the project, or inside of the packages that are installed."""
    if line is None:
        return None
    file, _, number = line.rpartition(":")
    path = Path(file).absolute()
    packages = [place for place, part in enumerate(path.parts) if part in ("site-packages", "dist-packages")]
    if packages:
        shown = Path(*path.parts[packages[-1] + 1 :]).as_posix()
    elif path.is_relative_to(folder):
        shown = path.relative_to(folder).as_posix()
    else:
        shown = path.name
    return f"{shown}:{number}"


def as_data(shown: Shown) -> dict[str, Any]:
    return {
        "cells": [
            {
                "resource": cell.resource,
                "field": cell.field,
                "action": cell.action,
                "caller": cell.kind,
                "verdict": cell.verdict.value,
                "condition": cell.words or None,
                "line": cell.line,
            }
            for cell in shown.matrix.cells
        ],
        "outside": [
            {"rule": view.rule, "methods": list(view.methods), "endpoint": view.endpoint, "line": view.where}
            for view in shown.outside
        ],
    }


def as_markdown(shown: Shown) -> str:
    """Return the matrix as a document, ending in a line feed."""
    return "\n".join([*_markdown(shown)]) + "\n"


def _markdown(shown: Shown) -> Iterator[str]:
    yield "# Who may do what"
    yield ""
    yield "Made by `meze access --markdown` from the rules of the program. A condition in place of yes or no is"
    yield "asked of each row."
    if any(cell.kind == API_KEY for cell in shown.matrix.cells):
        yield ""
        yield KEY_NOTE
    for resource in shown.matrix.resources:
        for field, cells in shown.matrix.of(resource).items():
            yield ""
            yield f"## {resource}" if field is None else f"### {resource}.{field}"
            yield ""
            yield from _markdown_table(cells)
    yield ""
    yield "## Outside Meze"
    yield ""
    if not shown.outside:
        yield "The program has no views of its own."
        return
    yield "Views of the program itself. None of the rules above guards them."
    yield ""
    yield "| Address | Methods | Said in |"
    yield "|---|---|---|"
    for view in shown.outside:
        yield f"| {_code(view.rule)} | {' '.join(view.methods)} | {_code(view.where or view.endpoint)} |"


def _markdown_table(cells: Sequence[Cell]) -> Iterator[str]:
    grid = _Grid(cells)
    yield f"| Caller | {' | '.join(grid.actions)} |"
    yield "|---" * (len(grid.actions) + 1) + "|"
    for kind in grid.kinds:
        row = [_markdown_cell(grid.at(action, kind)) for action in grid.actions]
        yield f"| {_escaped(kind)} | {' | '.join(row)} |"
    if any(grid.line(action) for action in grid.actions):
        lines = [_code(grid.line(action) or "Meze") for action in grid.actions]
        yield f"| *said in* | {' | '.join(lines)} |"


def _markdown_cell(cell: Cell) -> str:
    if cell.verdict is not Verdict.IF:
        return _PLAIN[cell.verdict]
    return _code(cell.words)


def _code(text: str) -> str:
    """Return text as code in a table of GitHub's Markdown, where a bar ends the cell even inside of code."""
    fence = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{fence}{space}{text.replace('|', chr(92) + '|')}{space}{fence}"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text)


_PLAIN = {Verdict.ALLOW: "yes", Verdict.DENY: "no"}
_COLOURS = {Verdict.ALLOW: "green", Verdict.DENY: "red", Verdict.IF: "yellow"}


class _Grid:
    """The cells of one table, by action and kind of caller."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._cells = {(cell.action, cell.kind): cell for cell in cells}
        self.actions = tuple(dict.fromkeys(cell.action for cell in cells))
        self.kinds = tuple(dict.fromkeys(cell.kind for cell in cells))

    def at(self, action: str, kind: str) -> Cell:
        return self._cells[action, kind]

    def line(self, action: str) -> str | None:
        return self._cells[action, self.kinds[0]].line


def as_text(shown: Shown, width: int | None) -> Iterator[str]:
    """Yield the lines of the matrix for a terminal of `width` columns; None where nothing has to be broken."""
    for resource in shown.matrix.resources:
        conditions: dict[str, str] = {}
        for field, cells in shown.matrix.of(resource).items():
            yield from _text_table(resource, field, cells, conditions)
        for said, letter in conditions.items():
            lines = _broken(said, width and width - CONDITION_INDENT)
            yield f"  {letter:<{CONDITION_INDENT - 2}}{lines[0]}"
            yield from (" " * CONDITION_INDENT + line for line in lines[1:])
        yield ""
    if any(cell.kind == API_KEY for cell in shown.matrix.cells):
        yield from _broken(KEY_NOTE, width)
        yield ""
    yield from _text_outside(shown.outside)


def _broken(text: str, width: int | None) -> list[str]:
    return [text] if width is None else textwrap.wrap(text, max(NARROWEST, width))


def _text_table(resource: str, field: str | None, cells: Sequence[Cell], conditions: dict[str, str]) -> Iterator[str]:
    """Yield one table, its conditions by letters, which are added to `conditions`."""
    grid = _Grid(cells)
    where, lines = _places([grid.line(action) for action in grid.actions])
    yield click.style(resource if field is None else f"{resource}.{field}", bold=True) + (f"  {where}" if where else "")
    rows: list[list[tuple[str, str | None]]] = [[("", None), *((action, None) for action in grid.actions)]]
    for kind in grid.kinds:
        row: list[tuple[str, str | None]] = [(kind, None)]
        for action in grid.actions:
            row.append(_text_cell(grid.at(action, kind), conditions))
        rows.append(row)
    if lines:
        rows.append([("said in", None), *((line, None) for line in lines)])
    yield from _columns(rows)


def _text_cell(cell: Cell, conditions: dict[str, str]) -> tuple[str, str | None]:
    if cell.kind == API_KEY and cell.verdict is Verdict.IF:
        return f":{cell.action}", None
    if cell.verdict is Verdict.IF:
        letter = conditions.setdefault(cell.words, _letter(len(conditions)))
        return f"if {letter}", _COLOURS[cell.verdict]
    return _PLAIN[cell.verdict], _COLOURS[cell.verdict]


def _letter(place: int) -> str:
    return (_letter(place // 26 - 1) if place >= 26 else "") + chr(ord("a") + place % 26)


def _places(lines: Sequence[str | None]) -> tuple[str, list[str]]:
    """Return what all the lines have in common, itself a line or a file, and what is left of each, if anything is."""
    if len(set(lines)) == 1:
        return lines[0] or "", []
    files = {line.rpartition(":")[0] for line in lines if line}
    if len(files) == 1 and all(lines):
        return files.pop(), [f":{(line or '').rpartition(':')[2]}" for line in lines]
    return "", [line or "Meze" for line in lines]


def _text_outside(views: Sequence[View]) -> Iterator[str]:
    if not views:
        yield "The program has no views of its own outside Meze."
        return
    yield click.style("Outside Meze", bold=True) + ": views of the program itself, which no rule above guards"
    rows = ((view.rule, " ".join(view.methods), view.where or view.endpoint) for view in views)
    yield from _columns([[(text, None) for text in row] for row in rows])


def _columns(rows: Sequence[Sequence[tuple[str, str | None]]]) -> Iterator[str]:
    """Yield rows of cells, each with its colour, under each other."""
    widths = [max(_width(row[place][0]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        padded = (
            (click.style(text, fg=colour) if colour else text) + " " * (width - _width(text))
            for (text, colour), width in zip(row, widths, strict=True)
        )
        yield f"  {'  '.join(padded)}".rstrip()


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: Chinese letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
