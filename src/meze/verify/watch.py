"""Tell whether anything was committed since, without reading a row: most of what is tried is refused."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

_ASK = {
    "sqlite": "PRAGMA data_version",
    # The next number of a transaction that writes: other databases of the server move it too, which costs a look.
    "postgresql": "SELECT pg_snapshot_xmax(pg_current_snapshot())::text",
}


class Watch:
    """Keeps one connection: SQLite counts the commits of others for each."""

    def __init__(self, engine: Engine) -> None:
        self._asked = text(_ASK[engine.dialect.name])
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._last: Any = self._version()

    def changed(self) -> bool:
        """Say whether something was committed since this was asked last."""
        before, self._last = self._last, self._version()
        return bool(before != self._last)

    def close(self) -> None:
        self._connection.close()

    def _version(self) -> Any:
        return self._connection.execute(self._asked).scalar()
