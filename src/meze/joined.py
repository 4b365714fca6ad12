"""Join the parts of a sealed app: what was declared, the settings and the database in, the site that answers out.

What stands on Flask (the doors, and when all this is made) is left to `installation.py`.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import flask
import msgspec
from sqlalchemy import MetaData

from meze.access.caller import Caller
from meze.access.policy import Policy
from meze.access.tenancy_reading import read_tenancy
from meze.access.tenant import TenantDeclaration
from meze.access.terms import user_line
from meze.accounts.accounts import Accounts
from meze.accounts.declared import declarations
from meze.databases import Database
from meze.errors import Mistake
from meze.events import Events
from meze.mail import open_post
from meze.openapi.description import Description
from meze.query.body import BodyParser
from meze.query.cursor import CursorSeal
from meze.query.groups import CollectionParser
from meze.query.parse import Limits, ListParser
from meze.query.where import WhereReader
from meze.records.cost import Slots
from meze.records.export import Exports
from meze.records.idempotency import EXPIRED, TIDY_SECONDS, Answers
from meze.records.plan import Planner, search_index
from meze.records.reading_limit import ReadingLimit
from meze.records.records import Records
from meze.records.replay import Replays
from meze.records.run import Runner
from meze.resources.declare import Declaration, build
from meze.resources.registry import Registry
from meze.resources.resource import Resource
from meze.settings import Settings, refuse_unsafe_production
from meze.web.accounts.routes import AccountRoutes
from meze.web.batch import Batches
from meze.web.door import UsersRoutes, log_failure
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

TOGETHER = 10
"""How many times as long as one statement several may take that are one transaction."""


class Program(Protocol):
    """What is asked of the program's declarations: of `meze.app.Meze`."""

    roles: frozenset[str]
    identify: Identify | None
    about: About | None
    tenancy: TenantDeclaration | None
    overrides: dict[str, Any]

    @property
    def declarations(self) -> tuple[Declaration, ...]: ...


def join(
    app: flask.Flask, metadata: MetaData, program: Program, settings: Settings, database: Database, events: Events
) -> Parts:
    """Read every declaration and rule, refusing what is wrong, and make what answers requests.

    Raises:
        Mistake: a declaration would not mean what it says, or a setting is unsafe in production.
    """
    resources = build((*program.declarations, *declarations()), metadata, database.name, database.integer_bits)
    tenancy = None if program.tenancy is None else read_tenancy(program.tenancy, resources)
    for resource in resources:
        if resource.search:
            search_index(resource).declare()
    policy = Policy(resources, program.roles, tenancy)
    if settings.env == "production":
        refuse_unsafe_production(settings, debug=app.debug)
    about = program.about or About(app.name)
    routes = _routes(app, settings, database, resources, policy)
    accounts = None
    if program.identify is None:
        names = [resource.name for resource in resources.served]
        post, chores = open_post(settings, about.title), {"idempotency keys": EXPIRED}
        accounts = Accounts(database, settings, policy.roles, names, post, service=about.title, chores=chores)
    users = UsersRoutes(app.url_map)
    return Parts(settings, about, policy, routes, accounts, program.identify, database, events, users)


def _routes(app: flask.Flask, settings: Settings, database: Database, resources: Registry, policy: Policy) -> Routes:
    assert settings.secret_key is not None
    seal = CursorSeal([settings.secret_key, *settings.secret_key_fallbacks])
    planner = Planner(resources, policy, database, kept=settings.plan_cache)
    rows, tells_sql = settings.rows_read_limit, settings.env != "production"
    limit = ReadingLimit(rows, resources, database, tells_sql=tells_sql) if rows else None
    runner = Runner(seal, settings.prefix, limit)
    records = Records(planner, runner, Slots(settings.threads), TOGETHER * settings.statement_seconds)
    parser = ListParser(Limits(settings.page_size, settings.page_limit), seal, database.fold_value, resources)
    collections = CollectionParser(parser)
    queries = Queries(records, BodyParser(collections, WhereReader(database.fold_value)))
    imports = ImportRoutes(
        records, ImportLimits(settings.import_limit, int(settings.import_body_limit), int(settings.body_limit))
    )
    whole_lists = Exports(planner, runner, records.slots, records.lending)
    exports = ExportRoutes(records, whole_lists, parser, Path(app.instance_path))
    return Routes(settings.prefix, resources, policy, records, collections, queries, exports, imports)


class Parts:
    """What a sealed app is made of. `accounts` is None where the program tells by itself who is calling (`identify`).

    `users` are the program's own routes.
    """

    def __init__(
        self,
        settings: Settings,
        about: About,
        policy: Policy,
        routes: Routes,
        accounts: Accounts | None,
        identify: Identify | None,
        database: Database,
        events: Events,
        users: UsersRoutes,
    ) -> None:
        resources, records = routes.resources, routes.records
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
        identify = identify if served is None else served.identify
        assert identify is not None
        failed = log_failure(events, lambda path: self.site.route_of(path))
        operations = OperationReader(
            resources, lambda method, path: method not in users.methods(settings.prefix + path), int(settings.uri_limit)
        )
        batches = Batches(routes, operations, int(settings.body_limit))
        self.answers = Answers(database, tidy_seconds=TIDY_SECONDS if accounts is None else None)
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
