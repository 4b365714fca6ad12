"""What Python and SQLAlchemy say about well-known misuses while an app is loaded, in words that help.

`EXPLANATIONS` is the visible table: another misuse is another row. Everything else is shown as the traceback that it
is, from the user's own first line on.
"""

from __future__ import annotations

import difflib
import re
import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import meze as public
from meze.app import Meze
from meze.cli.place import seen_from_here
from meze.errors import Mistake


class LoadingFailed(Mistake):
    """The program raised an error of its own while it was loaded. `str()` is its traceback, without what called it."""

    def __init__(self, error: BaseException, where: str | None) -> None:
        super().__init__(str(error), "", where)
        self._shown = "".join(traceback.format_exception(type(error), error, _from_users_code(error))).rstrip()

    def __str__(self) -> str:
        return f"the app could not be loaded.\n{self._shown}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A misuse: how the error that it causes reads, what is wrong, and what to write. Groups fill the `{names}`."""

    error: str
    pattern: str
    cause: str
    remedy: str


EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "AttributeError",
        r"associated with (?P<relation>\w+\.\w+) has an attribute '(?P<column>\w+)'",
        "{relation} is a relation; '{column}' belongs to the row behind it.",
        "Cross a relation with .has(), or .any() where it leads to many: {relation}.has(TheOtherModel.{column} == …)",
    ),
    Explanation(
        "AttributeError",
        r"(?:module 'meze' has no attribute '|`meze\.)(?P<name>\w+)",
        "The module meze has no '{name}'.",
        "{meze_member}",
    ),
    Explanation(
        "ImportError",
        r"cannot import name '(?P<name>\w+)' from 'meze'",
        "The module meze has no '{name}'.",
        "{meze_member}",
    ),
    Explanation(
        "AttributeError",
        r"'Meze' object has no attribute '(?P<name>\w+)'",
        "Meze has no '{name}'.",
        "{api_member}",
    ),
    Explanation(
        "TypeError",
        r"Boolean value of this clause is not defined",
        "Python's and, or, not, if and in cannot look into a condition on the database.",
        "Write & for and, | for or, ~ for not, with parentheses around each comparison: (A.x == 1) & (A.y == 2)",
    ),
    Explanation(
        "InvalidRequestError",
        r"Class <class '(?:[\w.<>]+\.)?(?P<name>\w+)'> does not have a __table__ or __tablename__",
        "The class {name} has no table.",
        'Give it a name in the database: __tablename__ = "{name_lower}s"',
    ),
    Explanation(
        "ArgumentError",
        r"could not assemble any primary key columns for mapped table '(?P<table>[^']+)'",
        "The table '{table}' has no key, so its rows could not be told apart.",
        "Add one: id: Mapped[int] = mapped_column(primary_key=True)",
    ),
    Explanation(
        "InvalidRequestError",
        r"Table '(?P<table>[^']+)' is already defined",
        "Two classes have the table '{table}'.",
        "Give one of them another __tablename__.",
    ),
    Explanation(
        "NoReferencedTableError",
        r"column '(?P<column>[^']+)' could not find table '(?P<table>[^']+)'",
        "The foreign key {column} points to a table '{table}', which no model has.",
        "Check the table's name in ForeignKey(…); it is the other model's __tablename__, not its class.",
    ),
    Explanation(
        "InvalidRequestError",
        r"expression '(?P<name>[^']+)' failed to locate a name",
        "A relationship names the class {name}, which does not exist.",
        "Check the spelling, and that the module with that class is imported.",
    ),
    Explanation(
        "NoForeignKeysError",
        r"relationship (?P<relation>\w+\.\w+)",
        "{relation} is a relationship, but no foreign key joins the two tables.",
        "Add a column to the row that points: mapped_column(ForeignKey('table.id'))",
    ),
)


def explained(error: BaseException) -> Mistake:
    """Return the error as a Mistake: a known misuse by its row of the table, anything else with its traceback."""
    where = users_line(error)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    for row in EXPLANATIONS:
        match = re.search(row.pattern, str(error)) if row.error in kinds else None
        if match is not None:
            words = match.groupdict()
            name = words.get("name", "")
            words |= {
                "name_lower": name.lower(),
                "meze_member": _member_of_meze(name),
                "api_member": _nearest(name, _public_names(Meze)) or 'See the guide, page "Rules and resources".',
            }
            return Mistake(row.cause.format(**words), row.remedy.format(**words), where)
    return LoadingFailed(error, where)


def users_line(error: BaseException) -> str | None:
    """Return `file:line` of the user's innermost line that led to the error, the file as seen from here."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{seen_from_here(error.filename)}:{error.lineno}"
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return f"{seen_from_here(lines[-1].filename)}:{lines[-1].lineno}" if lines else None


_FOREIGN = tuple(
    {
        *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(__file__).parent.parent),
        str(Path(sysconfig.__file__).parent),
    }
)


def _is_users(filename: str) -> bool:
    return not filename.startswith(("<", *(f"{folder}/" for folder in _FOREIGN)))


def _from_users_code(error: BaseException) -> TracebackType | None:
    """Return the traceback without the frames before the user's first, which are Flask's and ours."""
    first = error.__traceback__
    while first is not None and not _is_users(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    return first


def _member_of_meze(name: str) -> str:
    if name in _public_names(Meze):
        return f"{name} belongs to the object that you make of your app: api = Meze(app, Base), then api.{name}(…)"
    return _nearest(name, _public_names(public)) or 'See the guide, page "Rules and resources".'


def _nearest(name: str, known: list[str]) -> str | None:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else None


def _public_names(holder: object) -> list[str]:
    return [name for name in dir(holder) if not name.startswith("_")]
