"""`meze check`: what is wrong with a program before it is served, or might be."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict

import click

from meze.cli.door import as_object, closed_by, in_words
from meze.cli.find import load_meze
from meze.cli.findings import Finding, find_all
from meze.cli.group import app_option, chosen, json_option
from meze.installation import Installation
from meze.settings import SETTINGS

COLOURS = {"fault": "red", "warning": "yellow", "note": "cyan"}


@click.command(epilog="Example:  meze check --production")
@app_option
@click.option("--production", is_flag=True, help="Also find what makes the settings unfit for production.")
@json_option
def check(target: str | None, production: bool, as_json: bool) -> None:
    """Look for faults in settings, schema, rules and indexes; exit with 1 on any."""
    meze = load_meze(chosen(target))
    found = list(find_all(meze, production=production))
    faults = sum(each.level == "fault" for each in found)
    if as_json:
        document = {
            "ok": not faults,
            "settings": _settings(meze),
            "door": as_object(closed_by(meze)),
            "findings": [asdict(each) for each in found],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _show(meze, found)
    if faults:
        sys.exit(1)


def _settings(meze: Installation) -> list[dict[str, str]]:
    """Return every setting with its value, secrets masked, and where that came from."""
    settings = meze.settings
    return [
        {
            "name": each.name,
            "value": settings.shown(each.attribute) if getattr(settings, each.attribute) not in (None, ()) else "",
            "source": settings.source(each.attribute),
        }
        for each in SETTINGS
    ]


def _show(meze: Installation, found: Iterable[Finding]) -> None:
    lines = _settings(meze)
    widest = max(len(each["name"]) for each in lines)
    click.secho("Settings", bold=True)
    for each in lines:
        source = "" if each["source"] == "default" else f"  ({each['source']})"
        click.echo(f"  {each['name']:{widest}}  {each['value'] or '–'}{source}")
    click.echo()
    click.secho("Door", bold=True)
    click.echo(f"  {in_words(closed_by(meze))}")
    found = list(found)
    for section in dict.fromkeys(each.section for each in found):
        click.echo()
        click.secho(section.capitalize(), bold=True)
        for finding in found:
            if finding.section == section:
                _show_finding(finding)
    counts = {level: sum(each.level == level for each in found) for level in COLOURS}
    click.echo()
    if counts["fault"]:
        click.secho(f"{_counted(counts['fault'], 'fault')}, {_counted(counts['warning'], 'warning')}.", fg="red")
    else:
        click.secho(f"No faults, {_counted(counts['warning'], 'warning')}.", fg="green")


def _show_finding(finding: Finding) -> None:
    where = f"{finding.where}: " if finding.where else ""
    level = click.style(f"{finding.level}:", fg=COLOURS[finding.level])
    click.echo(f"  {level} {where}{finding.what}")
    if finding.create_index:
        click.echo(f"      {finding.create_index}")
    if finding.remedy:
        click.echo(f"    → {finding.remedy}")


def _counted(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
