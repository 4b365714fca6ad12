"""Whether a caller is a member of a row's tenant, found by following foreign keys from row to row in memory.

Only what was declared is taken from `meze.access`: which foreign keys lead to the tenant, and what a membership is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKeyConstraint, Table
from sqlalchemy.engine import Dialect

from meze.access.caller import Caller
from meze.verify.world import Change, Row, World

if TYPE_CHECKING:
    from meze.access.tenancy import Tenancy  # data alone, but the file holds code that is under test

Key = tuple[Any, ...]


class Tenants:
    """Follows one declaration of tenants."""

    def __init__(self, tenancy: Tenancy, dialect: Dialect) -> None:
        self.tenancy = tenancy
        self._dialect = dialect

    def bounds(self, resource_name: str, action: str, *, is_tenant: bool) -> bool:
        """Say whether `action` needs a membership: of every resource that is not shared, save to make a tenant."""
        bounded = resource_name in self.tenancy.ways and resource_name not in self.tenancy.shared
        return bounded and not (is_tenant and action == "create")

    def is_member(self, row: Row, caller: Caller, world: World, as_roles: Collection[Any] | None) -> bool:
        """Say whether the caller is a member of the tenant of `row`, with one of some roles (None: any)."""
        tenant = self.of(row, world)
        if caller.id is None or tenant is None:
            return False
        refers, user, role = self.tenancy.of, self.tenancy.user, self.tenancy.role
        for each in world.where(self.tenancy.membership, user.key, caller.id):
            if _led_to(refers, each) != tenant:
                continue
            if as_roles is None:
                return True
            assert role is not None
            held = self._stored(each[role.key])
            if held is not None and held in {self._stored(name) for name in as_roles}:
                return True
        return False

    def apart_from_founders(self, changes: Sequence[Change], caller: Caller) -> tuple[tuple[Change, ...], list[Row]]:
        """Return changes without the memberships that make the caller the first member of each new tenant, and the
        tenants whose maker did not become one."""
        left, unfounded = list(changes), []
        for change in changes:
            tenant = change.after
            if self.tenancy.founder is None or tenant is None or not self._is_new(change, self.tenancy.tenant):
                continue
            found = next((each for each in left if self._is_founders(each, tenant, caller)), None)
            if found is None:
                unfounded.append(tenant)
            else:
                left.remove(found)
        return tuple(left), unfounded

    def _is_founders(self, change: Change, tenant: Row, caller: Caller) -> bool:
        membership, role = change.after, self.tenancy.role
        if membership is None or not self._is_new(change, self.tenancy.membership):
            return False
        held = True if role is None else self._stored(membership[role.key]) == self._stored(self.tenancy.founder)
        theirs = membership[self.tenancy.user.key] == caller.id
        return held and theirs and _led_to(self.tenancy.of, membership) == tenant.key

    @staticmethod
    def _is_new(change: Change, table: Table) -> bool:
        return change.table is table and change.before is None

    def of(self, row: Row, world: World) -> Key | None:
        """Return the key of the tenant that a row belongs to; None where a key on the way leads nowhere."""
        way = next(each for each in self._ways(row))
        at: Row | None = row
        for step in way[:-1]:
            assert at is not None
            at = _followed(step, at, world)
            if at is None:
                return None
        assert at is not None
        if not way:
            return at.key
        tenant = _led_to(way[-1], at)
        return None if None in tenant else tenant

    def keep(
        self,
        names: tuple[str, str],
        key: ForeignKeyConstraint,
        rows: tuple[Row, Row | None, Row],
        world: World,
    ) -> bool:
        """Say whether a foreign key stays within a tenant; `names` are the resources of its two ends, `rows` the row as
        it would be, the one that it was (None: it is made), and the one that the key leads to.

        The key by which a row belongs to its tenant may lead to any when the row is made, and stays there afterwards.
        """
        ways = self.tenancy.ways
        if any(name not in ways for name in names):
            return True
        row, old, target = rows
        is_first = next(iter(ways[names[0]].steps), None) is key
        if is_first and old is None:
            return True
        here = self.of(old if is_first and old is not None else row, world)
        return here is not None and here == self.of(target, world)

    def _ways(self, row: Row) -> list[tuple[ForeignKeyConstraint, ...]]:
        ways = [each.steps for each in self.tenancy.ways.values()]
        if row.table is self.tenancy.tenant:
            return [()]
        return [steps for steps in ways if steps and steps[0].parent is row.table]

    def _stored(self, role: Any) -> Any:
        """Return a role as the database holds it, so that a member of an enum and its name are one."""
        column = self.tenancy.role
        assert column is not None
        process = column.type.dialect_impl(self._dialect).bind_processor(self._dialect)
        return role if role is None or process is None else process(role)


def _led_to(key: ForeignKeyConstraint, row: Row) -> Key:
    """Return the values that a foreign key holds, in the order of the key that it refers to."""
    held = {each.column: row[each.parent.key] for each in key.elements}
    return tuple(held.get(column) for column in key.referred_table.primary_key.columns)


def _followed(key: ForeignKeyConstraint, row: Row, world: World) -> Row | None:
    """Return the row that a foreign key leads to, by whichever columns of its table the key refers to."""
    pairs = [(each.column.key, row[each.parent.key]) for each in key.elements]
    (first, value), *others = pairs
    if value is None:
        return None
    found = world.where(key.referred_table, first, value)
    return next((each for each in found if all(each[name] == other for name, other in others)), None)
