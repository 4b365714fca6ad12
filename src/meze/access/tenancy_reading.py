"""Find what `api.tenant(...)` means for a complete program, refusing at start what cannot mean what it says.

Nothing is guessed that could be read in two ways: a resource that leads to no tenant, or to one by two ways, is refused
with the line to write.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Enum, ForeignKeyConstraint, String, Table, inspect
from sqlalchemy.orm import Mapper

from meze.access.caller import Standing
from meze.access.rule import NOBODY_AT_ALL, Rule, fold
from meze.access.tenancy import Tenancy, Way, way_of
from meze.access.tenant import InTenant, TenantDeclaration, plain_role
from meze.errors import Mistake
from meze.resources.registry import Registry
from meze.resources.resource import Resource, nearest

_OWN = "meze_"
"""How the names of Meze's own tables begin; no way to a tenant leads over them."""
_USERS = "meze_users"


def read_tenancy(declaration: TenantDeclaration, resources: Registry) -> Tenancy:
    """Return the tenancy of a complete program. Closes, in `resources`, the fields that say whose a row is once it is
    made.

    Raises:
        Mistake: with the line of the declaration, or of the resource that it cannot hold.
    """
    membership = _Membership(declaration)
    tenant = membership.of.referred_table
    shared = {_resource(model, "shared=", declaration, resources).name for model in declaration.shared}
    named = {
        _resource(model, "through=", declaration, resources).table: _column(
            inspect(model), name, "through=", declaration
        )
        for model, name in declaration.through.items()
    }
    finder = _Ways(tenant, named, {each.table for each in resources if each.name in shared})
    ways: dict[str, Way] = {}
    astray: dict[str, str] = {}
    for resource in resources.served:
        if resource.name in shared and resource.table in (tenant, membership.table):
            raise Mistake(
                f"{resource.model.__name__} is named in shared=, and is what the tenants are made of.",
                "Leave it out of shared=.",
                declaration.where,
            )
        found = finder.from_shared(resource.table) if resource.name in shared else finder.from_table(resource.table)
        if isinstance(found, _Astray):
            if resource.name not in shared:
                raise found.mistake(resource, tenant, declaration)
            astray[resource.name] = found.cause
            continue
        ways[resource.name] = way_of(found)
        _close(resource, found, resources)
    founded = _founded(membership, resources) if declaration.founder is not None else None
    return Tenancy(
        declaration,
        membership.table,
        membership.table.alias(),
        tenant,
        membership.of,
        membership.user,
        membership.role,
        declaration.founder,
        founded,
        ways,
        frozenset(shared),
        astray,
    )


def check_role(role: Any, column: Column[Any], where: str | None) -> None:
    """Refuse the name of a role that the column can never hold."""
    type_, known = column.type, None
    if isinstance(type_, Enum):
        known = list(type_.enum_class) if type_.enum_class is not None and not isinstance(role, str) else type_.enums
    elif not isinstance(role, str) or (isinstance(type_, String) and len(role) > (type_.length or len(role))):
        known = []
    if known is not None and role not in known:
        names = [str(plain_role(each)) for each in known]
        near = nearest(str(plain_role(role)), names)
        raise Mistake(
            f"{column.table.name}.{column.key} can never hold {plain_role(role)!r}.",
            f"Did you mean {near!r}?" if near else f"It holds {', '.join(names) or type_}.",
            where,
        )


