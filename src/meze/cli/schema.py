"""Compare the models with the database, for `meze serve` and `meze db`."""

from __future__ import annotations

from collections.abc import Iterator

from meze.databases.schema import Change, apply, is_complete, pending
from meze.errors import Mistake
from meze.installation import Installation

# Without these some requests cannot be answered; a missing index only makes them slow.
NEEDED = ("add_table", "add_column", "add_search")


def prepare_schema(meze: Installation, *, dev: bool) -> Iterator[str]:
    """Make sure that the database has what the models name, and yield what was done, in words.

    With `dev` what only adds is added.

    Raises:
        Mistake: the database lacks something; names the command that adds it.
    """
    if is_complete(meze.database, meze.metadata):
        return
    changes = pending(meze.database, meze.metadata)
    if dev:
        adding = [change for change in changes if change.adds_only]
        apply(meze.database, meze.metadata, adding)
        yield from (change.done for change in adding)
        changes = [change for change in changes if not change.adds_only]
    lacking = _lacking(changes)
    if lacking:
        raise lacking


def refuse_lacking(meze: Installation, error: Exception) -> None:
    """Raise a Mistake, as above, if what the database lacks may be why a statement failed with `error`."""
    lacking = _lacking(pending(meze.database, meze.metadata))
    if lacking:
        raise lacking from error


def _lacking(changes: list[Change]) -> Mistake | None:
    lacking = [change for change in changes if change.kind in NEEDED]
    if not lacking:
        return None
    return Mistake(f"The database lacks what the models name: {_listed(lacking)}", remedy_for(lacking))


def remedy_for(changes: list[Change]) -> str:
    """Return what to do about these changes, none of which were made."""
    if all(change.adds_only for change in changes):
        return "Add it with: meze db upgrade"
    return (
        "Rows exist that a new column would not fit: give it a server_default or let it be None, then meze db upgrade."
        " A difference of another kind has to be settled by hand, with Alembic."
    )


def _listed(changes: list[Change]) -> str:
    # Who reads it knows the tables of their own program, and several of ours are new with a new version.
    own_first = sorted(changes, key=lambda change: change.table.startswith("meze_"))
    shown = " ".join(change.text for change in own_first[:5])
    return f"{shown} And {len(changes) - 5} more." if len(changes) > 5 else shown
