"""An explanation as text for a terminal, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from meze.access.decide import Clause
from meze.resources.indexes import Advice
from meze.verify.explain.explanation import ClauseSeen, Explanation, Group, RowSeen, StatementSeen
from meze.verify.explain.masks import written

Style = Callable[[str], str]
_TRUTHS = {True: "true", False: "false", None: "unknown (NULL)"}
_ROWS_LISTED = 20


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation as JSON has it."""
    return {
        "request": explanation.request,
        "caller": explanation.caller,
        "resource": explanation.resource,
        "action": explanation.action,
        "status": explanation.status,
        "code": explanation.code,
        "rules": [{"action": each.action, "words": each.words, "line": each.line} for each in explanation.rules],
        "rows": [_row_json(each) for each in explanation.rows],
        "let_in": [_group_json(each) for each in explanation.let_in],
        "kept_out": [_group_json(each) for each in explanation.kept_out],
        "rows_returned": explanation.returned,
        "rows_read": explanation.read,
        "statements": [_statement_json(each) for each in explanation.statements],
        "milliseconds": {name: round(each, 3) for name, each in explanation.milliseconds.items()},
        "missing_indexes": [_index_json(each) for each in explanation.indexes],
        "faults": explanation.faults,
        "notes": explanation.notes,
    }


def _clause_json(clause: Clause) -> dict[str, Any]:
    return {"words": clause.words, "line": clause.line}


def _row_json(row: RowSeen) -> dict[str, Any]:
    return {
        "key": row.key,
        "asked": row.what,
        "allowed": row.allowed,
        "because": [_clause_json(each.clause) | {"truth": each.truth} for each in row.reasons],
        "clauses": [
            _clause_json(each.clause)
            | {"truth": each.truth, "looked_at": {name: written(value) for name, value in each.looked_at.items()}}
            for each in row.clauses
        ],
    }


def _group_json(group: Group) -> dict[str, Any]:
    return {"because": [_clause_json(each) for each in group.clauses], "rows": group.rows, "keys": list(group.keys)}


def _statement_json(statement: StatementSeen) -> dict[str, Any]:
    return {
        "purpose": statement.purpose,
        "sql": statement.sql,
        "values": [{"name": each.name, "value": each.value} for each in statement.values],
        "times": statement.times,
        "rows_returned": statement.returned,
        "rows_read": statement.read,
        "rows_read_is": "counted" if statement.counted else "estimated",
        "milliseconds": round(statement.milliseconds, 3),
        "plan": list(statement.plan),
    }


def _index_json(advice: Advice) -> dict[str, Any]:
    return {
        "table": advice.table,
        "columns": list(advice.columns),
        "why": list(advice.why),
        "create_index": advice.create_index,
        "declare": advice.declare,
    }


def as_text(explanation: Explanation, heading: Style = str) -> Iterator[str]:
    """Yield the lines of the explanation; `heading` styles the headings."""
    yield f"{heading(explanation.request)} as {explanation.caller}"
    if explanation.status is not None:
        yield f"  answer: {explanation.status}" + (f" {explanation.code}" if explanation.code else "")
    for rule in explanation.rules:
        yield f"  {rule.action}: {rule.words}" + (f"   {rule.line}" if rule.line else "")
    yield from _section("What was refused", (f"  {each}" for each in explanation.faults), heading)
    yield from _rows(explanation, heading)
    yield from _section("Let in", _groups(explanation.let_in, "because"), heading)
    yield from _section("Kept out", _groups(explanation.kept_out, "because of what is not true"), heading)
    yield from _database(explanation, heading)
    yield from _section("Index that is missing", _indexes(explanation), heading)
    yield from _section("Notes", (f"  {each}" for each in explanation.notes), heading)


def _section(title: str, lines: Iterable[str], heading: Style) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield heading(title)
        yield from found


def _rows(explanation: Explanation, heading: Style) -> Iterator[str]:
    """Tell of each row; where several were let in by the same clauses, together."""
    rows = explanation.rows
    if len(rows) > 1 and len({row.what for row in rows}) == 1 and all(row.allowed for row in rows):
        yield from _section("Let in", _groups(_together(rows), "because"), heading)
        return
    for row in rows:
        subject = f"{explanation.resource}/{row.key}: " if row.key else ""
        verdict = "allowed" if row.allowed else "not allowed"
        yield from _section(f"{subject}{row.what}: {verdict}", _clauses(row), heading)


def _together(rows: list[RowSeen]) -> list[Group]:
    found: dict[tuple[Any, ...], list[RowSeen]] = {}
    for row in rows:
        found.setdefault(tuple(each.clause.path for each in row.reasons), []).append(row)
    return [
        Group(tuple(each.clause for each in group[0].reasons), len(group), tuple(row.key for row in group))
        for group in found.values()
    ]


def _clauses(row: RowSeen) -> Iterator[str]:
    for each in row.clauses:
        yield f"  {'→' if each.decides else ' '} {_said(each.clause)}"
        yield f"      is {_TRUTHS[each.truth]}{_looked_at(each)}"


def _looked_at(clause: ClauseSeen) -> str:
    if not clause.looked_at:
        return ""
    pairs = (f"{name} = {'NULL' if value is None else value!r}" for name, value in clause.looked_at.items())
    return f": {', '.join(pairs)}"


def _said(clause: Clause) -> str:
    return clause.words + (f"   {clause.line}" if clause.line else "")


def _groups(groups: list[Group], why: str) -> Iterator[str]:
    for group in groups:
        count = "rows, too many to count in time" if group.rows is None else _rows_in_words(group.rows)
        yield f"  {count}, {why}:"
        for clause in group.clauses:
            yield f"    → {_said(clause)}"
        more = " …" if group.rows is None or group.rows > min(len(group.keys), _ROWS_LISTED) else ""
        yield f"    keys: {' '.join(group.keys[:_ROWS_LISTED])}{more}"


def _rows_in_words(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _database(explanation: Explanation, heading: Style) -> Iterator[str]:
    for each in explanation.statements:
        yield from _section(f"SQL: {each.purpose}", _statement(each), heading)
    if explanation.milliseconds:
        steps = ", ".join(f"{name} {each:.2f}" for name, each in explanation.milliseconds.items())
        yield from _section("Time in milliseconds", [f"  {steps}"], heading)
    if explanation.returned is not None and explanation.read is not None:
        about = "" if all(each.counted for each in explanation.statements) else "about "
        told = f"  {about}{_rows_in_words(explanation.read)} read for {_rows_in_words(explanation.returned)} returned"
        yield from _section("Rows", [told], heading)


def _statement(statement: StatementSeen) -> Iterator[str]:
    for line in statement.sql.splitlines():
        yield f"  {line}"
    if statement.values:
        yield f"  values: {', '.join(f'{each.name} = {each.value!r}' for each in statement.values)}"
    if statement.times:
        run = "" if statement.times == 1 else f", run {statement.times} times"
        yield f"  {_rows_in_words(statement.returned)} in {statement.milliseconds:.2f} ms{run}"
    else:
        yield "  was not run"
    for line in statement.plan:
        yield f"  plan: {line}"


def _indexes(explanation: Explanation) -> Iterator[str]:
    for each in explanation.indexes:
        yield f"  {each.table} ({', '.join(each.columns)}): {', '.join(each.why)}"
        yield f"    {each.create_index}"
        yield f"    {each.declare}"
