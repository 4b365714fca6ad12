"""Meze, the Flask extension: what a program declares with it. How that is joined is in `installation.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import flask
from sqlalchemy import MetaData

from meze.access.caller import Caller
from meze.access.source import check_source, lines_of
from meze.access.tenant import Tenant, TenantDeclaration, again
from meze.access.terms import user_frame, user_line
from meze.databases.own import add_tables
from meze.errors import Mistake
from meze.installation import Installation
from meze.resources.declare import Declaration, check, rules_of
from meze.resources.resource import FieldRules
from meze.web.home import About
from meze.web.site import Identify
from meze.web.translation import request_of


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
        self.overrides = dict(settings or {})
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
