"""`meze explain`: why a request is answered as it is, for whoever has the program and its database at hand."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import click

from meze.access.caller import NOBODY, Caller
from meze.accounts.accounts import Accounts
from meze.cli.accounts import declared, found, in_words
from meze.cli.find import load_meze, reaching
from meze.cli.group import app_option, chosen, json_option
from meze.cli.schema import refuse_lacking
from meze.errors import Mistake, Problem
from meze.installation import Installation
from meze.query.parse import EXPORT_PARAMETERS
from meze.resources.resource import ACTIONS
from meze.verify.explain import report
from meze.verify.explain.explainer import Explainer
from meze.verify.explain.explanation import Explanation
from meze.verify.explain.question import question_of, row_of, split_request
from meze.web.explain import Answering
from meze.web.messages import Request


@click.command(
    epilog="""\b
Examples:
  meze explain "GET /api/v1/trips?sort=-starts_on" --as anna@example.com
  meze explain --why trips/7 --as anna@example.com
  meze explain "PATCH /api/v1/trips/7" --body '{"public": true}' --as anna@example.com"""
)
@app_option
@json_option
@click.argument("request_line", metavar="REQUEST", required=False)
@click.option("--as", "who", metavar="EMAIL", help="Who asks; nobody if left out. An id, where the app has identify=.")
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="A role of theirs, where the app has identify=.")
@click.option("--header", "headers", metavar="'NAME: VALUE'", multiple=True, help="A header of the request.")
@click.option("--body", metavar="JSON", help="The body of the request; @FILE reads a file.")
@click.option("--why", metavar="RESOURCE/KEY", help="Tell why the caller sees one row, or does not.")
@click.option("--action", type=click.Choice(ACTIONS), default="read", help="With --why: what is to be done with it.")
def explain(
    target: str | None,
    as_json: bool,
    request_line: str | None,
    who: str | None,
    roles: Sequence[str],
    headers: Sequence[str],
    body: str | None,
    why: str | None,
    action: str,
) -> None:
    """Tell why REQUEST is answered as it is: the clauses of rules that decided, the SQL, its plan, and the time.

    What only reads is done; of a write the rules are asked, and nothing is changed.
    """
    if (request_line is None) == (why is None):
        raise Mistake(
            "Name a request, or a row with --why.",
            'Write meze explain "GET /api/v1/trips" or meze explain --why trips/7',
        )
    meze = load_meze(chosen(target))
    with _in_words(meze):
        if why is not None:
            explanation = _why(
                meze, why, action, _asking(meze, who, roles, Request("GET", "/", headers=_headers(headers)))
            )
        else:
            assert request_line is not None
            explanation = _request(meze, request_line, who, roles, _headers(headers), body)
    if as_json:
        click.echo(json.dumps(report.as_json(explanation), ensure_ascii=False, indent=2, default=str))
        return
    for line in report.as_text(explanation, lambda text: click.style(text, bold=True)):
        click.echo(line)


def _request(
    meze: Installation, written: str, who: str | None, roles: Sequence[str], headers: dict[str, str], body: str | None
) -> Explanation:
    parts = meze.open()
    method, path, query = split_request(written)
    question = question_of(method, path, query, meze.settings.prefix, parts.resources)
    sent = _body(body)
    arguments = tuple(
        (name, text)
        for name, text in parse_qsl(query, keep_blank_values=True)
        if name not in EXPORT_PARAMETERS  # a file is read as the list that it holds is
    )
    if body is not None:
        headers.setdefault("content-type", "application/json")
    request = Request(method, path, arguments, headers, lambda: sent, request_id="explained")
    caller = _asking(meze, who, roles, request)
    explainer = Explainer(parts.records, caller)
    if question.changes:
        return explainer.write(question, _json(sent))
    site = parts.site
    return explainer.read(question, Answering(site.routes, request.by(caller), site.refused))


def _why(meze: Installation, written: str, action: str, caller: Caller) -> Explanation:
    parts = meze.open()
    return Explainer(parts.records, caller).why(row_of(written, action, meze.settings.prefix, parts.resources))


def _asking(meze: Installation, who: str | None, roles: Sequence[str], request: Request) -> Caller:
    """Return the caller that was named, or else the one whose credentials the request carries."""
    if who is None and request.headers:
        return meze.open().site.identify(request)
    return _caller(meze, who, roles)


def _caller(meze: Installation, who: str | None, roles: Sequence[str]) -> Caller:
    """Return the caller that was named.

    Raises:
        Mistake: there is none like that.
    """
    accounts = meze.open().accounts
    if who is None or who == "nobody":
        return NOBODY
    if accounts is not None:
        if roles:
            raise Mistake(
                "The roles are those of the account.", "Leave --role out, or give the account others: meze user role"
            )
        return _of_account(accounts, who)
    if not who.isdigit():
        raise Mistake(
            "This app tells by itself who is calling (identify=), so Meze knows nobody by e-mail.",
            "Name an id, and roles: --as 7 --role editor; or send what identify= reads: --header 'Authorization: …'",
        )
    return Caller(int(who), roles=frozenset(declared(meze, roles)), credentials=True)


def _of_account(accounts: Accounts, email: str) -> Caller:
    person = accounts.people.me(found(accounts, email))
    return Caller(
        id=person["id"],
        email=person["email"] if person["email_verified"] else None,
        name=person["name"],
        roles=frozenset(person["roles"]),
        credentials=True,
    )


def _headers(written: Sequence[str]) -> dict[str, str]:
    headers = {}
    for each in written:
        name, colon, value = each.partition(":")
        if not colon or not name.strip():
            raise Mistake(f"`{each}` is no header.", "Write it as 'Name: value'.")
        headers[name.strip().lower()] = value.strip()
    return headers


def _body(written: str | None) -> bytes:
    if written is None or not written.startswith("@"):
        return (written or "").encode()
    try:
        return Path(written[1:]).read_bytes()
    except OSError as error:
        raise Mistake(f"The file {written[1:]} cannot be read: {error.strerror}.", "Check its path.") from error


def _json(sent: bytes) -> Any:
    try:
        return json.loads(sent) if sent else {}
    except ValueError as error:
        raise Mistake(f"The body is no JSON: {error}.", 'Write it as --body \'{"title": "Rome"}\'.') from error


@contextlib.contextmanager
def _in_words(meze: Installation) -> Iterator[None]:
    """Turn what the database or the accounts refuse into a Mistake."""
    try:
        yield
    except Problem as problem:
        raise in_words(meze, problem) from problem
    except Mistake:
        raise
    except Exception as error:
        with reaching(meze):
            refuse_lacking(meze, error)
        raise
