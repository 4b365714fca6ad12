"""Meze on one Flask app: its settings, its database, its doors, and when everything is made."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import flask
from sqlalchemy import MetaData

from meze.databases import Database, Room, open_database
from meze.errors import Mistake
from meze.events import Events
from meze.joined import Parts, Program, join
from meze.observe import RequestLog
from meze.records.defaults import makes_values
from meze.resources.declare import Declaration
from meze.resources.registry import Registry
from meze.settings import SETTINGS, WAITING_FOR_EACH, Settings, read_settings
from meze.web.door import Doors, add_names, install
from meze.web.translation import Bodies
from meze.web.wsgi_door import WsgiDoor


class Installation:
    """Meze on one app: `app.extensions["meze"]`. Everything is made when the program is complete, in `seal`."""

    def __init__(self, app: flask.Flask, metadata: MetaData, api: Program) -> None:
        self.app = app
        self.metadata = metadata
        self.api = api
        self.settings = self._read_settings()
        self.events = Events()
        self._database: Database | None = None
        self._parts: Parts | None = None
        self._lock = threading.RLock()
        app.extensions["meze"] = self
        self.room = Room(self.settings.threads)
        self._log: RequestLog | None = None
        self._logs_later = False
        self.doors = Doors(app, self.events, self.room, self.settings.prefix, lambda: self.open().site)
        app.wsgi_app = self.doors  # type: ignore[method-assign]  # Flask's documented way to wrap an app

    @property
    def sealed(self) -> bool:
        return self._parts is not None

    @property
    def database(self) -> Database:
        """The database, opened at first use."""
        with self._lock:
            if self._database is None:
                self._database = open_database(
                    self.settings.database_url,
                    statement_seconds=self.settings.statement_seconds,
                    threads=self.settings.threads * (1 + WAITING_FOR_EACH),
                    room=self.room,
                )
            return self._database

    @property
    def resources(self) -> Registry:
        return self.open().resources

    def instead(self, settings: Settings) -> None:
        """Let the app stand on other settings, such as those of a database that is made to be tried on.

        Raises:
            Mistake: the program opens its database while it is loaded, so it stands on its own already.
        """
        with self._lock:
            if self._database is not None or self._parts is not None:
                raise Mistake(
                    "The program opens its database while it is loaded, so it cannot be tried on another one.",
                    "Let what needs the database be done by a function that is called later, not by importing the app.",
                )
            self.settings = settings

    def name(self, declaration: Declaration) -> None:
        """Let Flask build the addresses of a resource while the program is still being written."""
        name = declaration.name or getattr(declaration.model, "__tablename__", None)
        if name:
            add_names(self.app, self.settings.prefix, name)

    def seal(self) -> None:
        """Read every declaration and rule, refusing what is wrong. Nothing may be declared afterwards."""
        self.open()

    def open(self) -> Parts:
        if self._parts is None:
            with self._lock:
                if self._parts is None:
                    self._parts = self._join()
        return self._parts

    def log_later(self) -> None:
        """Have the lines of the log written many at a time: this is a server, which goes on for long."""
        self._logs_later = True
        if self._log is not None:
            self._log.write_later()

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return self.open().document()

    def notices(self) -> list[str]:
        """Return what a person who starts the app should know, though nothing is wrong."""
        return [
            f"{resource.where}: {resource.name} has no rules, so it is closed to everyone but admins. "
            f"Open it: api.resource({resource.model.__name__}, read=anyone)."
            for resource in self.resources.served
            if not resource.rules
        ]

    def _read_settings(self) -> Settings:
        configured = {
            setting.attribute: self.app.config[setting.name]
            for setting in SETTINGS
            if self.app.config.get(setting.name) is not None
        }
        root = Path(self.app.instance_path).parent
        return read_settings(root=root, overrides={**configured, **self.api.overrides})

    def _join(self) -> Parts:
        parts = join(self.app, self.metadata, self.api, self.settings, self.database, self.events)
        self._log = RequestLog()
        self._log.subscribe_to(self.events)
        if self._logs_later:
            self._log.write_later()
        bodies = Bodies(self.settings.body_limit, self.settings.threads)
        install(self.app, parts.site, bodies)
        self.doors.direct = WsgiDoor(
            parts.site,
            bodies,
            self.app.request_context,
            identifies=parts.accounts is None,
            makes_values=any(makes_values(resource) for resource in parts.resources.served),
        )
        return parts
