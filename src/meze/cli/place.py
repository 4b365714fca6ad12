"""Where the app is, as Flask looks for it, and what its project's files put into the environment. Imports no app."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dotenv import dotenv_values

from meze.errors import Mistake
from meze.settings import SETTINGS

FILES = ("wsgi.py", "app.py")


def read_environment_files() -> None:
    """Put what `.env` and `.flaskenv` say for others than Meze into the environment, as `flask` does.

    Meze's own settings are left out: they are read later, and where each came from would be lost.
    """
    ours = {setting.name for setting in SETTINGS}
    for path in (Path(".env"), Path(".flaskenv")):
        try:
            found = dotenv_values(path)
        except (OSError, ValueError):
            continue  # the settings are read from the same file, and name it when they fail
        for name, value in found.items():
            if value is not None and name not in ours and not name.startswith("MEZE_"):
                os.environ.setdefault(name, value)


def expect_app(target: str | None) -> None:
    """Raise a Mistake that says where was looked, if there is certainly no app. Imports nothing."""
    if target is None:
        if not any(Path(file).is_file() for file in FILES):
            looked = " and ".join(str(Path(file).absolute()) for file in FILES)
            raise Mistake(
                f"No app was found. Looked for {looked}.",
                "Change into the folder of your app.py, or name it: --app path/to/app.py",
            )
        return
    path = Path(re.split(r":(?![\\/])", target, maxsplit=1)[0])
    if (path.suffix == ".py" or len(path.parts) > 1) and not (path.exists() or path.with_suffix(".py").exists()):
        raise Mistake(f"No app was found at {path.absolute()}.", "Check the path that follows --app, or FLASK_APP.")


def project_folder(target: str | None) -> Path:
    """Return the folder that pyproject.toml, .env and instance/ are in: that of the app's file, outside of packages."""
    path = Path(re.split(r":(?![\\/])", target or "app.py", maxsplit=1)[0]).absolute()
    if not (path.exists() or path.with_suffix(".py").exists()):
        return Path.cwd()  # a module by its dotted name
    folder = path.parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return folder


def seen_from_here(filename: str) -> str:
    """Return the path of a file as one would write it in the folder that we are in."""
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename
