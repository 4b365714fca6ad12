"""Fill the database with the world's continents, countries and cities, unless that was done: `python load.py`."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

DEFAULT = Path(__file__).parent / "instance" / "meze.db"


def is_certainly_loaded() -> bool:
    """Look into the default database without importing the app, so that every start after the first one is quick."""
    if os.environ.get("DATABASE_URL") or not DEFAULT.exists():
        return False
    with closing(sqlite3.connect(f"file:{DEFAULT}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute("SELECT 1 FROM continents LIMIT 1").fetchone() is not None
        except sqlite3.Error:
            return False


if __name__ == "__main__" and not is_certainly_loaded():
    from loading import main

    main()
