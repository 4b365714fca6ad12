"""What `meze check` finds, one function for each of its sections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from meze.access.cascades import cascades
from meze.access.lint import lint
from meze.accounts.tables import User
from meze.cli.find import reaching
from meze.cli.schema import remedy_for
from meze.databases.schema import pending
from meze.installation import Installation
from meze.settings import production_faults

Level = Literal["fault", "warning", "note"]
Section = Literal["configuration", "schema", "access", "cascades", "indexes"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should know: a fault has to be mended, a warning to be looked at, a note is only told.

    `create_index` is the SQL that would mend it, where an index would.
    """

    level: Level
    section: Section
    what: str
    remedy: str
    where: str | None = None
    create_index: str | None = None


def find_all(meze: Installation, *, production: bool) -> Iterator[Finding]:
    """Yield every finding about a program, section by section. `production` asks whether it is fit to be served.

    Raises:
        Mistake: the database cannot be reached.
    """
    yield from of_configuration(meze, production=production)
    yield from of_schema(meze)
    yield from of_access(meze)
    yield from of_cascades(meze)
    yield from of_indexes(meze)


def of_configuration(meze: Installation, *, production: bool) -> Iterator[Finding]:
    settings = meze.settings
    for warning in settings.warnings:
        yield Finding("warning", "configuration", warning, "Correct the name, or unset it.")
    if production:
        made_here = settings.source("secret_key").startswith("instance/")
        served = replace(settings, secret_key=None) if made_here else settings
        for cause, remedy in production_faults(served, debug=meze.app.debug):
            yield Finding("fault", "configuration", cause, remedy)


def of_schema(meze: Installation) -> Iterator[Finding]:
    with reaching(meze):
        changes = pending(meze.database, meze.metadata)
    for change in changes:
        # What the database has besides does no harm to what is served.
        level: Level = "warning" if change.kind.startswith("remove_") else "fault"
        yield Finding(level, "schema", change.text, remedy_for([change]))


def of_access(meze: Installation) -> Iterator[Finding]:
    for resource in meze.resources.served:
        if not resource.rules:
            yield Finding(
                "warning",
                "access",
                f"{resource.name} has no rules, so it is closed to everyone but admins.",
                f"Open it: api.resource({resource.model.__name__}, read=anyone).",
                resource.where,
            )


def of_cascades(meze: Installation) -> Iterator[Finding]:
    parts = meze.open()
    users = parts.resources.of(User)
    assert users is not None, "Meze declares its accounts itself"
    for each in cascades(parts.resources, parts.policy, users.table):
        done = "deletes" if each.action == "delete" else "changes"
        way = " → ".join(each.way)
        yield Finding(
            "warning",
            "cascades",
            f"Deleting a row of {each.parent} {done} rows of {each.resource} ({way}, ON DELETE {each.on_delete}), and"
            f" who may do the first need not be one who may {each.action} them. It asks: {each.parent_rule}."
            f" They ask: {each.rule}. This does not follow: {each.lacking}.",
            f"Let the rule of {each.resource} follow from that of {each.parent}, or refuse the delete while such rows"
            ' exist: ondelete="RESTRICT". If it is meant so, leave it.',
            each.where,
        )


def of_indexes(meze: Installation) -> Iterator[Finding]:
    parts, waivers = meze.open(), meze.settings.lint_waive
    with reaching(meze):
        dialect = meze.database.dialect
    found = lint(parts.resources, parts.policy, meze.metadata, waivers, dialect)
    for advice in found.missing:
        yield Finding(
            "fault",
            "indexes",
            f"No index leads to {advice.name}: {'; '.join(advice.why)}.",
            f"In the model, {advice.declare}; then meze db upgrade. Or waive it: MEZE_LINT_WAIVE={advice.name}",
            create_index=advice.create_index,
        )
    for bad in found.bad_waivers:
        cause = f"MEZE_LINT_WAIVE names {bad.name!r}. {bad.cause}"
        yield Finding("fault", "indexes", cause, bad.remedy)
    if found.waived:
        names = ", ".join(each.name for each in found.waived)
        yield Finding("note", "indexes", f"Without an index, and waived: {names}.", "")
    for name, fields in found.folded:
        yield Finding(
            "note",
            "indexes",
            f"contains, startswith and endswith on {name} read every row, whatever the index: {', '.join(fields)}.",
            "Let clients find words with q: search=[...]. MEZE_ROWS_READ_LIMIT refuses what reads too many rows.",
        )
