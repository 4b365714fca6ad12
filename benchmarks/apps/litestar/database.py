"""The engine and the session of a request, after Litestar's *SQLAlchemy plugin*."""

import os
from typing import Any

from litestar.plugins.sqlalchemy import AsyncSessionConfig, EngineConfig, SQLAlchemyAsyncConfig
from sqlalchemy import event, make_url

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}

url = make_url(os.environ["DATABASE_URL"])
config = SQLAlchemyAsyncConfig(
    connection_string=url.set(drivername=DRIVERS[url.get_backend_name()]).render_as_string(hide_password=False),
    session_config=AsyncSessionConfig(expire_on_commit=False),
    # As many connections as the load has: those beyond `pool_size` are opened and closed for one request each.
    engine_config=EngineConfig(pool_size=16),
)


if url.get_backend_name() == "sqlite":

    @event.listens_for(config.get_engine().sync_engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
