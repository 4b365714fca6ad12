"""The engine and the session of a request, after SQLAlchemy's *Asynchronous I/O* and FastAPI's *SQL databases*."""

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}

url = make_url(os.environ["DATABASE_URL"])
on_sqlite = url.get_backend_name() == "sqlite"
# As many connections as the load has: those beyond `pool_size` are opened and closed for one request each.
engine = create_async_engine(url.set(drivername=DRIVERS[url.get_backend_name()]), pool_size=16)
new_session = async_sessionmaker(engine, expire_on_commit=False)


if on_sqlite:

    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