class _Membership:
    """The model of memberships, read."""

    def __init__(self, declaration: TenantDeclaration) -> None:
        self.declaration = declaration
        model = declaration.membership
        mapper = inspect(model, raiseerr=False)
        if not isinstance(mapper, Mapper) or not isinstance(mapper.local_table, Table):
            raise Mistake(
                f"{model!r} is no model.",
                "Give api.tenant the model that joins users to tenants: api.tenant(Membership, role=...).",
                declaration.where,
            )
        self.name = model.__name__
        if mapper.single:
            raise self._mistake(
                f"{self.name} shares the table {mapper.local_table.name} with other classes, whose rows would make "
                "members too.",
                "Give memberships a table of their own.",
            )
        self.mapper = mapper
        self.table = mapper.local_table
        self.user = self._user()
        self.of = self._of()
        self.role = None if declaration.role is None else _column(mapper, declaration.role, "role=", declaration)
        if declaration.founder is not None:
            if self.role is not None:
                check_role(declaration.founder, self.role, declaration.where)
            elif declaration.founder is not True:
                raise self._mistake(
                    f"founder={declaration.founder!r} names a role, and no attribute of {self.name} holds one.",
                    'Name it: role="role". Where memberships have no role, write founder=True.',
                )

    def _user(self) -> Column[Any]:
        if self.declaration.user is not None:
            return _column(self.mapper, self.declaration.user, "user=", self.declaration)
        found = [each for each in _foreign_keys(self.table) if each.referred_table.name == _USERS]
        if not found:
            raise self._mistake(
                f"{self.name} has no foreign key to {_USERS}, so it is nobody's membership.",
                f'Give it one: user_id: Mapped[int] = mapped_column(ForeignKey("{_USERS}.id", ondelete="CASCADE")).',
            )
        if len(found) > 1:
            raise self._mistake(
                f"{self.name} refers to {_USERS} by {_listed(found)}.",
                f'Say whose the membership is: user="{_attribute(self.mapper, found[0])}".',
            )
        return found[0].elements[0].parent

    def _of(self) -> ForeignKeyConstraint:
        others = [each for each in _foreign_keys(self.table) if not each.referred_table.name.startswith(_OWN)]
        if self.declaration.of is not None:
            column = _column(self.mapper, self.declaration.of, "of=", self.declaration)
            others = [each for each in others if column in each.columns.values()]
        if not others:
            raise self._mistake(
                f"{self.name} has no foreign key to the table of the tenants"
                + (f" by {self.declaration.of!r}." if self.declaration.of else "."),
                'Give it one: studio_id: Mapped[int] = mapped_column(ForeignKey("studios.id", ondelete="CASCADE")).',
            )
        if len(others) > 1:
            raise self._mistake(
                f"{self.name} refers to {_listed(others)}; which of them is the tenant?",
                f'Name it: of="{_attribute(self.mapper, others[0])}".',
            )
        (of,) = others
        if any(column.nullable for column in of.columns):
            raise self._mistake(
                f"{_said(of)} may be null, so a membership could be of no tenant.",
                "Let it be nullable=False: Mapped[int], not Mapped[int | None].",
            )
        if not _leads_to_key(of):
            raise self._mistake(
                f"{_said(of)} does not refer to the primary key of {of.referred_table.name}.",
                "Let it refer to the key, which never changes.",
            )
        return of

    def _mistake(self, cause: str, remedy: str) -> Mistake:
        return Mistake(cause, remedy, self.declaration.where)


Steps = tuple[ForeignKeyConstraint, ...]


class _Astray:
    """Why no way, or no single one, leads from a table to a tenant."""

    def __init__(self, cause: str, remedy: str) -> None:
        self.cause = cause
        self.remedy = remedy

    def mistake(self, resource: Resource, tenant: Table, declaration: TenantDeclaration) -> Mistake:
        kept = (
            f"api.tenant ({declaration.where}) keeps {tenant.name} apart"
            if declaration.where
            else "Tenants are kept apart"
        )
        return Mistake(
            f"{kept}, and {resource.model.__name__} {self.cause}",
            self.remedy.format(model=resource.model.__name__, tenant=tenant.name),
            resource.where,
        )


class _Ways:
    """Finds the way from each table to the tenant's."""

    def __init__(self, tenant: Table, named: dict[Table, Column[Any]], shared: set[Table]) -> None:
        self._tenant = tenant
        self._named = named
        self._shared = shared
        self._found: dict[Table, Steps | _Astray] = {}

    def from_table(self, table: Table) -> Steps | _Astray:
        """Return the way from a table, whose foreign keys may then not be null."""
        if table not in self._found:
            # A table that is met again while its own way is looked for is no way out of a circle.
            self._found[table] = _Astray("leads to none: its foreign keys go round in a circle.", _GIVE_ONE)
            self._found[table] = self._find(table, _foreign_keys(table))
        return self._found[table]

    def from_shared(self, table: Table) -> Steps | _Astray:
        """Return the way from a table whose rows need not belong to a tenant."""
        if table in self._named:
            return self._find(table, _foreign_keys(table))
        direct = [each for each in _foreign_keys(table) if self._direct(each)]
        return (direct[0],) if len(direct) == 1 else self._find(table, _foreign_keys(table))

    def _find(self, table: Table, keys: list[ForeignKeyConstraint]) -> Steps | _Astray:
        if table is self._tenant:
            return ()
        if table in self._named:
            column = self._named[table]
            keys = [each for each in keys if column in each.columns.values()]
            if not keys:
                return _Astray(f"leads nowhere by {column.key}, which is no foreign key.", "Name one in through=.")
        firm = [each for each in keys if not any(column.nullable for column in each.columns)]
        direct = [each for each in firm if self._direct(each)]
        if len(direct) == 1:
            return (direct[0],)
        found = {each: self._through(each) for each in firm}
        ways = {each: way for each, way in found.items() if not isinstance(way, _Astray)}
        if len(ways) == 1:
            return next(iter(ways.values()))
        if len(ways) > 1:
            first = next(iter(ways))
            return _Astray(
                f"leads to one by {len(ways)} ways: {_listed(ways)}.",
                f'Name the one that counts: through={{{{{{model}}: "{first.elements[0].parent.key}"}}}}.',
            )
        loose = [each for each in keys if each not in firm and not isinstance(self._through(each), _Astray)]
        if loose:
            return _Astray(
                f"leads to one by {_listed(loose)}, which may be null: such a row would be no tenant's, and nobody's.",
                "Let it be nullable=False, or name what is common to all: shared=({model},).",
            )
        return _Astray("leads to none by its foreign keys.", _GIVE_ONE)

    def _through(self, key: ForeignKeyConstraint) -> Steps | _Astray:
        table = key.referred_table
        if table is self._tenant and not _leads_to_key(key):
            return _Astray(f"refers by {_said(key)} to what is not the tenant's key.", "Let it refer to the key.")
        if table.name.startswith(_OWN) or table in self._shared or table is key.table:
            return _Astray("leads to none.", _GIVE_ONE)
        rest = self.from_table(table)
        return rest if isinstance(rest, _Astray) else (key, *rest)

    def _direct(self, key: ForeignKeyConstraint) -> bool:
        return key.referred_table is self._tenant and _leads_to_key(key)


