"""The words of tenancy, as a program writes them: what `api.tenant(...)` was told, and the terms that it returns.

Like the other terms they are expressions that `|`, `&` and `~` combine, and never reach a database: `read.py` makes a
question to the table of memberships of them, at the row that the rule is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from meze.access.terms import Term, user_line
from meze.errors import Mistake


@dataclass(frozen=True, slots=True, eq=False)
class TenantDeclaration:
    """One call of `api.tenant`, as it was written; `where` is its `file:line`. Attributes are named as the models have
    them."""

    membership: Any
    where: str | None
    user: str | None = None
    of: str | None = None
    role: str | None = None
    founder: Any = None
    through: Mapping[Any, str] = field(default_factory=dict)
    shared: tuple[Any, ...] = ()
    admin: bool = True


class InTenant(Term):
    """True where the caller is a member of the tenant that the row belongs to, with one of some roles (None: any)."""

    def __init__(self, declaration: TenantDeclaration, as_roles: tuple[Any, ...] | None) -> None:
        self.declaration = declaration
        self.as_roles = as_roles
        self.words = member_words(as_roles)

    def __repr__(self) -> str:
        named = None if self.as_roles is None else ", ".join(repr(plain_role(each)) for each in self.as_roles)
        return "tenant.member" if named is None else f"tenant.role({named})"


class Tenant:
    """What `api.tenant(...)` returns: the terms that ask for the caller's membership, for use in rules."""

    def __init__(self, declaration: TenantDeclaration) -> None:
        self._declaration = declaration
        self.member = InTenant(declaration, None)

    def role(self, *names: Any) -> InTenant:
        """Return the condition that the caller is a member with one of these roles, in the tenant of the row."""
        if self._declaration.role is None:
            raise Mistake(
                "tenant.role() is asked, and api.tenant was not told which attribute of a membership holds its role.",
                'Name it: api.tenant(Membership, role="role").',
                user_line(),
            )
        if not names or any(not isinstance(name, str | Enum) for name in names):
            raise Mistake(
                "tenant.role() takes the names of roles.",
                'Write tenant.role("owner"), or several: tenant.role("owner", "editor").',
                user_line(),
            )
        return InTenant(self._declaration, names)

    def __repr__(self) -> str:
        return f"<Tenant by {getattr(self._declaration.membership, '__name__', self._declaration.membership)}>"


def again(declaration: TenantDeclaration, first: TenantDeclaration | None) -> Mistake:
    """Return what is wrong with a declaration of tenants that comes after another, or when requests are served."""
    if first is None:
        cause, remedy = "are declared after the first request was served", "Declare them while the app is made."
    else:
        cause, remedy = f"are declared twice, first at {first.where}", "Keep one api.tenant(...)."
    return Mistake(f"Tenants {cause}.", remedy, declaration.where)


def plain_role(role: Any) -> Any:
    """Return a role as it is said: an enum's member by its value."""
    return role.value if isinstance(role, Enum) else role


def member_words(as_roles: tuple[Any, ...] | None) -> str:
    """Return how a person reads it."""
    return "member" if as_roles is None else "member as " + " or ".join(str(plain_role(each)) for each in as_roles)
