"""Load the programs of a page in this process as if each were started alone, and leave nothing of them behind."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from flask import Flask

from meze.installation import Installation

BIN = Path(sys.executable).parent
_NOT_OURS = ("MEZE_", "DATABASE_URL", "SECRET_KEY", "PORT", "FLASK_", "PYTEST_", "PYTHONPATH")


def environment(more: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the environment without anything that the programs of a page would read, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    ours = {
        "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}",
        "NO_COLOR": "1",
        "COLUMNS": "100",
        # The least that is accepted outside of development; otherwise each server begins with measuring hashes.
        "MEZE_PASSWORD_HASHING": "m=19456,t=2,p=1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the reader has none, and ours take longer to load than the test
    }
    return {**kept, **ours, **more}


@contextlib.contextmanager
def inside(folder: Path, variables: Mapping[str, str] = {}) -> Iterator[None]:
    """Stand in `folder`, as a process that was started there would."""
    outside, path, saved = Path.cwd(), list(sys.path), dict(os.environ)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ.clear()
    os.environ.update(environment(variables))
    try:
        yield
    finally:
        os.chdir(outside)
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(saved)


def forget(folder: Path) -> None:
    """Close what the programs in `folder` opened, and let the next import of their modules read the files again."""
    linecache.clearcache()  # a rule's source is read from its file, and the file may have changed
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(folder)):
            for value in vars(module).values():
                if isinstance(value, Flask):
                    close(value)
            del sys.modules[name]


def close(app: Flask) -> None:
    """Close the database of an app, if it has Meze, and end what goes on in its background."""
    meze = app.extensions.get("meze")
    if isinstance(meze, Installation):
        if meze.sealed and (accounts := meze.open().accounts) is not None:
            accounts.close()
        meze.database.close()