_GIVE_ONE = 'Give it a ForeignKey("{tenant}.…"), or name what is common to all: api.tenant(..., shared=({model},)).'


def _close(resource: Resource, steps: Steps, resources: Registry) -> None:
    """Let the columns that name a row's tenant themselves be given once, when the row is made."""
    if len(steps) == 1:
        fields = (resource.field_of(column) for column in steps[0].columns)
        resources.add(replace(resource, fixed=frozenset(each.name for each in fields if each is not None)))


def _founded(membership: _Membership, resources: Registry) -> Resource:
    """Return the resource of memberships, of which one is made beside each tenant."""
    declaration, tenant = membership.declaration, membership.of.referred_table
    found = resources.of_table(membership.table)
    if found is None or resources.of_table(tenant) is None:
        missing = membership.name if found is None else f"the model of {tenant.name}"
        raise Mistake(
            f"founder= makes a membership whenever one of {tenant.name} is made, and {missing} is no resource.",
            f"Declare it: api.resource({missing if found is None else '...'}); without rules it is closed.",
            declaration.where,
        )
    given = {*membership.of.columns, membership.user, membership.role}
    lacking = [each.name for each in found.fields.values() if each.required and each.column not in given]
    if lacking:
        raise Mistake(
            f"founder= cannot make a membership: {membership.name}.{lacking[0]} needs a value.",
            "Give the column a default, or let it be null.",
            declaration.where,
        )
    return found


def _resource(model: Any, said: str, declaration: TenantDeclaration, resources: Registry) -> Resource:
    found = resources.of(model) if isinstance(model, type) else None
    if found is None:
        raise Mistake(
            f"{said} names {getattr(model, '__name__', repr(model))}, which is no resource.",
            "Name models that were given to api.resource(...).",
            declaration.where,
        )
    return found


def _column(mapper: Mapper[Any], name: Any, said: str, declaration: TenantDeclaration) -> Column[Any]:
    attributes = {each.key: each.columns[0] for each in mapper.column_attrs}
    column = attributes.get(str(name))
    if not isinstance(column, Column):
        near = nearest(str(name), attributes)
        raise Mistake(
            f"{said} names {name!r}, which {mapper.class_.__name__} does not have.",
            f"Did you mean {near!r}?" if near else f"It has {', '.join(attributes)}.",
            declaration.where,
        )
    return column


def _foreign_keys(table: Table) -> list[ForeignKeyConstraint]:
    return sorted(table.foreign_key_constraints, key=lambda each: tuple(each.column_keys))


def _leads_to_key(key: ForeignKeyConstraint) -> bool:
    return {each.column for each in key.elements} == set(key.referred_table.primary_key.columns)


def _attribute(mapper: Mapper[Any], key: ForeignKeyConstraint) -> str:
    return str(mapper.get_property_by_column(key.elements[0].parent).key)


def _said(key: ForeignKeyConstraint) -> str:
    return f"{key.table.name}.{', '.join(key.column_keys)}"


def _listed(keys: Iterable[ForeignKeyConstraint]) -> str:
    return ", ".join(_said(each) for each in keys)


def membership_of(term: InTenant, resource: Resource, tenancy: Tenancy) -> Rule:
    """Return what a term asks of the rows of a resource."""
    if term.declaration is not tenancy.declaration:
        raise Mistake(
            f"`{term!r}` is from another api than the one that serves {resource.name}.",
            "Use what api.tenant(...) of the same api returned.",
            resource.where,
        )
    if resource.name not in tenancy.ways:
        cause = tenancy.astray.get(resource.name, "belongs to none.")
        raise Mistake(
            f"`{term!r}` asks for the row's tenant, and {resource.model.__name__} {cause}",
            f"Give it a foreign key to {tenancy.tenant.name}, or leave the term out of its rules.",
            resource.where,
        )
    if term.as_roles is not None:
        assert tenancy.role is not None, "Tenant.role refuses to be asked without one"
        for each in term.as_roles:
            check_role(each, tenancy.role, resource.where)
    return tenancy.member(resource, term.as_roles)


def refuse_unknown_founder(create: Rule, resource: Resource) -> None:
    """Refuse that nobody in particular makes a tenant whose founder is to be its member."""
    if fold(create, Standing(signed_in=False, email_known=False, roles=frozenset())) != NOBODY_AT_ALL:
        raise Mistake(
            f"founder= makes whoever creates one of {resource.name} its member, and callers who are not signed in may.",
            "Let the create rule ask who it is: create=signed_in, or signed_in & (...).",
            resource.where,
        )
