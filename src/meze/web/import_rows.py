"""Read the rows of a file that is imported: NDJSON, or CSV with a header (RFC 4180), both in UTF-8.

What keeps the file from being read at all is malformed, and tells the line. What is wrong with one row is left to the
row, so that all of them are told.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, Any

from meze.errors import BadRequest, Entry, Text
from meze.records.cells import cell_value, unguarded
from meze.records.check import pointer
from meze.records.importing import Sent
from meze.resources.fields import parameter_entry
from meze.resources.resource import Field
from meze.web.body import parsed

_LONG = Text("Line {line} is longer than {max} bytes.", "第 {line} 行超过 {max} 字节。")
_CELLS = Text("The row has {cells} cells, the header {columns}.", "此行有 {cells} 个单元格，而表头有 {columns} 个。")


def ndjson_rows(file: IO[bytes], longest: int) -> Iterator[Sent]:
    """Yield the row of each line; blank lines are none."""
    for number, line in _lines(file, longest):
        if not line.strip():
            continue
        try:
            yield Sent(number, parsed(line))
        except BadRequest as problem:
            raise _at_line(problem.detail, number) from None


def header_of(file: IO[bytes], longest: int) -> list[str]:
    """Return the names of the columns.

    Raises:
        BadRequest: there is no header, or it names a column twice.
    """
    for number, cells in _records(file, longest):
        names = [unguarded(cell) for cell in cells]
        if len(set(names)) < len(names):
            raise _at_line(Text("The header names a column twice.", "表头中有重复的列名。"), number)
        return names
    raise BadRequest(Text("The body is empty.", "正文为空。"))


def csv_rows(file: IO[bytes], longest: int, fields: Mapping[str, Field], closed: frozenset[str]) -> Iterator[Sent]:
    """Yield the rows below the header. An empty cell of a field in `closed` says nothing, since nobody may set it."""
    records = _records(file, longest)
    _, header = next(records)
    names = [unguarded(cell) for cell in header]
    for number, cells in records:
        if len(cells) != len(names):
            params = {"cells": len(cells), "columns": len(names)}
            yield Sent(number, None, (Entry("bad_format", pointer="", params=params, text=_CELLS),))
            continue
        body: dict[str, Any] = {}
        entries: list[Entry] = []
        for name, cell in zip(names, cells, strict=True):
            if not cell and name in closed:
                continue
            try:
                body[name] = cell_value(cell, fields[name], _json)
            except ValueError as error:
                found = parameter_entry(error, fields[name].type, name)
                entries.append(replace(found, parameter=None, pointer=pointer(name)))
        yield Sent(number, body, tuple(entries))


def _json(cell: str) -> Any:
    try:
        return parsed(cell.encode())
    except BadRequest as problem:
        raise ValueError from problem


def _records(file: IO[bytes], longest: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line it begins at; blank lines are none."""
    if csv.field_size_limit() < longest:
        csv.field_size_limit(longest)  # one for the whole process
    reader = csv.reader(_texts(file, longest), strict=True)
    while True:
        begun = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                text = Text("A quote that begins here never closes.", "此处开始的引号没有闭合。")
            elif "field larger" in str(error):
                text = Text("A cell is too long, or its quote never closes.", "单元格过长，或引号没有闭合。")
            else:
                text = Text("This is not CSV.", "这不是合法的 CSV。")
            raise _at_line(text, begun) from None
        if cells:
            yield begun, cells


def _texts(file: IO[bytes], longest: int) -> Iterator[str]:
    """Yield the lines of CSV as text, without the byte order mark that a spreadsheet puts before the first."""
    for number, line in _lines(file, longest):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise _at_line(Text("The body is not UTF-8.", "正文不是 UTF-8 编码。"), number) from None
        yield text


def _lines(file: IO[bytes], longest: int) -> Iterator[tuple[int, bytes]]:
    file.seek(0)
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise BadRequest(_LONG, params={"line": number, "max": longest})
        yield number, line


def _at_line(text: Text, line: int) -> BadRequest:
    said = Text(f"Line {{line}}: {text.en}", f"第 {{line}} 行：{text.zh}")
    return BadRequest(said, params={"line": line})
