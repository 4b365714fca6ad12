"""Meze, the Flask extension: the one place where the parts are joined."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import flask
import msgspec
from sqlalchemy import MetaData

from meze.access.caller import Caller
from meze.access.policy import Policy
from meze.access.source import check_source, lines_of
from meze.access.tenancy_reading import read_tenancy
from meze.access.tenant import Tenant, TenantDeclaration, again
from meze.access.terms import user_frame, user_line
from meze.accounts.accounts import Accounts
from meze.accounts.declared import declarations
from meze.databases import Database, Room, open_database
from meze.databases.own import add_tables
from meze.errors import Mistake
from meze.events import Events
from meze.mail import open_post
from meze.observe import RequestLog
from meze.openapi.description import Description
from meze.query.body import BodyParser
from meze.query.cursor import CursorSeal
from meze.query.groups import CollectionParser
from meze.query.parse import Limits, ListParser
from meze.query.where import WhereReader
from meze.records.cost import Slots
from meze.records.defaults import makes_values
from meze.records.export import Exports
from meze.records.idempotency import EXPIRED, TIDY_SECONDS, Answers
from meze.records.plan import Planner, search_index
from meze.records.reading_limit import ReadingLimit
from meze.records.records import Records
from meze.records.replay import Replays
from meze.records.run import Runner
from meze.resources.declare import Declaration, build, check, rules_of
from meze.resources.registry import Registry
from meze.resources.resource import FieldRules, Resource
from meze.settings import SETTINGS, WAITING_FOR_EACH, Settings, read_settings, refuse_unsafe_production
from meze.web.accounts.routes import AccountRoutes
from meze.web.batch import Batches
from meze.web.door import Doors, UsersRoutes, add_names, install, log_failure
from meze.web.explain import explains_of
from meze.web.exports import ExportRoutes
from meze.web.fixed import FixedPages
from meze.web.home import About, home_of
from meze.web.idempotency import Retries
from meze.web.imports import ImportLimits, ImportRoutes
from meze.web.operations import OperationReader
from meze.web.query import Queries
from meze.web.resources import Routes
from meze.web.site import Identify, Site
from meze.web.translation import Bodies, request_of
from meze.web.wsgi_door import WsgiDoor

TOGETHER = 10
"""How many times as long as one statement several may take that are one transaction."""


class Meze:
    """Serves the models of `Base` from a Flask app: `Meze(app, Base)`, or `Meze()` and `init_app(app, Base)`.

    `roles` are the roles that rules may name. `identify` tells who is calling, from a Request, in place of Meze's own
    accounts. `settings` overrides what pyproject.toml, .env and the environment say, by attribute of Settings.
    """

    def __init__(
        self,
        app: flask.Flask | None = None,
        base: Any = None,
        *,
        roles: Iterable[str] = (),
        identify: Identify | None = None,
        about: About | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.roles = frozenset([roles] if isinstance(roles, str) else roles)
        self.identify = identify
        self.about = about
        self._overrides = dict(settings or {})
        self._declarations: list[Declaration] = []
        self.tenancy: TenantDeclaration | None = None
        self._installed: Installation | None = None
        if app is not None:
            self.init_app(app, base)

    def init_app(self, app: flask.Flask, base: Any) -> None:
        """Install on `app`. `base` is the declarative base (or a MetaData) whose models are served."""
        metadata = base if isinstance(base, MetaData) else getattr(base, "metadata", None)
        if not isinstance(metadata, MetaData):
            raise Mistake(
                f"{base!r} is no declarative base.",
                "Write Meze(app, Base), where class Base(DeclarativeBase).",
                user_line(),
            )
        add_tables(metadata)
        self._installed = Installation(app, metadata, self)
        for declaration in self._declarations:
            self._installed.name(declaration)

    def resource(
        self,
        model: type,
        *,
        name: str | None = None,
        read: Any = None,
        create: Any = None,
        update: Any = None,
        delete: Any = None,
        write: Any = None,
        owner: str | None = None,
        fields: Mapping[str, FieldRules] | None = None,
        search: Sequence[str] = (),
        require_match: bool = False,
        page_limit: int | None = None,
        admin: bool = True,
    ) -> None:
        """Serve a model. An action without a rule is closed; `write` stands for create, update and delete.

        `name` is the address, the table's name unless given. `owner` names the column that is filled with the caller's
        id and closed to clients. `fields` narrows single fields, `search` names those that `q` looks through.
        `require_match` refuses changes without `If-Match`. `admin=False` gives the role admin no passage.

        Raises:
            Mistake: the declaration would not mean what it says; it carries the line.
        """
        where = user_line()
        if self._installed is not None and self._installed.sealed:
            raise Mistake(
                f"{getattr(model, '__name__', model)} is declared after the first request was served.",
                "Declare every resource while the app is made, before it serves.",
                where,
            )
        frame = user_frame()
        check_source(frame)
        declaration = Declaration(
            model=model,
            where=where,
            name=name,
            rules=rules_of(read, create, update, delete, write),
            owner=owner,
            fields=dict(fields or {}),
            search=tuple([search] if isinstance(search, str) else search),
            require_match=require_match,
            page_limit=page_limit,
            admin=admin,
            lines=lines_of(frame),
        )
        check(declaration)
        self._declarations.append(declaration)
        if self._installed is not None:
            self._installed.name(declaration)

    def tenant(
        self,
        membership: type,
        *,
        user: str | None = None,
        of: str | None = None,
        role: str | None = None,
        founder: Any = None,
        through: Mapping[Any, str] | None = None,
        shared: Iterable[Any] = (),
        admin: bool = True,
    ) -> Tenant:
        """Keep tenants (organisations) apart on every resource; return the terms `.member` and `.role(...)` for rules.

        `membership` is the model that joins users to tenants: by the attributes `user` and `of`, found by its foreign
        keys unless named, in a `role`. Whoever makes a tenant becomes its member as `founder`. `through` names the
        foreign key that leads to the tenant where there are several, `shared` the resources that belong to none.
        With `admin=False` a tenant holds back the role admin too.
        """
        declaration = TenantDeclaration(
            membership, user_line(), user, of, role, founder, dict(through or {}), tuple(shared), admin
        )
        if self.tenancy is not None or (self._installed is not None and self._installed.sealed):
            raise again(declaration, self.tenancy)
        self.tenancy = declaration
        return Tenant(declaration)

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        return tuple(self._declarations)

    def caller(self) -> Caller:
        """Return who calls, inside a Flask view of the program's own: NOBODY where nobody signed in.

        Raises:
            Unauthenticated: the token that was sent is not good; Flask answers with the problem.
            BadOrigin: a change with the session cookie that no page of ours asks for.
        """
        if self._installed is None:
            raise Mistake("There is no app yet.", "Call init_app(app, Base) first.", user_line())
        return self._installed.open().site.identify(request_of(flask.request, lambda request: request.get_data()))

    def can(self, caller: Caller, action: str, row: Any) -> bool:
        """Say whether the rules let `caller` do `action` (read, create, update, delete) with `row`, a model's instance.

        The rules are asked of the database: of a stored row its stored values count, for `create` the instance's.
        """
        if self._installed is None:
            raise Mistake("There is no app yet.", "Call init_app(app, Base) first.", user_line())
        return self._installed.open().records_can(caller, action, row)


class Installation:
    """Meze on one app: `app.extensions["meze"]`. Everything is made when the program is complete, in `seal`."""

    def __init__(self, app: flask.Flask, metadata: MetaData, api: Meze) -> None:
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
        return read_settings(root=root, overrides={**configured, **self.api._overrides})

    def _join(self) -> Parts:
        settings, database = self.settings, self.database
        declared = (*self.api.declarations, *declarations())
        resources = build(declared, self.metadata, database.name, database.integer_bits)
        tenancy = None if self.api.tenancy is None else read_tenancy(self.api.tenancy, resources)
        for resource in resources:
            if resource.search:
                search_index(resource).declare()
        policy = Policy(resources, self.api.roles, tenancy)
        if settings.env == "production":
            refuse_unsafe_production(settings, debug=self.app.debug)
        assert settings.secret_key is not None
        seal = CursorSeal([settings.secret_key, *settings.secret_key_fallbacks])
        planner = Planner(resources, policy, database, kept=settings.plan_cache)
        rows, tells_sql = settings.rows_read_limit, settings.env != "production"
        limit = ReadingLimit(rows, resources, database, tells_sql=tells_sql) if rows else None
        runner = Runner(seal, settings.prefix, limit)
        together_seconds = TOGETHER * settings.statement_seconds
        records = Records(planner, runner, Slots(settings.threads), together_seconds)
        limits = Limits(settings.page_size, settings.page_limit)
        parser = ListParser(limits, seal, database.fold_value, resources)
        collections = CollectionParser(parser)
        queries = Queries(records, BodyParser(collections, WhereReader(database.fold_value)))
        whole_lists = Exports(planner, runner, records.slots, records.lending)
        imports = ImportRoutes(
            records, ImportLimits(settings.import_limit, int(settings.import_body_limit), int(settings.body_limit))
        )
        exports = ExportRoutes(records, whole_lists, parser, Path(self.app.instance_path))
        routes = Routes(settings.prefix, resources, policy, records, collections, queries, exports, imports)
        about = self.api.about or About(self.app.name)
        accounts = None if self.api.identify is not None else self._accounts(policy, resources, about.title)
        parts = Parts(self, about, policy, records, routes, accounts)
        RequestLog().subscribe_to(self.events)
        bodies = Bodies(settings.body_limit, settings.threads)
        install(self.app, parts.site, bodies)
        self.doors.direct = WsgiDoor(
            parts.site,
            bodies,
            self.app.request_context,
            identifies=accounts is None,
            makes_values=any(makes_values(resource) for resource in resources.served),
        )
        return parts

    def _accounts(self, policy: Policy, resources: Registry, service: str) -> Accounts:
        names = [resource.name for resource in resources.served]
        post = open_post(self.settings, service)
        chores = {"idempotency keys": EXPIRED}
        return Accounts(self.database, self.settings, policy.roles, names, post, service=service, chores=chores)


class Parts:
    """What a sealed app is made of. `accounts` is None where the program tells by itself who is calling."""

    def __init__(
        self,
        installation: Installation,
        about: About,
        policy: Policy,
        records: Records,
        routes: Routes,
        accounts: Accounts | None,
    ) -> None:
        settings, resources = installation.settings, routes.resources
        self.settings = settings
        self.resources = resources
        self.policy = policy
        self.records = records
        self.accounts = accounts
        self.description = Description(
            title=about.title,
            version=about.version,
            description=about.description,
            prefix=settings.prefix,
            credits=tuple((credit.text, credit.url) for credit in about.credits),
            resources=about.resources,
            limits=routes.parser.limits,
            accounts=accounts is not None,
        )
        pages = FixedPages(
            settings=settings,
            title=about.title,
            home=lambda: home_of(about, self.site, resources, policy, settings.prefix),
            openapi=lambda: self.encoded_document,
            accounts=accounts is not None,
        )
        served = None if accounts is None else AccountRoutes(accounts, settings, routes)
        identify = installation.api.identify if served is None else served.identify
        assert identify is not None
        failed = log_failure(installation.events, lambda path: self.site.route_of(path))
        users = UsersRoutes(installation.app.url_map)
        operations = OperationReader(
            resources, lambda method, path: method not in users.methods(settings.prefix + path), int(settings.uri_limit)
        )
        batches = Batches(routes, operations, int(settings.body_limit))
        self.answers = Answers(installation.database, tidy_seconds=TIDY_SECONDS if accounts is None else None)
        retries = Retries(records, routes.imports, self.answers, Replays(records, resources, policy))
        explains = explains_of(settings, routes, accounts)
        self.site = Site(settings, routes, batches, retries, pages, identify, failed, served, explains)

    def document(self) -> dict[str, Any]:
        from meze.openapi.document import document  # a server need not wait for it to start

        return document(self.resources, self.policy, self.description)

    @cached_property
    def encoded_document(self) -> bytes:
        """The document as it is served; what it says of a sealed app does not change."""
        return msgspec.json.encode(self.document())

    def records_can(self, caller: Caller, action: str, row: Any) -> bool:
        resource = self._resource_of(row)
        return self.records.can(resource, caller, action, row)

    def _resource_of(self, row: Any) -> Resource:
        resource = self.resources.of(type(row))
        if resource is None:
            raise Mistake(f"{type(row).__name__} is no resource.", "Declare it: api.resource(...).", user_line())
        return resource
