"""Fill the database with the continents, countries and cities of GeoNames; `load.py` calls this.

All or nothing, and once: everything is written in one transaction, so a load that was killed left nothing behind and
starts over, and of two that run at once the second waits and then finds the work done.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from app import City, Continent, Country, app
from sqlalchemy import Connection, Engine, insert, inspect, select
from sqlalchemy.exc import IntegrityError

from meze.databases import Database, open_database
from meze.databases.schema import apply, pending
from meze.databases.search import declared

if TYPE_CHECKING:
    from geonames import Places

ROWS_AT_ONCE = 2_000

PATIENCE_SECONDS = 600.0
"""How long one statement of the load may take, and how long a second load waits for the first."""


def main() -> None:
    """Create the tables and fill them, unless that was done before."""
    meze = app.extensions["meze"]
    database = open_database(meze.settings.database_url, statement_seconds=PATIENCE_SECONDS)
    try:
        if not is_loaded(database.engine):
            from geonames import read_places  # takes seconds, so only a load that is needed does it

            meze.seal()
            create_tables(database)
            load(database, read_places())
    finally:
        database.close()


def is_loaded(engine: Engine) -> bool:
    """Tell whether the places are there. They are committed together, so one row of the smallest table tells."""
    if not inspect(engine).has_table(Continent.__tablename__):
        return False
    with engine.connect() as connection:
        return connection.scalar(select(Continent.code).limit(1)) is not None


def create_tables(database: Database) -> None:
    """Create what the database lacks, except for the search: it is made from the filled tables, which is faster."""
    metadata = app.extensions["meze"].metadata
    changes = [change for change in pending(database, metadata) if change.adds_only and change.kind != "add_search"]
    apply(database, metadata, changes)


def load(database: Database, places: Places) -> None:
    """Write every place in one transaction, or nothing if another load was faster."""
    lacking = [index for index in declared(City.metadata) if not index.exists(database)]
    try:
        with database.engine.begin() as connection:
            # The keys of the continents are the lock: a second load waits here until the first is through.
            connection.execute(insert(Continent), places.continents)
            connection.execute(insert(Country), places.countries)
            insert_cities(connection, places)
            for index in lacking:
                index.create(connection)
            # Until the database has counted its rows it reads whole tables where an index would do.
            connection.exec_driver_sql(f"ANALYZE {City.__tablename__}")
    except IntegrityError:
        if not is_loaded(database.engine):
            raise


def insert_cities(connection: Connection, places: Places) -> None:
    """Write the cities, with a progress bar on a terminal and one line anywhere else."""
    with click.progressbar(length=len(places.cities), label="Loading the cities of the world", file=sys.stderr) as bar:
        for start in range(0, len(places.cities), ROWS_AT_ONCE):
            rows = places.cities[start : start + ROWS_AT_ONCE]
            connection.execute(insert(City), rows)
            bar.update(len(rows))
