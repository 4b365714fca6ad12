"""Run a command of PocketBase on the database of `DATABASE_URL`: `run.py migrate up`, `run.py serve --http=…`.

PocketBase wants a directory with a `data.db` in it, beside which it keeps its own log. Here that name is a link.
"""

import os
import sys
from pathlib import Path


def arguments(database: Path) -> list[str]:
    """Return what every command is given, having made the directory."""
    home = database.with_name(f"{database.name}.pocketbase")
    home.mkdir(exist_ok=True)
    link = home / "data.db"
    if not link.is_symlink():
        link.symlink_to(database)
    here = Path(__file__).resolve().parent
    return [
        *("--dir", str(home), "--migrationsDir", str(here / "migrations")),
        *("--hooksDir", str(home / "no_hooks"), "--publicDir", str(home / "no_pages")),
        "--automigrate=false",
    ]


def program() -> str:
    """Return PocketBase's one file, which is installed beside the peers' Python."""
    return str(Path(sys.executable).with_name("pocketbase"))


def database() -> Path:
    return Path(os.environ["DATABASE_URL"].removeprefix("sqlite:///"))


if __name__ == "__main__":
    os.execv(program(), [program(), *sys.argv[1:], *arguments(database())])  # noqa: S606 - it takes the place of this process, so that its signals reach it
