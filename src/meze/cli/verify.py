"""`meze verify`: attack the app on a database of its own, and say what leaked."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click
from click.core import ParameterSource

from meze.cli.find import installed, load_app, reaching
from meze.cli.group import app_option, chosen, json_option
from meze.errors import Mistake
from meze.events import RequestAnswered
from meze.resources.resource import nearest
from meze.settings import masked_url
from meze.verify.attack import Attack, Chosen, Progress, attack
from meze.verify.doors import DOORS
from meze.verify.fuzz import Fuzzed, fuzz
from meze.verify.report import as_data, as_text, report_of
from meze.verify.stage import Stage, staged

_FUZZ_SHARE = 0.25
_LEAST_FUZZ_SECONDS = 5.0
REPEATED = ("doors", "resources", "callers", "seconds", "first", "no_fuzz", "database_url")
"""What makes a run what it is, besides the app and the seed."""


@click.command(
    epilog="""\b
Examples:
  meze verify
  meze verify --resource trips --as alice
  meze verify --door expand --seed 7
  meze verify --json > verify.json"""
)
@app_option
@json_option
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same rows and requests.")
@click.option("--door", "doors", metavar="DOOR", multiple=True, help=f"Only this door: {', '.join(DOORS)}.")
@click.option("--resource", "resources", metavar="NAME", multiple=True, help="Only this resource.")
@click.option("--as", "callers", metavar="CALLER", multiple=True, help="Only as this caller, as a finding names it.")
@click.option("--seconds", type=float, default=45.0, show_default=True, help="How long it may take.")
@click.option("--first", is_flag=True, help="Stop at the first finding.")
@click.option("--no-fuzz", is_flag=True, help="Leave out the requests made up from the OpenAPI document.")
@click.option("--database-url", metavar="URL", help="An empty database to use. It is emptied at the end.")
def verify(
    target: str | None,
    as_json: bool,
    seed: int,
    doors: tuple[str, ...],
    resources: tuple[str, ...],
    callers: tuple[str, ...],
    seconds: float,
    first: bool,
    no_fuzz: bool,
    database_url: str | None,
) -> None:
    """Attack the app as every kind of caller, through every door, and exit with 1 on any leak.

    It stands on a database of its own, made for the run and gone after it, full of rows that satisfy the schema. What
    each answer must be is worked out from the rules a second time, by code that serves no request.
    """
    refuse_unknown("--door", doors, DOORS)
    meze = installed(load_app(chosen(target)))
    with reaching(meze), staged(meze, seed=seed, database_url=database_url) as stage:
        meze.events.silence(RequestAnswered)
        refuse_unknown("--resource", resources, [each.name for each in stage.resources.served])
        refuse_unknown("--as", callers, [each.name for each in stage.actors])
        wanted = Chosen(doors, resources, callers, first)
        fuzzes = not (no_fuzz or doors or resources or callers)
        done = _attacked(stage, wanted, seconds * (1 - _FUZZ_SHARE) if fuzzes else seconds)
        fuzzes = fuzzes and not (first and done.findings)
        fuzzed = _fuzzed(stage, seconds, done) if fuzzes else Fuzzed(left_out="it was not asked for.")
        report = report_of(stage, done, fuzzed)
    if as_json:
        click.echo(json.dumps(as_data(report), indent=2, ensure_ascii=False))
    else:
        for line in as_text(report, _typed("target", start="meze verify"), _typed(*REPEATED)):
            click.echo(line)
    if not report.clean:
        sys.exit(1)


def _typed(*names: str, start: str = "") -> str:
    """Return these options as they were typed, after `start`; those that were not typed are left out."""
    context = click.get_current_context()
    words = [start] if start else []
    for each in context.command.params:
        if each.name in names and context.get_parameter_source(each.name) is ParameterSource.COMMANDLINE:
            value, option = context.params[each.name], each.opts[0]
            for one in value if isinstance(value, tuple) else (value,):
                words += [option] if one is True else [option, shlex.quote(masked_url(str(one)))]
    return " ".join(words)


def refuse_unknown(option: str, named: tuple[str, ...], known: Iterable[str]) -> None:
    """Raise a Mistake that names what there is, where something is named that there is not."""
    names = list(known)
    for name in named:
        if name not in names:
            near = nearest(name, names)
            raise Mistake(
                f"{option} {name}: there is none of this name.",
                f"Did you mean {near}?" if near else f"There are: {', '.join(names)}.",
            )


def _attacked(stage: Stage, wanted: Chosen, seconds: float) -> Attack:
    with _shown_progress() as progress:
        return attack(stage, wanted, seconds, progress)


def _fuzzed(stage: Stage, seconds: float, done: Attack) -> Fuzzed:
    return fuzz(stage, max(seconds - done.seconds, _LEAST_FUZZ_SECONDS))


@contextmanager
def _shown_progress() -> Iterator[Progress]:
    """Show a bar where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    with click.progressbar(length=1, label="Attacking", file=sys.stderr) as bar:

        def progress(done: int, everything: int) -> None:
            bar.length = everything
            bar.update(done - bar.pos)

        yield progress
