"""Create the tables in the database of `DATABASE_URL`."""

import asyncio

from database import config
from models import Base


async def main() -> None:
    engine = config.get_engine()
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
