"""Load the app as Flask loads it, and say in the user's terms what went wrong meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from flask.cli import NoAppException, ScriptInfo

from meze.cli.misuse import explained
from meze.cli.place import expect_app
from meze.databases.database import DatabaseError, FaultKind
from meze.errors import Mistake
from meze.installation import Installation
from meze.settings import masked_url


def load_app(target: str | None) -> Flask:
    """Import the app that `target` names, or the one in wsgi.py or app.py.

    Raises:
        Mistake: there is none, or the program has a known mistake in it.
        LoadingFailed: the program raised something else; carries the traceback from the user's first line on.
    """
    expect_app(target)
    try:
        return ScriptInfo(app_import_path=target).load_app()
    except Mistake:
        raise
    except NoAppException as error:
        cause = error.__context__
        if error.message.startswith("While importing") and cause is not None:
            raise explained(cause) from error
        raise Mistake(error.message.strip(), _remedy_for(error.message)) from error
    except Exception as error:
        raise explained(error) from error


def _remedy_for(message: str) -> str:
    if message.startswith("Could not import"):
        return f"Check the name that follows --app, or FLASK_APP; modules are looked for from {Path.cwd()}."
    return "An app is looked for as app, application, create_app() and make_app(); name another: --app app.py:api"


def load_meze(target: str | None) -> Installation:
    """Return the Meze of the app, with everything declared and checked.

    Raises:
        Mistake: as `load_app`; or the app has no Meze, a declaration is wrong, or the database cannot be reached.
    """
    meze = installed(load_app(target))
    with reaching(meze):
        meze.seal()
    return meze


@contextlib.contextmanager
def reaching(meze: Installation) -> Iterator[None]:
    """Turn what a database that is away or busy raises into a Mistake that names the database."""
    try:
        yield
    except DatabaseError as error:
        url = masked_url(meze.settings.database_url)
        if error.fault.kind is FaultKind.GONE:
            raise Mistake(f"The database {url} cannot be reached.", "Start it, or correct DATABASE_URL.") from error
        if error.fault.kind is FaultKind.BUSY:
            raise Mistake(
                f"The database {url} is busy.", "Another program holds it; try again when it is done."
            ) from error
        raise


def installed(app: Flask) -> Installation:
    """Return the Meze of this app, or raise a Mistake that says how to add one."""
    meze = app.extensions.get("meze")
    if not isinstance(meze, Installation):
        raise Mistake(
            f"The Flask app '{app.name}' has no Meze.",
            "Add to it: api = Meze(app, Base), where Base is your models' base.",
        )
    return meze
