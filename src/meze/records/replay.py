"""Ask again, before an answer is given once more, what it once depended on.

The rules of the actions must still let the caller in, and each row that stands in the answer must still be one that
the caller may read, with every field and relation that could be read of it then. A row that is gone is answered as one
that is hidden, so that nobody learns which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from meze.access.caller import Caller, Standing
from meze.access.policy import Policy
from meze.databases import Connection
from meze.errors import NotFound
from meze.records.records import Records
from meze.records.urls import key_values
from meze.records.visit import Notes, Visit, keyed
from meze.records.write import ask_fields
from meze.resources.registry import Registry
from meze.resources.resource import Resource


class Replays:
    """Writes down what an answer depends on, and asks it again."""

    def __init__(self, records: Records, resources: Registry, policy: Policy) -> None:
        self._records = records
        self._resources = resources
        self._policy = policy

    def rules(self, caller: Caller, notes: Notes, connection: Connection) -> dict[str, Any]:
        """Return what the answer to a caller depends on, as JSON, where `connection` has done the work."""
        standing = self._policy.standing(caller)
        shown = notes.shown
        if len(notes.asked) > 1:
            # One part of a request may have shown what a later part took away; that was so from the beginning.
            left = {name: self._left(name, caller, shown, connection) for name in {name for name, _ in shown}}
            shown = {at: related for at, related in shown.items() if at[1] in left[at[0]]}
        return {
            "asked": list(notes.asked),
            "shown": [(*at, related) for at, related in shown.items()],
            "held": {
                name: self._held(self._named(name), caller, [at for each, at in shown if each == name], connection)
                for name in {name for name, _ in shown}
            },
            "standing": [
                standing.signed_in,
                standing.email_known,
                sorted(standing.roles),
                None if standing.scopes is None else sorted(standing.scopes),
            ],
        }

    def ask_again(self, caller: Caller, rules: Mapping[str, Any]) -> None:
        """Let a caller pass to whom the answer may be given now.

        Raises:
            Unauthenticated, Forbidden: the rules of an action do not let the caller in any more.
            NotFound: something that stands in the answer is gone, or is not the caller's to see any more.
        """
        for name, action in rules["asked"]:
            self._records.visit(self._named(name), caller, action)
        shown = [(self._named(name), address, related) for name, address, related in rules["shown"]]
        signed_in, email_known, roles, scopes = rules["standing"]
        then = Standing(signed_in, email_known, frozenset(roles), None if scopes is None else frozenset(scopes))
        now = self._policy.standing(caller)
        if then != now and not all(self._sees(each, then, now) for each in self._in(shown)):
            raise NotFound
        addresses = {(resource.name, address): related for resource, address, related in shown}
        with self._records.lending.reading_any() as connection:
            for name in {name for name, _ in addresses}:
                if len(self._left(name, caller, addresses, connection)) < sum(name == at[0] for at in addresses):
                    raise NotFound
                self._compare_fields(self._named(name), caller, rules.get("held", {}).get(name, {}), connection)

    def _in(self, shown: Iterable[tuple[Resource, str, bool]]) -> Iterator[Resource]:
        """Yield the resources whose rows may stand in the answer: where related ones do, that may be all."""
        for resource, _, related in shown:
            yield resource
            if related:
                yield from self._resources
                return

    def _sees(self, resource: Resource, then: Standing, now: Standing) -> bool:
        """Say whether one who now has this standing may know all that could be known of a resource then."""
        before, after = self._policy.view(resource, then), self._policy.view(resource, now)
        return (
            before.askable.keys() <= after.askable.keys()
            and before.fields.keys() <= after.fields.keys()
            and before.relations.keys() <= after.relations.keys()
        )

    def _held(
        self, resource: Resource, caller: Caller, addresses: Iterable[str], connection: Connection
    ) -> dict[str, list[str]]:
        """Return by the addresses of rows which fields the caller may read of them, of those that the row decides."""
        standing = self._policy.standing(caller)
        names = tuple(self._policy.conditional(resource, "read", standing))
        if not names:
            return {}
        visit = Visit(resource, caller, standing)
        asked = self._records.lending.planned(
            visit, lambda: ask_fields(self._records.planner, resource, standing, "read", names)
        )
        held = {}
        for address in addresses:
            key = key_values(resource.key, unquote(address))
            rows = [] if key is None else connection.rows(asked, keyed(key) | visit.me)
            held[address] = [name for row in rows for name, may in zip(names, row, strict=True) if may]
        return held

    def _compare_fields(
        self, resource: Resource, caller: Caller, then: Mapping[str, list[str]], connection: Connection
    ) -> None:
        """Let pass where each field that could be read of a row then can be read now."""
        always = self._policy.view(resource, self._policy.standing(caller)).askable
        wanted = {address: [name for name in names if name not in always] for address, names in then.items()}
        now = self._held(resource, caller, [address for address, names in wanted.items() if names], connection)
        if any(not set(names) <= set(now.get(address, ())) for address, names in wanted.items()):
            raise NotFound

    def _left(
        self, name: str, caller: Caller, shown: Mapping[tuple[str, str], bool], connection: Connection
    ) -> frozenset[str]:
        """Return the addresses of those rows of one resource that the caller may read."""
        visit = self._records.visit(self._named(name), caller, "read")
        planner, key = self._records.planner, visit.resource.key
        plan = self._records.lending.planned(visit, lambda: planner.row(visit.resource, visit.standing))
        values = {address: key_values(key, unquote(address)) for each, address in shown if each == name}
        return frozenset(
            address
            for address, parts in values.items()
            if parts is not None and connection.rows(plan.statement, keyed(parts) | visit.me)
        )

    def _named(self, name: str) -> Resource:
        resource = self._resources.named(name)
        if resource is None:
            raise NotFound
        return resource
